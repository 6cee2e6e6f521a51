// `riacho serve`: the process that runs a node.
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "aws/call_log.h"
#include "base/exit_code.h"
#include "core/clock.h"
#include "core/log.h"
#include "server/commands.h"
#include "server/node.h"
#include "server/service_manager.h"

namespace riacho::server {
namespace {

constexpr std::int64_t grace_ms = 10'000;
// After a disk failure reads are served for this long; then the process ends, so that a supervisor can act.
constexpr int drain_s = 5;
constexpr std::uint64_t few_files = 4'096;

// The signals the main thread waits for; blocked before any other thread exists.
sigset_t awaited_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
    return signals;
}

std::string_view name_of(int signal) {
    if (signal == SIGINT) return "SIGINT";
    return signal == SIGHUP ? "SIGHUP" : "SIGTERM";
}

// Logs settings that are meant for tests, or that disable authentication, so that they are noticed.
void warn_of_dangerous_settings(const Config& config) {
    const auto warn = [](std::string_view setting, std::string_view effect) {
        core::log_line(core::LogLevel::warn, "dangerous setting", {{"setting", setting}, {"effect", effect}});
    };
    if (config.insecure) warn("insecure", "anyone who reaches the port may read, write and delete");
    if (config.faults.standing != streams::Faults{}) warn("fault", "calls fail on purpose");
    if (config.faults.accepts_header) warn("fault-header", "a request may ask to fail");
    if (!config.key_faults.empty()) warn("kms-key", "keys are unusable on purpose");
    if (config.time_scale > 1) warn("time-scale", "time passes too fast, and so does retention");
    if (config.test_clock) warn("test-clock", "time can be moved, and records expire by it");
    if (config.metrics_listen && !is_loopback_host(config.metrics_listen->host))
        warn("metrics-listen", "anyone who reaches the port may read names of streams, and figures");
}

void raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= few_files) return;
    core::log_line(core::LogLevel::warn, "few open files allowed: few connections will be served",
                   {{"limit", std::uint64_t{limit.rlim_cur}}, {"advised", few_files}});
}

}  // namespace

int serve(const Config& config) {
    core::configure_log(config.log_level, config.log_format);
    if (config.log_calls) aws::raise_call_lines();
    umask(077);
    raise_file_limit();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would hide how a child ends
    // Memory holds secrets and records, which must not go into core files.
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    const sigset_t signals = awaited_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    for (const std::string& name : unknown_variables()) {
        core::log_line(core::LogLevel::warn, "unknown variable", {{"name", name}});
    }
    warn_of_dangerous_settings(config);
    const char* notify_socket = std::getenv("NOTIFY_SOCKET");
    const ServiceManager manager(notify_socket == nullptr ? "" : notify_socket);
    const core::SystemClock clock;
    StartReport report(manager, clock);
    auto node = Node::start(config, [] { kill(getpid(), SIGUSR1); }, [&report] { report.progress(); });
    if (!node) {
        core::log_line(core::LogLevel::error, "cannot start", {{"reason", node.error().message}});
        return node.error().exit_code;
    }
    report.ready();
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGUSR1) {
        const timespec drain{drain_s, 0};
        siginfo_t info{};
        sigset_t ending;
        sigemptyset(&ending);
        for (const int ends : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ending, ends);
        sigtimedwait(&ending, &info, &drain);
        core::log_line(core::LogLevel::error, "stopping after a disk failure");
        manager.notify("STOPPING=1");
        (*node)->stop(0);
        return exit_io;
    }
    manager.notify("STOPPING=1");
    core::log_line(core::LogLevel::info, "stopping", {{"signal", name_of(signal)}});
    (*node)->stop(grace_ms);
    core::log_line(core::LogLevel::info, "stopped");
    return exit_ok;
}

Expected<std::shared_ptr<void>, cli::ServerFault> start_for_the_moment(const std::string& data_dir) {
    core::configure_log(core::LogLevel::error, core::LogFormat::logfmt);
    auto resolved = resolve_config({{"data-dir", {data_dir}}, {"listen", {"127.0.0.1:0"}}, {"ephemeral", {"false"}}});
    if (!resolved) return fail(cli::ServerFault{exit_usage, resolved.error()});
    resolved->config.create_streams.clear();
    resolved->config.port_file.clear();
    auto node = Node::start(resolved->config, [] {});
    if (!node) return fail(cli::ServerFault{node.error().exit_code, node.error().message});
    return std::shared_ptr<Node>(*std::move(node));
}

}  // namespace riacho::server
