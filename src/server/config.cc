#include "server/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/try.h"
#include "outbound/object_stores.h"
#include "server/memory_plan.h"
#include "server/origin_policy.h"

namespace riacho::server {
namespace {

using Values = std::vector<std::pair<const Setting*, SettingValue>>;

std::string variable_name(std::string_view setting) {
    std::string name = "RIACHO_";
    for (const char c : setting) name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    return name;
}

// The entries of a comma-separated list without surrounding white space; empty entries are dropped.
std::vector<std::string> split_commas(std::string_view text) {
    constexpr std::string_view white = " \t\r\n";
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto comma = text.find(',');
        const std::string_view part = text.substr(0, comma);
        const auto begin = part.find_first_not_of(white);
        if (begin != std::string_view::npos) {
            parts.emplace_back(part.substr(begin, part.find_last_not_of(white) - begin + 1));
        }
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return parts;
}

// Whether Kubernetes has set the variable: for a Service named riacho or riacho-x it sets variables that begin with
// RIACHO_ in every container of the namespace.
bool is_of_kubernetes(std::string_view name, std::string_view value) {
    constexpr std::string_view port = "_PORT_";
    if (name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT")) return true;
    if (name.ends_with("_PORT")) return value.contains("://");
    const auto at = name.find(port);
    return at != std::string_view::npos && at + port.size() < name.size() && name[at + port.size()] >= '0' &&
           name[at + port.size()] <= '9';
}

std::optional<std::string> text_of(const toml::node& node) {
    if (const auto text = node.value_exact<std::string>()) return text;
    if (const auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
    if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
    return std::nullopt;
}

// Reads the file's values by setting name; unknown names are an error, because a misspelt setting would have no effect.
Expected<GivenFlags, std::string> read_file(const std::string& path) {
    toml::table table;
    try {
        table = toml::parse_file(path);
    } catch (const toml::parse_error& error) {
        return fail(fmt::format("cannot read the configuration file {}: {} (line {})", path, error.description(),
                                error.source().begin.line));
    }
    GivenFlags given;
    for (const auto& [key, node] : table) {
        const auto setting = std::ranges::find(all_settings(), key.str(), &Setting::name);
        if (setting == all_settings().end() || setting->name == "config") {
            return fail(fmt::format("{}: there is no setting named '{}'", path, key.str()));
        }
        std::vector<std::string> values;
        if (const auto* list = node.as_array(); list != nullptr && setting->repeatable) {
            for (const toml::node& element : *list) {
                auto text = text_of(element);
                if (!text) return fail(fmt::format("{}: '{}' must hold texts", path, key.str()));
                values.push_back(std::move(*text));
            }
        } else if (auto text = text_of(node)) {
            values.push_back(std::move(*text));
        } else {
            return fail(fmt::format("{}: '{}' has a value of the wrong kind", path, key.str()));
        }
        given.emplace_back(key.str(), std::move(values));
    }
    return given;
}

const std::vector<std::string>* find_given(const GivenFlags& given, std::string_view name) {
    const auto found = std::ranges::find(given, name, &GivenFlags::value_type::first);
    return found == given.end() ? nullptr : &found->second;
}

SettingValue pick(const Setting& setting, const GivenFlags& flags, const GivenFlags& file,
                  const std::string& file_path) {
    if (const auto* values = find_given(flags, setting.name)) return {*values, "flag"};
    const std::string variable = variable_name(setting.name);
    if (const char* text = std::getenv(variable.c_str()); text != nullptr) {
        return {setting.repeatable ? split_commas(text) : std::vector<std::string>{text}, variable};
    }
    if (const auto* values = find_given(file, setting.name)) return {*values, file_path};
    if (setting.repeatable) return {{}, "default"};
    return {{std::string(setting.default_value)}, "default"};
}

struct ConfigFile {
    std::string path;  // empty: no file
    GivenFlags values;
};

// Finds the file named by --config or RIACHO_CONFIG.
Expected<ConfigFile, std::string> find_file(const GivenFlags& flags) {
    ConfigFile file;
    if (const auto* given = find_given(flags, "config")) {
        file.path = given->front();
    } else if (const char* variable = std::getenv("RIACHO_CONFIG"); variable != nullptr) {
        file.path = variable;
    }
    if (!file.path.empty()) {
        TRY(file.values, read_file(file.path));
    }
    return file;
}

// Converts the resolved texts to typed values; keeps the first error.
class Reader {
public:
    explicit Reader(const Values& values) : values_(values) {}

    const std::string& text(std::string_view name) { return find(name).values.front(); }
    const std::vector<std::string>& list(std::string_view name) { return find(name).values; }

    bool flag(std::string_view name) {
        const std::string& value = text(name);
        if (value == "true" || value == "1" || value == "yes" || value == "on") return true;
        if (!value.empty() && value != "false" && value != "0" && value != "no" && value != "off") {
            problem(name, "is neither true nor false");
        }
        return false;
    }

    std::int64_t number(std::string_view name, std::int64_t lowest, std::int64_t highest) {
        const std::string& value = text(name);
        std::int64_t result = 0;
        const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), result);
        if (ec != std::errc() || end != value.data() + value.size() || result < lowest || result > highest) {
            problem(name, fmt::format("is not a whole number from {} to {}", lowest, highest));
            return lowest;
        }
        return result;
    }

    template <class Choice>
    Choice choice(std::string_view name, std::initializer_list<std::pair<std::string_view, Choice>> choices) {
        std::string allowed;
        for (const auto& [word, value] : choices) {
            if (word == text(name)) return value;
            allowed += allowed.empty() ? "" : ", ";
            allowed += word;
        }
        problem(name, "is none of " + allowed);
        return choices.begin()->second;
    }

    void problem(std::string_view name, std::string_view what) {
        if (!error_.empty()) return;
        const SettingValue& value = find(name);
        error_ = fmt::format("{} = '{}' ({}) {}", name, fmt::join(value.values, ","), value.source, what);
    }

    [[nodiscard]] const std::string& error() const { return error_; }

private:
    const SettingValue& find(std::string_view name) const {
        return std::ranges::find_if(values_, [&](const auto& entry) { return entry.first->name == name; })->second;
    }

    const Values& values_;
    std::string error_;
};

// HOST:PORT, [IPV6]:PORT; an empty host and * are every address.
std::optional<ListenAddress> parse_address(const std::string& text) {
    const auto colon = text.rfind(':');
    int port = -1;
    if (colon != std::string::npos) {
        const auto [end, ec] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
        if (ec != std::errc() || end != text.data() + text.size()) port = -1;
    }
    if (port < 0 || port > 65535) return std::nullopt;
    ListenAddress address{text.substr(0, colon), static_cast<std::uint16_t>(port)};
    if (address.host.size() > 1 && address.host.front() == '[' && address.host.back() == ']') {
        address.host = address.host.substr(1, address.host.size() - 2);
    }
    if (address.host.empty() || address.host == "*") address.host = "0.0.0.0";
    return address;
}

void read_listen(Reader& reader, Config& config) {
    const auto address = parse_address(reader.text("listen"));
    if (!address) return reader.problem("listen", "is not HOST:PORT");
    config.listen_host = address->host;
    config.listen_port = address->port;
    if (reader.text("metrics-listen").empty()) return;
    config.metrics_listen = parse_address(reader.text("metrics-listen"));
    if (!config.metrics_listen) reader.problem("metrics-listen", "is not HOST:PORT");
}

void read_durability(Reader& reader, Config& config) {
    const std::string& text = reader.text("durability");
    if (text == "sync") return;
    if (text == "os") {
        config.durability = log::Durability::os;
        return;
    }
    int interval = 0;
    if (text.starts_with("interval:")) std::from_chars(text.data() + 9, text.data() + text.size(), interval);
    if (interval < 1 || interval > 10'000)
        return reader.problem("durability", "is none of sync, interval:1..10000, os");
    config.durability = log::Durability::interval;
    config.durability_interval_ms = interval;
}

void read_streams(Reader& reader, Config& config) {
    for (const std::string& text : reader.list("create-stream")) {
        const auto colon = text.find(':');
        StreamToCreate stream{text.substr(0, colon), 1};
        if (colon != std::string::npos) {
            const auto [end, ec] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), stream.shards);
            if (ec != std::errc() || end != text.data() + text.size() || stream.shards < 1 || stream.shards > 10'000) {
                return reader.problem(
                    "create-stream",
                    fmt::format("has the entry '{}', which is not NAME or NAME:SHARDS with 1 to 10000 shards", text));
            }
        }
        const auto legal = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                   c == '-';
        };
        if (stream.name.empty() || stream.name.size() > 128 || !std::ranges::all_of(stream.name, legal)) {
            return reader.problem(
                "create-stream", fmt::format("has the entry '{}', whose name is not 1 to 128 of [a-zA-Z0-9_.-]", text));
        }
        config.create_streams.push_back(std::move(stream));
    }
}

