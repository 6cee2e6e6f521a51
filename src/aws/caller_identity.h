// GetCallerIdentity of the Security Token Service, for clients that call it before Kinesis: the Producer Library up to
// 1.0.4 (data-streams spec 6.2), Terraform, and people.
#pragma once

#include <string_view>

#include "core/fwd.h"
#include "http/fwd.h"
#include "http/message.h"

namespace riacho::aws {

class Authenticator;

// True for a form that requests GetCallerIdentity. AWS: the query protocol; the operation is in the body, not in a
// header.
bool asks_for_caller_identity(std::string_view media_type, std::string_view body);

// A reply with the caller's account, or the error of its signature.
http::Response caller_identity(const Authenticator& authenticator, const http::Request& request, core::Rng& rng);

}  // namespace riacho::aws
