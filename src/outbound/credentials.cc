#include "outbound/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "base/text.h"
#include "core/clock.h"
#include "core/run_on.h"

namespace riacho::outbound {
namespace {

constexpr std::int64_t kept_ns = 30'000'000'000;
constexpr std::size_t file_size_max = std::size_t{1} << 20;

// Empty when it cannot be read: the SDKs skip such a file, too.
std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string content(file_size_max, '\0');
    file.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    return content;
}

std::string path_of(const char* variable, std::string_view below_home) {
    if (std::string path = from_environment(variable); !path.empty()) return path;
    const std::string home = from_environment("HOME");
    return home.empty() ? "" : fmt::format("{}/.aws/{}", home, below_home);
}

std::string profile_name() {
    std::string name = from_environment("AWS_PROFILE");
    return name.empty() ? "default" : name;
}

struct Files {
    Profile credentials, config;
};
Files load_files() {
    const std::string name = profile_name();
    Files files;
    if (const std::string path = path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials"); !path.empty()) {
        files.credentials = parse_profile(read_file(path), name, false);
    }
    if (const std::string path = path_of("AWS_CONFIG_FILE", "config"); !path.empty()) {
        files.config = parse_profile(read_file(path), name, true);
    }
    return files;
}

bool is_complete(const AccessKeys& keys) { return !keys.access_key.empty() && !keys.secret.empty(); }

void take_setting(Profile& profile, std::string_view name, std::string_view value) {
    static constexpr std::string_view elsewhere[] = {"role_arn", "credential_process", "sso_session", "sso_start_url",
                                                     "web_identity_token_file"};
    if (name == "aws_access_key_id") profile.keys.access_key = value;
    if (name == "aws_secret_access_key") profile.keys.secret = value;
    if (name == "aws_session_token") profile.keys.session_token = value;
    if (name == "region") profile.region = value;
    if (std::ranges::find(elsewhere, name) != std::end(elsewhere) && profile.other_source.empty()) {
        profile.other_source = name;
    }
}

}  // namespace

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

Profile parse_profile(std::string_view text, std::string_view name, bool is_config) {
    Profile profile;
    bool is_inside = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        // An indented line belongs to a nested setting, and none of those is needed.
        const bool is_nested = line.starts_with(' ') || line.starts_with('\t');
        line = trimmed(line);
        if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
        if (line.starts_with('[')) {
            std::string_view section = trimmed(line.substr(1, std::min(line.find(']'), line.size()) - 1));
            constexpr std::string_view prefix = "profile";
            if (is_config && section.starts_with(prefix) && section.substr(prefix.size()).starts_with(' ')) {
                section = trimmed(section.substr(prefix.size()));
            } else if (is_config && section != "default") {
                section = {};
            }
            is_inside = !section.empty() && section == name;
            continue;
        }
        const std::size_t equals = line.find('=');
        if (!is_inside || is_nested || equals == std::string_view::npos) continue;
        take_setting(profile, lower(trimmed(line.substr(0, equals))), trimmed(line.substr(equals + 1)));
    }
    return profile;
}

CredentialChain::Found CredentialChain::load() {
    const auto found = [](AccessKeys keys) { return Found(std::make_shared<const AccessKeys>(std::move(keys))); };
    AccessKeys keys{from_environment("AWS_ACCESS_KEY_ID"), from_environment("AWS_SECRET_ACCESS_KEY"),
                    from_environment("AWS_SESSION_TOKEN")};
    if (is_complete(keys)) return found(std::move(keys));
    Files files = load_files();
    if (is_complete(files.credentials.keys)) return found(std::move(files.credentials.keys));
    if (is_complete(files.config.keys)) return found(std::move(files.config.keys));
    const std::string& other =
        files.credentials.other_source.empty() ? files.config.other_source : files.credentials.other_source;
    if (!other.empty()) {
        return fail(
            fmt::format("The profile {} takes its credentials from {}, which riacho does not support; give keys "
                        "in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
                        profile_name(), other));
    }
    return fail(
        fmt::format("There are no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor a profile "
                    "{} with keys.",
                    profile_name()));
}

std::string CredentialChain::load_region() {
    for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
        if (std::string region = from_environment(name); !region.empty()) return region;
    }
    Files files = load_files();
    return files.config.region.empty() ? files.credentials.region : files.config.region;
}

void CredentialChain::forget() {
    const MutexLock lock(mutex_);
    kept_until_ns_ = 0;
}

Task<CredentialChain::Found> CredentialChain::find(core::Core& core) {
    {
        const MutexLock lock(mutex_);
        if (kept_ != nullptr && clock_.monotonic().value() < kept_until_ns_) co_return kept_;
    }
    auto loaded = co_await core::run_on(pool_, core, [] { return load(); });
    if (!loaded) co_return fail(std::string("The node is stopping, or too much waits for its disk."));
    if (*loaded) {
        const MutexLock lock(mutex_);
        kept_ = **loaded;
        kept_until_ns_ = clock_.monotonic().value() + kept_ns;
    }
    co_return *std::move(loaded);
}

}  // namespace riacho::outbound