void read_key_faults(Reader& reader, Config& config) {
    static const std::map<std::string_view, streams::KeyFault> faults = {
        {"denied", streams::KeyFault::access_denied},        {"disabled", streams::KeyFault::disabled},
        {"invalid-state", streams::KeyFault::invalid_state}, {"missing", streams::KeyFault::not_found},
        {"opt-in", streams::KeyFault::opt_in_required},      {"throttled", streams::KeyFault::throttling}};
    for (const std::string& text : reader.list("kms-key")) {
        const auto equals = text.rfind('=');
        const auto fault =
            equals == std::string::npos ? faults.end() : faults.find(std::string_view(text).substr(equals + 1));
        if (fault == faults.end()) {
            return reader.problem("kms-key",
                                  fmt::format("has the entry '{}', which is not KEY=STATE with one of denied, "
                                              "disabled, invalid-state, missing, opt-in, throttled",
                                              text));
        }
        config.key_faults[text.substr(0, equals)] = fault->second;
    }
}

void read_services(Reader& reader, Config& config) {
    Services& services = config.services;
    services = {.data_streams = false, .firehose = false, .analytics = false, .video = false};
    for (const std::string& name : split_commas(reader.text("services"))) {
        if (name == "data-streams") {
            services.data_streams = true;
        } else if (name == "firehose") {
            services.firehose = true;
        } else if (name == "analytics") {
            services.analytics = true;
        } else if (name == "video") {
            services.video = true;
        } else {
            reader.problem("services", "names something besides data-streams, firehose, analytics and video");
        }
    }
    config.advertise_url = reader.text("advertise-url");
    const std::string& url = config.advertise_url;
    const auto scheme = url.find("://");
    const bool is_http = url.starts_with("http://") || url.starts_with("https://");
    if (!url.empty() && (!is_http || url.size() == scheme + 3 || url.find_first_of("/?#", scheme + 3) != url.npos)) {
        reader.problem("advertise-url", "is not http:// or https:// with a host, and nothing behind it");
    }
}

