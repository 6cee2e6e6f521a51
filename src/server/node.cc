#include "server/node.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <filesystem>
#include <future>
#include <ranges>
#include <span>
#include <system_error>
#include <unordered_map>

#include "aws/authenticator.h"
#include "aws/context.h"
#include "aws/gateway.h"
#include "aws/token_sealer.h"
#include "base/buffer.h"
#include "base/digest.h"
#include "base/try.h"
#include "catalog/catalog.h"
#include "catalog/keyring.h"
#include "core/clock.h"
#include "core/file_exists.h"
#include "core/log.h"
#include "core/memory_budget.h"
#include "core/memory_release.h"
#include "core/metrics.h"
#include "core/node_clock.h"
#include "core/replace_file.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/work_pool.h"
#include "http/server.h"
#include "http/tls.h"
#include "io/file_system.h"
#include "log/local_log.h"
#include "server/admin.h"
#include "server/catalog_applier.h"
#include "server/catalog_log.h"
#include "server/clock_file.h"
#include "server/clock_keeper.h"
#include "server/data_dir.h"
#include "server/descriptors.h"
#include "server/disk_usage.h"
#include "server/memory_plan.h"
#include "server/modules/data_streams.h"
#include "server/modules/services.h"
#include "server/open_fault.h"
#include "server/process_metrics.h"
#include "server/region_hints.h"
#include "server/router.h"
#include "server/status.h"
#include "streams/encryption.h"

namespace riacho::server {
namespace {

// Looks up access keys in the catalog and opens their secrets.
class CatalogCredentials final : public aws::CredentialStore {
public:
    CatalogCredentials(const catalog::Catalog& catalog, const catalog::Keyring& keyring)
        : catalog_(catalog), keyring_(keyring) {}

    [[nodiscard]] std::optional<aws::Credential> find(std::string_view access_key) const override {
        const auto found = catalog_.snapshot()->find_credential(access_key);
        if (found == nullptr) return std::nullopt;
        const std::string* const secret = opened(*found);
        if (secret == nullptr) return std::nullopt;
        // Sealing a secret gives a different text each time, so the sealed form distinguishes the successive keys of an
        // id.
        const std::uint64_t generation = std::hash<std::string>()(found->sealed_secret);
        return aws::Credential{found->account, *secret, {}, found->user, generation};
    }

private:
    // Kept by key id and sealed form, which is another one for each key of an id: to open a secret takes as long as to
    // check a signature with it. Null if it cannot be opened.
    const std::string* opened(const catalog::CredentialState& credential) const {
        constexpr std::size_t entries_max = 1'000;
        thread_local std::unordered_map<std::string, std::string> cache;
        std::string name = credential.access_key + credential.sealed_secret;
        if (const auto known = cache.find(name); known != cache.end()) return &known->second;
        auto secret = keyring_.open_secret(credential.access_key, credential.sealed_secret);
        if (!secret) return nullptr;
        if (cache.size() >= entries_max) cache.clear();
        return &cache.emplace(std::move(name), *std::move(secret)).first->second;
    }

