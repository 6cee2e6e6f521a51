// S3Store: an object store behind the S3 API: Amazon's, or a compatible server's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "core/fwd.h"
#include "http/url.h"
#include "outbound/credentials.h"
#include "ports/object_store.h"

namespace riacho::http {
class Client;
struct ClientReply;
struct ClientRequest;
struct SendError;
}  // namespace riacho::http

namespace riacho::outbound {

struct S3Options {
    // A server other than Amazon's; its buckets are addressed by path: endpoint/BUCKET/KEY.
    std::optional<http::Url> endpoint;
    std::string region = "us-east-1";  // for the signature, until a bucket turns out to be in another one
};

// PutObject only, in one request whatever the size: no partial object is ever left behind. Signed with Signature
// Version 4, the payload included. Thread-safe; its parts outlive it.
class S3Store final : public ports::ObjectStore {
public:
    S3Store(S3Options options, http::Client& client, CredentialChain& credentials, const core::Clock& clock);

    // A second attempt is made at once, and only where the first one certainly stored nothing: the bucket is in another
    // region, the clock differs from the server's, the keys have changed, or the server does not know If-None-Match.
    Task<Expected<void, ports::StoreError>> put(core::Core& core, ports::ObjectName name,
                                                std::shared_ptr<const ports::Body> body,
                                                ports::PutOptions options) override;
    [[nodiscard]] std::string host_of(std::string_view bucket) const override;

private:
    struct Place {
        std::string url;
        std::string authority;
        std::string path;  // percent-encoded once
    };
    [[nodiscard]] Place place_of(std::string_view bucket, std::string_view key, std::string_view region) const;
    [[nodiscard]] std::string region_of(std::string_view bucket) const EXCLUDES(mutex_);
    [[nodiscard]] http::ClientRequest make_request(const ports::ObjectName& name, const ports::Body& body,
                                                   const ports::PutOptions& options, const AccessKeys& keys) const
        EXCLUDES(mutex_);
    // Nothing: the cause of the failure was corrected, and the call is to be repeated at once.
    [[nodiscard]] std::optional<ports::StoreError> judge(const ports::ObjectName& name,
                                                         const ports::PutOptions& options,
                                                         const http::ClientReply& reply) EXCLUDES(mutex_);
    bool learn_region(std::string_view bucket, std::string region) EXCLUDES(mutex_);
    bool learn_clock(std::optional<std::string_view> date) EXCLUDES(mutex_);

    const S3Options options_;
    http::Client& client_;
    CredentialChain& credentials_;
    const core::Clock& clock_;
    mutable Mutex mutex_;
    std::map<std::string, std::string, std::less<>> regions_ GUARDED_BY(mutex_);  // of buckets in other regions
    std::int64_t ahead_ms_ GUARDED_BY(mutex_) = 0;  // difference between the server's clock and ours
    bool knows_if_none_match_ GUARDED_BY(mutex_) = true;
};

}  // namespace riacho::outbound