void read_names(Reader& reader, Config& config) {
    config.cors_origins = reader.list("cors-origin");
    if (!std::ranges::all_of(config.cors_origins, [](const auto& text) { return text == "*" || is_origin(text); })) {
        reader.problem("cors-origin", "is neither * nor SCHEME://HOST[:PORT]");
    }
    config.host_names = reader.list("host-name");
    if (std::ranges::any_of(config.host_names, [](const auto& text) {
            return text.empty() || text.find_first_of(":/ *") != std::string::npos;
        })) {
        reader.problem("host-name", "is not a name without a port");
    }
}

// "512MiB", "2G", or a number of bytes; "auto" is 0.
void read_memory_limit(Reader& reader, Config& config) {
    static const std::map<std::string_view, std::uint64_t> units = {
        {"", 1},          {"B", 1},           {"K", 1U << 10U}, {"KiB", 1U << 10U},
        {"M", 1U << 20U}, {"MiB", 1U << 20U}, {"G", 1U << 30U}, {"GiB", 1U << 30U}};
    const std::string& text = reader.text("memory-limit");
    if (text == "auto") return;
    std::uint64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto unit = units.find(std::string_view(text).substr(static_cast<std::size_t>(end - text.data())));
    constexpr std::uint64_t limit_max = std::uint64_t{1} << 50U;
    if (ec != std::errc() || unit == units.end() || number > limit_max / unit->second) {
        return reader.problem("memory-limit", "is neither auto nor a size such as 512MiB or 2GiB");
    }
    if (number * unit->second < memory_limit_min) {
        return reader.problem("memory-limit", "is less than 256MiB, which no node works with");
    }
    config.memory_limit = number * unit->second;
}

