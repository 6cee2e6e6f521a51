// GetCallerIdentity of the Security Token Service, for clients that ask who they are before they speak to Kinesis: the
// Producer Library up to 1.0.4 (data-streams spec 6.2), Terraform, people.
#pragma once

#include <string_view>

#include "core/fwd.h"
#include "http/fwd.h"
#include "http/message.h"

namespace riacho::aws {

class Authenticator;

// True for a form that asks for it. AWS: the query protocol; the operation is in the body, not in a header.
bool asks_for_caller_identity(std::string_view media_type, std::string_view body);

// The account of the caller, or why the signature is refused.
http::Response caller_identity(const Authenticator& authenticator, const http::Request& request, core::Rng& rng);

}  // namespace riacho::aws
