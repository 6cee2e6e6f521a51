// Credentials for calls to AWS and compatible servers, found in the places where the SDKs look.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"
#include "core/fwd.h"
#include "core/task_fwd.h"

namespace riacho::outbound {

struct AccessKeys {
    std::string access_key;
    std::string secret;
    std::string session_token;  // empty: none

    friend bool operator==(const AccessKeys&, const AccessKeys&) = default;
};

// Empty for a variable that is not set.
std::string from_environment(const char* name);

// The settings of one profile in a credentials or config file; empty where they are absent.
struct Profile {
    AccessKeys keys;
    std::string region;
    // The first setting that names another source of keys ("role_arn", "credential_process", "sso_session"...).
    std::string other_source;
};
// `is_config`: sections are "[profile NAME]", except "[default]".
Profile parse_profile(std::string_view text, std::string_view name, bool is_config);

// In this order: AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; the profile AWS_PROFILE, else
// "default", of AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials; the same profile of AWS_CONFIG_FILE, else
// ~/.aws/config. Files are read again when they are older than half a minute in memory, or when a server refused what
// they said. Not among them: roles, single sign-on, and the metadata services of containers and instances.
// Thread-safe.
class CredentialChain {
public:
    CredentialChain(core::WorkPool& pool, const core::Clock& clock) : pool_(pool), clock_(clock) {}

    using Found = Expected<std::shared_ptr<const AccessKeys>, std::string>;
    // The error is a sentence.
    Task<Found> find(core::Core& core);
    // The keys were refused: files are read anew by the next find().
    void forget();

    // Blocking; the environment and the files as they are now.
    static Found load();
    // AWS_REGION, AWS_DEFAULT_REGION, or the profile's; empty if none says. Blocking.
    static std::string load_region();

private:
    core::WorkPool& pool_;
    const core::Clock& clock_;
    Mutex mutex_;
    std::shared_ptr<const AccessKeys> kept_ GUARDED_BY(mutex_);
    std::int64_t kept_until_ns_ GUARDED_BY(mutex_) = 0;
};

}  // namespace riacho::outbound