Expected<Config, std::string> read_values(const Values& values) {
    Reader reader(values);
    Config config;
    config.data_dir = reader.text("data-dir");
    if (config.data_dir.empty()) reader.problem("data-dir", "is empty");
    read_listen(reader, config);
    read_durability(reader, config);
    read_streams(reader, config);
    read_key_faults(reader, config);
    config.consumers_max = static_cast<std::int32_t>(reader.number("consumers-max", 1, 10'000));
    config.limits = reader.choice<bool>("limits", {{"off", false}, {"aws", true}});
    config.s3_endpoint = reader.text("s3-endpoint");
    if (const auto usable = outbound::check_s3_endpoint(config.s3_endpoint); !usable) {
        reader.problem("s3-endpoint", "is not local, aws or a URL: " + usable.error());
    }
    read_services(reader, config);
    config.faults.accepts_header = reader.flag("fault-header");
    if (const auto faults = streams::parse_faults(reader.text("fault"))) {
        config.faults.standing = *faults;
    } else {
        reader.problem("fault", "is not a list of throttle=PERCENT, partial=PERCENT, error=PERCENT, delay=MS");
    }
    config.time_scale = reader.number("time-scale", 1, 100'000);
    constexpr std::int64_t clock_offset_ms_max = 10LL * 366 * 24 * 3'600'000;
    config.test_clock_offset_ms = reader.number("test-clock-offset", -clock_offset_ms_max, clock_offset_ms_max);
    config.test_clock = reader.flag("test-clock") || config.time_scale > 1 || config.test_clock_offset_ms != 0;
    config.ephemeral = reader.flag("ephemeral");
    config.auth = reader.choice<AuthMode>("auth", {{"off", AuthMode::off}, {"sigv4", AuthMode::sigv4}});
    config.insecure = reader.flag("insecure");
    read_names(reader, config);
    config.account = reader.text("account");
    if (config.account.size() != 12 ||
        !std::ranges::all_of(config.account, [](char c) { return c >= '0' && c <= '9'; })) {
        reader.problem("account", "is not an account id of 12 digits");
    }
    config.region = reader.text("region");
    config.transition_delay_ms = reader.number("transition-delay", 0, 600'000);
    config.tls_cert = reader.text("tls-cert");
    config.tls_key = reader.text("tls-key");
    if (config.tls_cert.empty() != config.tls_key.empty())
        reader.problem("tls-cert", "and tls-key must be given together");
    config.log_format = reader.choice<core::LogFormat>(
        "log-format", {{"logfmt", core::LogFormat::logfmt}, {"json", core::LogFormat::json}});
    config.log_level = reader.choice<core::LogLevel>("log-level", {{"info", core::LogLevel::info},
                                                                   {"debug", core::LogLevel::debug},
                                                                   {"warn", core::LogLevel::warn},
                                                                   {"error", core::LogLevel::error}});
    config.log_calls = reader.flag("log-calls");
    config.port_file = reader.text("port-file");
    config.cores = static_cast<std::size_t>(reader.number("cores", 0, 64));
    if (config.cores == 0) config.cores = static_cast<std::size_t>(std::clamp(sysconf(_SC_NPROCESSORS_ONLN), 1L, 4L));
    config.cache_bytes = static_cast<std::size_t>(reader.number("cache-mib", 0, 1 << 20)) << 20;
    read_memory_limit(reader, config);
    config.journal_bytes = static_cast<std::size_t>(reader.number("journal-mib", 64, 1 << 20)) << 20;
    config.connections_max = static_cast<std::size_t>(reader.number("connections-max", 1, 1'000'000));
    if (reader.error().empty() && config.auth == AuthMode::off && !config.listens_on_loopback() && !config.insecure) {
        reader.problem("listen", "is not a loopback address: that needs --auth=sigv4, or --insecure to accept anyone");
    }
    if (!reader.error().empty()) return fail(reader.error());
    return config;
}

// A TOML string with this content.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
            continue;
        }
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

// Whether TOML allows the value without quotes: true, false, and numbers.
bool is_bare(std::string_view text) {
    const bool digits =
        !text.empty() && text.size() < 19 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    return text == "true" || text == "false" || (digits && (text.size() == 1 || text.front() != '0'));
}

}  // namespace

const std::vector<Setting>& all_settings() {
    constexpr std::string_view storage = "Storage";
    constexpr std::string_view network = "Network";
    constexpr std::string_view security = "Security";
    constexpr std::string_view aws_behaviour = "AWS behaviour";
    constexpr std::string_view testing = "Testing";
    constexpr std::string_view logs = "Logs";
    constexpr std::string_view resources = "Memory and processors";
    static const std::vector<Setting> settings = {
        {"data-dir", storage, "./riacho-data", "DIR", "where everything is kept"},
        {"ephemeral", storage, "false", "", "use a temporary data directory and remove it at exit"},
        {"durability", storage, "sync", "MODE",
         "sync: acknowledge after the disk has it; interval:MS: sync every MS ms; os: never sync"},
        {"journal-mib", storage, "512", "MIB", "disk space of the journal"},
        {"listen", network, "127.0.0.1:4566", "HOST:PORT", "the address; port 0 picks a free one"},
        {"metrics-listen", network, "", "HOST:PORT", "serve /metrics there, and no longer on the main port"},
        {"port-file", network, "", "FILE", "write the port to FILE once the server accepts connections"},
        {"advertise-url", network, "", "URL",
         "the address of Video Streams' data endpoints, such as https://video.example.org; as each client sees the "
         "server if not given"},
        {"s3-endpoint", network, "", "URL",
         "the S3 server that delivery streams write to, aws for Amazon's, or local for folders in the data directory; "
         "default: AWS_ENDPOINT_URL_S3, else local"},
        {"connections-max", network, "10000", "N", "connections at one time"},
        {"auth", security, "off", "off|sigv4",
         "check signatures; off is the default and allowed on loopback addresses only"},
        {"insecure", security, "false", "", "accept any credentials on an address that is not loopback"},
        {"tls-cert", security, "", "FILE", "a certificate chain (PEM) instead of the self-signed one"},
        {"tls-key", security, "", "FILE", "its private key (PEM)"},
        {"cors-origin", security, "", "ORIGIN",
         "let web pages of this origin use the server; * lets every page (repeatable). Pages on loopback hosts always "
         "may",
         true},
        {"host-name", security, "", "NAME", "a name with a dot under which browsers and /metrics may ask (repeatable)",
         true},
        {"services", aws_behaviour, "data-streams,firehose,analytics,video", "NAMES",
         "the services that run, separated by commas"},
        {"create-stream", aws_behaviour, "", "NAME[:SHARDS]",
         "create a stream at start if it does not exist (repeatable)", true},
        {"account", aws_behaviour, "000000000000", "ID", "the account of callers that --auth=off lets in"},
        {"region", aws_behaviour, "us-east-1", "REGION",
         "the region of --create-stream, and of callers that name none"},
        {"limits", aws_behaviour, "off", "off|aws", "aws: throttle shards and calls as AWS does"},
        {"consumers-max", aws_behaviour, "20", "N", "registered consumers of a stream, queues counted; AWS allows 20"},
        {"transition-delay", aws_behaviour, "20", "MS", "how long CREATING, UPDATING and DELETING last"},
        {"fault", testing, "", "SPEC",
         "fail on purpose: a list of throttle=PERCENT, partial=PERCENT, error=PERCENT, delay=MS"},
        {"fault-header", testing, "false", "", "let a request ask for faults with X-Riacho-Fault: SPEC"},
        {"kms-key", testing, "", "KEY=STATE",
         "make a key unusable: denied, disabled, invalid-state, missing, opt-in, throttled (repeatable)", true},
        {"time-scale", testing, "1", "N", "let time pass N times as fast"},
        {"test-clock", testing, "false", "", "let `riacho clock` move time forward"},
        {"test-clock-offset", testing, "0", "MS", "start with a wall clock that is so far ahead, or behind"},
        {"log-format", logs, "logfmt", "logfmt|json", "how log lines look"},
        {"log-level", logs, "info", "debug|info|warn|error", "the least important lines that are written"},
        {"log-calls", logs, "false", "", "a line of level info for each call and each refused signature"},
        {"memory-limit", resources, "auto", "SIZE",
         "memory the process may use, such as 512MiB; auto: the control group's limit, else half of the RAM"},
        {"cache-mib", resources, "0", "MIB", "memory for the newest records; 0: by the memory limit, at most 512"},
        {"cores", resources, "0", "N", "event loops; 0: one per CPU, at most 4"},
        {"config", "Options", "", "FILE", "read settings from a TOML file"},
    };
    return settings;
}

bool is_loopback_host(std::string_view host) {
    return host.starts_with("127.") || host == "::1" || host == "localhost";
}

bool Config::listens_on_loopback() const { return is_loopback_host(listen_host); }

Expected<SettingValue, std::string> resolve_setting(std::string_view name, const GivenFlags& flags) {
    TRY(const ConfigFile file, find_file(flags));
    return pick(*std::ranges::find(all_settings(), name, &Setting::name), flags, file.values, file.path);
}

core::LogFormat log_format_of(const GivenFlags& flags) {
    auto value = resolve_setting("log-format", flags);
    if (!value) {  // the file cannot be read
        GivenFlags others = flags;
        std::erase_if(others, [](const auto& flag) { return flag.first == "config"; });
        value = pick(*std::ranges::find(all_settings(), "log-format", &Setting::name), others, {}, {});
    }
    return value->values.front() == "json" ? core::LogFormat::json : core::LogFormat::logfmt;
}

std::vector<std::string> unknown_variables() {
    constexpr std::string_view prefix = "RIACHO_";
    std::vector<std::string> known = {"RIACHO_ENDPOINT"};
    for (const Setting& setting : all_settings()) known.push_back(variable_name(setting.name));
    std::vector<std::string> unknown;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text(*variable);
        const std::string_view name = text.substr(0, text.find('='));
        if (!name.starts_with(prefix) || is_of_kubernetes(name, text.substr(std::min(name.size() + 1, text.size())))) {
            continue;
        }
        if (std::ranges::find(known, name) == known.end()) unknown.emplace_back(name);
    }
    std::ranges::sort(unknown);
    return unknown;
}

Expected<ResolvedConfig, std::string> resolve_config(const GivenFlags& flags) {
    TRY(const ConfigFile file, find_file(flags));
    ResolvedConfig resolved;
    for (const Setting& setting : all_settings()) {
        resolved.values.emplace_back(&setting, pick(setting, flags, file.values, file.path));
    }
    TRY(resolved.config, read_values(resolved.values));
    return resolved;
}

std::string describe_config(const ResolvedConfig& resolved) {
    std::string text;
    for (const auto& [setting, value] : resolved.values) {
        std::string shown;
        if (setting->repeatable) {
            for (const std::string& element : value.values) {
                shown += shown.empty() ? "" : ", ";
                shown += quoted(element);
            }
            shown = fmt::format("[{}]", shown);
        } else {
            const std::string& text_given = value.values.front();
            shown = is_bare(text_given) ? text_given : quoted(text_given);
        }
        // A configuration file cannot name another file.
        const std::string_view mark = setting->name == "config" ? "# " : "";
        text += fmt::format("{:<50} # {}\n", fmt::format("{}{} = {}", mark, setting->name, shown), value.source);
    }
    return text;
}

}  // namespace riacho::server
