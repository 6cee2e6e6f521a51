#include "outbound/object_stores.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "core/task.h"
#include "http/client.h"
#include "outbound/credentials.h"
#include "outbound/local_buckets.h"
#include "outbound/s3.h"

namespace riacho::outbound {
namespace {

http::ClientOptions client_options() {
    http::ClientOptions options;
    options.ca_file = from_environment("AWS_CA_BUNDLE");
    options.proxies = http::proxies_from_environment();
    options.addresses = http::AddressRule::no_link_local;
    // The memory for bodies already bounds the number of calls; a delivery that waits for a connection would count as
    // one that its server did not answer.
    options.connections_per_host_max = 128;
    return options;
}

// The S3 store with the objects that it alone uses.
class OwnedS3 final : public ports::ObjectStore {
public:
    OwnedS3(S3Options options, const ObjectStoreParts& parts)
        : client_(client_options(), parts.runtime, parts.machine_clock),
          credentials_(parts.pool, parts.machine_clock),
          store_(std::move(options), client_, credentials_, parts.machine_clock) {}

    Task<Expected<void, ports::StoreError>> put(core::Core& core, ports::ObjectName name,
                                                std::shared_ptr<const ports::Body> body,
                                                ports::PutOptions options) override {
        return store_.put(core, std::move(name), std::move(body), std::move(options));
    }
    [[nodiscard]] std::string host_of(std::string_view bucket) const override { return store_.host_of(bucket); }
    void stop() override { client_.stop(); }

private:
    http::Client client_;
    CredentialChain credentials_;
    S3Store store_;
};

// The setting, or else the value of the SDKs' variable.
std::string chosen_endpoint(const std::string& setting) {
    if (!setting.empty()) return setting;
    if (equal_ignoring_case(from_environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true")) return "local";
    std::string url = from_environment("AWS_ENDPOINT_URL_S3");
    return url.empty() ? "local" : url;
}

}  // namespace

Expected<void, std::string> check_s3_endpoint(const std::string& text) {
    const std::string endpoint = chosen_endpoint(text);
    if (endpoint == "local" || endpoint == "aws") return {};
    const auto url = http::parse_url(endpoint);
    if (!url) return fail(text.empty() ? fmt::format("{} (AWS_ENDPOINT_URL_S3)", url.error()) : url.error());
    return {};
}

Expected<ObjectStoreMade, std::string> make_object_store(const ObjectStoreOptions& options, ObjectStoreParts parts) {
    const std::string endpoint = chosen_endpoint(options.s3_endpoint);
    ObjectStoreMade made;
    if (endpoint == "local") {
        made.store = std::make_unique<LocalBuckets>(parts.file_system, options.local_root, parts.pool);
        made.description = options.local_root;
        return made;
    }
    S3Options s3;
    s3.region = CredentialChain::load_region();
    if (s3.region.empty()) s3.region = options.region;
    made.description = endpoint;
    if (endpoint != "aws") {
        TRY(s3.endpoint, http::parse_url(endpoint));
    }
    made.store = std::make_unique<OwnedS3>(std::move(s3), parts);
    return made;
}

}  // namespace riacho::outbound