    const catalog::Catalog& catalog_;
    const catalog::Keyring& keyring_;
};

ExitCode exit_code_of(catalog::StoreError::Kind kind) {
    switch (kind) {
        case catalog::StoreError::Kind::damaged:
            return exit_damaged;
        case catalog::StoreError::Kind::io:
        case catalog::StoreError::Kind::full:
            return exit_io;
        case catalog::StoreError::Kind::unknown_format:
            return exit_damaged;
    }
    return exit_failure;
}

ExitCode exit_code_of(http::ListenError::Kind kind) {
    using Kind = http::ListenError::Kind;
    switch (kind) {
        case Kind::address_in_use:
        case Kind::not_permitted:
        case Kind::other:
            return exit_unavailable;
        case Kind::bad_address:
        case Kind::certificate:
            return exit_configuration;
    }
    return exit_failure;
}

constexpr std::size_t metrics_connections_max = 16;

// A lower limit is logged as a warning.
constexpr std::size_t connections_expected = 1'000;

// Number of segments kept open: a quarter of the process's limit of open files, so that most descriptors remain for
// connections.
std::size_t open_segments_max() { return std::clamp<std::size_t>(descriptor_limit() / 4, 8, 4'096); }

// Threads of services for files outside the log, and their queue; threads are started on demand.
constexpr std::size_t file_threads = 4;
constexpr std::size_t pool_queue_max = 10'000;

// Shorter downtimes of the node are not logged.
constexpr std::int64_t gap_ms_told_min = 3'600'000;

std::string host_and_port(const std::string& host, std::uint16_t port) {
    return fmt::format("{}{}{}:{}", host.contains(':') ? "[" : "", host, host.contains(':') ? "]" : "", port);
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

}  // namespace

// Members in the order of construction; destroyed in reverse.
struct Node::Impl {
    Impl(const Config& c, DataDir dir) : config(c), data_dir(std::move(dir)), runtime(config.cores) {}

    Config config;
    DataDir data_dir;
    core::SystemClock system_clock;  // for the HTTP server, whose deadlines concern real clients
    core::TestClock test_clock{config.time_scale, config.test_clock_offset_ms};
    // For signature times, which clients take from their own clocks.
    core::Clock& machine_clock = config.test_clock ? static_cast<core::Clock&>(test_clock) : system_clock;
    core::NodeClock clock{machine_clock};
    const TimestampMs started = system_clock.now();
    core::SystemRng rng;
    core::Metrics metrics;
    std::optional<catalog::Keyring> keyring;
    const MemoryLimit memory_limit = config.memory_limit > 0 ? MemoryLimit{config.memory_limit, "memory-limit"}
                                                             : detect_memory_limit();
    const MemoryPlan plan = plan_memory(memory_limit.bytes, config.cores, config.cache_bytes);
    core::MemoryBudget memory{plan.shares};
    core::Runtime runtime;
    core::WorkPool files{{.name = "files", .threads_max = file_threads, .queue_max = pool_queue_max}};
    core::WorkPool compute{{.name = "compute", .threads_max = config.cores, .queue_max = pool_queue_max}};
    std::unique_ptr<log::Directory> directory;    // locked as long as any file in it is open
    std::deque<core::IdleRelease> idle_releases;  // one per core
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<CatalogApplier> applier;
    std::unique_ptr<log::LocalLog> log;
    std::optional<aws::TokenSealer> tokens;
    std::optional<CatalogLog> catalog_log;
    std::optional<DiskUsage> disk_usage;
    std::optional<RegionHints> region_hints;
    std::optional<DataStreamsModule> data_streams;
    std::vector<std::unique_ptr<Module>> services;  // all services except Data Streams
    std::optional<CatalogCredentials> credentials;
    std::optional<aws::Authenticator> authenticator;
    std::optional<aws::Gateway> gateway;
    std::optional<Admin> admin;
    std::optional<Router> router;
    std::optional<http::Server> server;
    std::optional<http::Server> metrics_server;  // with --metrics-listen
    std::optional<ClockKeeper> clock_keeper;
    http::TlsOptions certificate;
    std::future<Expected<void, http::TlsError>> making_certificate;  // valid while a certificate is being made
    std::atomic<bool> catalog_failed{false};
    std::atomic<bool> is_stopping{false};
    bool stopped = false;

    Expected<void, StartError> open_data(std::function<void()> on_failure, std::function<void()> on_progress);
    Expected<void, StartError> open_keyring(bool is_new);
    void make_modules();
    // The modules in the order in which they are started.
    std::vector<Module*> modules();
    void start_idle_releases();
    void resume_clock();
    void assemble_services();
    void begin_certificate();
    Expected<void, StartError> listen();
    void add_pages();
    void warn_without_users();
};

Expected<void, StartError> Node::Impl::open_data(std::function<void()> on_failure, std::function<void()> on_progress) {
    const auto report = [on_failure = std::move(on_failure)](std::string_view what) {
        core::log_line(core::LogLevel::error, "storage failed", {{"reason", what}});
        on_failure();
    };
    static const std::vector<std::string> neighbours = {"LOCK",  "keyring", "catalog",      "tls",
                                                        "admin", "buckets", clock_file_name};
    auto locked = log::Directory::open(data_dir.path(), neighbours, io::posix_file_system());
    if (!locked) return fail(StartError{exit_code_of(locked.error().fault), locked.error().message});
    directory = *std::move(locked);
    const bool is_new = !core::file_exists(data_dir.file("catalog.sqlite"));
    const auto report_catalog = [this, report](std::string_view what) {
        catalog_failed = true;
        report(what);
    };
    auto opened_catalog = catalog::Catalog::open(data_dir.path(), report_catalog);
    if (!opened_catalog)
        return fail(StartError{exit_code_of(opened_catalog.error().kind), opened_catalog.error().message});
    catalog = *std::move(opened_catalog);
    applier = std::make_unique<CatalogApplier>(*catalog);

    log::Options options;
    options.durability = config.durability;
    options.interval_ms = std::max<std::int64_t>(config.durability_interval_ms, 1);
    options.cache_bytes = plan.cache_bytes;
    options.cached_bytes_max = plan.cached_bytes_max;
    options.queue_bytes_max = plan.queue_bytes_max;
    options.memory = &memory;
    options.journal_files_max = std::max<std::size_t>(config.journal_bytes / options.journal_file_bytes, 3);
    options.open_files_max = open_segments_max();
    options.on_failure = report;
    options.on_replay = std::move(on_progress);
    auto opened_log = log::LocalLog::open(std::move(options), *directory, clock, rng, *applier);
    if (!opened_log) return fail(StartError{exit_code_of(opened_log.error().fault), opened_log.error().message});
    log = *std::move(opened_log);
    resume_clock();
    if (applier->unreadable()) {
        return fail(StartError{exit_damaged,
                               fmt::format("the journal in {} holds a command that does not fit the catalog, or that "
                                           "only a newer version can read",
                                           data_dir.path())});
    }
    // Replayed commands are durable already; they only have to become visible.
    catalog->publish();
    // After the log was opened, which verifies that the directory is riacho's.
    begin_certificate();
    TRY_VOID(open_keyring(is_new));
    applier->own_retention(*log);
    return check_shards_agree(*catalog, *log, data_dir.path());
}

// Opens the keyring, or creates one where nothing is sealed yet, and compares it with the catalog: with a wrong but
// valid keyring the node would start, and then fail at the first sealed record or secret.
Expected<void, StartError> Node::Impl::open_keyring(bool is_new) {
    const auto snapshot = catalog->snapshot();
    const auto users = snapshot->credentials();
    const auto known_streams = snapshot->all_streams();
    const auto sealing =
        std::ranges::find_if(known_streams, [](const auto& stream) { return !stream->data_keys.empty(); });
    const bool may_create = is_new && users.empty() && sealing == known_streams.end();
    auto opened = catalog::Keyring::open(data_dir.file("keyring"), may_create, rng);
    if (!opened) return fail(StartError{exit_keyring, opened.error().message});
    keyring.emplace(*std::move(opened));
    const streams::DataKeys data_keys(*keyring, rng, {});
    const std::uint32_t value = keyring->check_value();
    const auto stored = catalog->key_check();
    bool fits = !stored || *stored == value;
    // Also for directories without a check value (written by older versions, or killed before it was stored): tries to
    // open one secret of each kind.
    if (!users.empty()) {
        const auto& first = *users.front();
        fits = fits && keyring->open_secret(first.access_key, first.sealed_secret).has_value();
    }
    if (sealing != known_streams.end()) fits = fits && data_keys.can_open(**sealing);
    if (!fits) {
        return fail(StartError{exit_keyring, fmt::format("the key file {} is not the one that the data directory was "
                                                         "written with; put that one back",
                                                         data_dir.file("keyring"))});
    }
    if (!stored) catalog->set_key_check(value);
    return {};
}

void Node::Impl::start_idle_releases() {
    Buffer::set_kept_max(plan.buffer_kept_max);
    constexpr std::size_t small_limit = std::size_t{1} << 30;
    if (memory_limit.bytes < small_limit) core::keep_no_free_memory();
    core::add_release_hook(&aws::Gateway::release_idle_memory);
    for (std::size_t i = 0; i < runtime.size(); ++i) {
        idle_releases.emplace_back(runtime.core(i), i == 0 ? memory_limit.bytes : 0);
        idle_releases.back().start();
    }
}

void Node::Impl::resume_clock() {
    clock.resume(log->recovered_time(), load_clock_record(directory->fs(), directory->path()));
    clock_keeper.emplace(clock, *catalog, directory->fs(), directory->path());
    const std::int64_t gap_ms = clock.stats().gap_ms;
    if (gap_ms < gap_ms_told_min) return;
    core::log_line(core::LogLevel::warn, "retention waits: the clock is far past what is stored",
                   {{"ms", gap_ms},
                    {"until", "records have been kept for their whole retention"},
                    {"or", "riacho clock --accept"}});
}

std::vector<Module*> Node::Impl::modules() {
    std::vector<Module*> all;
    if (data_streams) all.push_back(&*data_streams);
    for (const auto& service : services) all.push_back(service.get());
    return all;
}

void Node::Impl::make_modules() {
    tokens.emplace(keyring->derive("tokens"), rng);
    Parts parts{.config = config,
                .runtime = runtime,
                .clock = clock,
                .machine_clock = machine_clock,
                .directory = *directory,
                .rng = rng,
                .metrics = metrics,
                .catalog = *catalog,
                .log = *log,
                .commands = *log,
                .keyring = *keyring,
                .tokens = *tokens,
                .memory = memory,
                .files = files,
                .compute = compute,
                .event_bytes_max = plan.event_bytes_max};
    data_streams.emplace(parts);
    parts.streams = &data_streams->directory();
    services = make_services(parts);
    catalog_log.emplace(*catalog);
    catalog->on_publish([this, modules = modules()](const catalog::Feed& feed) {
        catalog_log->on_publish(feed);
        for (Module* module : modules) module->on_publish(feed);
    });
}

void Node::Impl::assemble_services() {
    credentials.emplace(*catalog, *keyring);
    authenticator.emplace(aws::AuthenticatorOptions{config.auth == AuthMode::sigv4, config.account, config.region},
                          *credentials, machine_clock, rng);
    gateway.emplace(*authenticator, clock, rng);
    for (Module* module : modules()) {
        for (aws::ServiceEntry& entry : module->entries()) gateway->add_service(std::move(entry));
    }
    disk_usage.emplace(data_dir.path(), *catalog, files, system_clock);
    region_hints.emplace(*catalog, clock);
    gateway->on_not_found([this](const aws::OpContext& context, std::string_view name) {
        region_hints->on_not_found(context.account(), context.region(), name);
    });
    admin.emplace(*log, *catalog, *keyring, rng, clock, config.test_clock ? &test_clock : nullptr);
    add_pages();
}

void Node::Impl::add_pages() {
    metrics.add_collector([this](core::MetricsWriter& writer) { gateway->collect(writer); });
    metrics.add_collector([this](core::MetricsWriter& writer) { collect_log(*log, writer); });
    metrics.add_collector([this](core::MetricsWriter& writer) { collect_memory(memory, memory_limit.bytes, writer); });
    metrics.add_collector([this](core::MetricsWriter& writer) { collect_clock(clock, writer); });
    metrics.add_collector([this](core::MetricsWriter& writer) {
        collect_pools(std::array<const core::WorkPool*, 2>{&files, &compute}, writer);
    });
    metrics.add_collector([this](core::MetricsWriter& writer) { collect_http(server->stats(), writer); });
    metrics.add_collector([this](core::MetricsWriter& writer) { collect_process(started, writer); });
    metrics.add_collector([this](core::MetricsWriter& writer) { disk_usage->collect(writer); });
    Router::Pages pages;
    pages.health = [this] { return health_page(log->stats(), clock.stats(), config); };
    pages.ready = [this] { return readiness_page({log->stats().state, catalog_failed, is_stopping}); };
    pages.live = liveness_page;
    pages.metrics = [this] { return metrics.render(); };
    pages.welcome = {.region = config.region, .needs_keys = config.auth == AuthMode::sigv4};
    pages.metrics_apart = config.metrics_listen.has_value();
    pages.admin = [this](core::Core& core, std::string_view path, std::string_view body) {
        for (Module* module : modules()) {
            if (auto answer = module->administer(core, path, body)) return *std::move(answer);
        }
        return admin->handle(core, path, body);
    };
    pages.add_routes = [this](http::Mux& mux) {
        for (Module* module : modules()) module->add_routes(mux);
    };
    for (const Module* module : modules()) {
        if (!module->open_folder().empty()) pages.open_folders.push_back(module->open_folder());
    }
    pages.admin_token = admin->token();
    router.emplace(*gateway, std::move(pages), OriginPolicy(config.cors_origins, config.host_names));
}

// Without a configured certificate the node uses its own. The first start makes it, beside the rest of the start: the
// key and its four syncs would take a third of the time until the node listens.
void Node::Impl::begin_certificate() {
    certificate = {config.tls_cert, config.tls_key};
    if (!certificate.cert_path.empty()) return;
    certificate = {data_dir.file("tls-cert.pem"), data_dir.file("tls-key.pem")};
    const auto is_readable = [](const std::string& path) { return ::access(path.c_str(), R_OK) == 0; };
    if (is_readable(certificate.cert_path) && is_readable(certificate.key_path)) return;
    const std::int64_t not_before_s = system_clock.now().value() / 1000 - 3'600;
    const auto make = [paths = certificate, not_before_s] {
        const std::array<std::string, 1> names = {host_name()};
        return http::make_self_signed(paths, names, not_before_s);
    };
    try {
        making_certificate = std::async(std::launch::async, make);
    } catch (const std::system_error&) {
        // No further thread is to be had: it is made when it is asked for.
        making_certificate = std::async(std::launch::deferred, make);
    }
}

Expected<void, StartError> Node::Impl::listen() {
    http::ServerOptions options;
    options.address = config.listen_host;
    options.port = config.listen_port;
    const std::size_t wanted = std::min(config.connections_max, plan.connections_max);
    const std::size_t taken = open_descriptors() + (config.metrics_listen ? metrics_connections_max : 0);
    const auto descriptors = plan_descriptors(descriptor_limit(), taken, open_segments_max(), wanted);
    if (!descriptors) return fail(StartError{exit_configuration, descriptors.error()});
    options.connections_max = descriptors->connections;
    options.fd_reserve = descriptors->reserve;
    if (descriptors->connections < std::min<std::size_t>(wanted, connections_expected)) {
        core::log_line(core::LogLevel::warn, "few connections possible, the limit of open files is low",
                       {{"connections", descriptors->connections}, {"open_files", descriptor_limit()}});
    }
    options.requests_in_progress_max = plan.requests_in_progress_max;
    // The limit per address is meant for remote clients; on loopback all clients share one address.
    options.connections_per_address_max =
        config.listens_on_loopback() ? options.connections_max : options.connections_per_address_max;
    if (making_certificate.valid()) {
        const auto made = making_certificate.get();
        if (!made) return fail(StartError{exit_configuration, made.error().message});
    }
    options.tls = certificate;
    if (config.metrics_listen) {
        http::ServerOptions apart;
        apart.address = config.metrics_listen->host;
        apart.port = config.metrics_listen->port;
        apart.tls = certificate;
        apart.connections_max = metrics_connections_max;
        metrics_server.emplace(std::move(apart), runtime, system_clock, router->metrics_port(), memory);
        const auto listening = metrics_server->listen();
        if (!listening) return fail(StartError{exit_code_of(listening.error().kind), listening.error().message});
    }
    server.emplace(std::move(options), runtime, system_clock, *router, memory);
    const auto listening = server->listen();
    if (!listening) return fail(StartError{exit_code_of(listening.error().kind), listening.error().message});
    return {};
}

void Node::Impl::warn_without_users() {
    if (config.auth != AuthMode::sigv4 || catalog->snapshot()->credential_count() > 0) return;
    core::log_line(
        core::LogLevel::warn, "there is no user, so that every call will be refused",
        {{"make_one_by", "riacho user add NAME --data-dir " + std::filesystem::absolute(data_dir.path()).string()}});
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() { stop(0); }

Expected<std::unique_ptr<Node>, StartError> Node::start(const Config& config, std::function<void()> on_failure,
                                                        std::function<void()> on_progress) {
    auto dir = config.ephemeral ? DataDir::make_temporary() : DataDir::prepare(config.data_dir);
    if (!dir) return fail(StartError{exit_configuration, dir.error().message});
    auto node = std::unique_ptr<Node>(new Node(std::make_unique<Impl>(config, *std::move(dir))));
    Impl& impl = *node->impl_;
    TRY_VOID(impl.open_data(std::move(on_failure), std::move(on_progress)));
    impl.runtime.start();
    impl.start_idle_releases();
    impl.make_modules();
    TRY_VOID(impl.data_streams->create_streams());
    impl.assemble_services();
    TRY_VOID(impl.listen());
    for (Module* module : impl.modules()) module->start();
    impl.disk_usage->start();
    impl.clock_keeper->start();
    const std::string contact =
        fmt::format("{{\"address\":\"{}\",\"token\":\"{}\"}}\n", node->address(), impl.admin->token());
    if (const auto written = core::replace_file(impl.data_dir.file(admin_file), contact, {.is_durable = false});
        !written) {
        // The server works without the file, also on a full disk; only `riacho user` cannot find the server.
        core::log_line(core::LogLevel::warn, "no admin file", {{"error", written.error().describe()}});
    }
    if (!config.port_file.empty()) {
        const auto written =
            core::replace_file(config.port_file, fmt::format("{}\n", impl.server->port()), {.is_durable = false});
        if (!written) return fail(StartError{exit_configuration, written.error().describe()});
    }
    impl.warn_without_users();
    if (impl.metrics_server) {
        core::log_line(core::LogLevel::info, "listening for metrics",
                       {{"address", host_and_port(config.metrics_listen->host, impl.metrics_server->port())}});
    }
    core::log_line(core::LogLevel::info, "listening",
                   {{"address", node->address()},
                    {"data_dir", impl.data_dir.path()},
                    {"durability", to_string(config.durability)},
                    {"auth", config.auth == AuthMode::sigv4 ? "sigv4" : "off"},
                    {"memory_limit", impl.memory_limit.bytes},
                    {"memory_limit_from", impl.memory_limit.source},
                    {"certificate", impl.certificate.cert_path}});
    return node;
}

std::string Node::address() const { return host_and_port(impl_->config.listen_host, impl_->server->port()); }

void Node::stop(std::int64_t grace_ms) {
    Impl& impl = *impl_;
    if (std::exchange(impl.stopped, true)) return;
    impl.is_stopping = true;
    // Through the held directory: another server may have replaced the directory at the path.
    if (impl.directory) static_cast<void>(impl.directory->fs().unlink(impl.data_dir.file(admin_file)));
    const std::vector<Module*> modules = impl.modules();
    for (Module* module : modules) module->end_waits();
    if (impl.server) impl.server->stop(grace_ms);
    if (impl.metrics_server) impl.metrics_server->stop(0);
    for (Module* module : modules | std::views::reverse) module->stop();
    if (impl.disk_usage) impl.disk_usage->stop();
    impl.files.stop();
    impl.compute.stop();
    if (impl.clock_keeper) impl.clock_keeper->stop();
    if (impl.log) impl.log->close();
    if (impl.catalog) impl.catalog->close();
    impl.runtime.stop();
}

}  // namespace riacho::server
