#include "core/detail/start_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "core/detail/sandbox.h"

namespace riacho::core {
namespace {

constexpr int unknown_exit_code = 127;

// Everything the new process needs, made before it exists: between vfork and execve it shares the memory of this
// process, whose other threads go on and may hold any lock. It may make system calls and nothing else.
struct Plan {
    std::array<int, 3> pipes{};  // become descriptors 0, 1, 2
    int failure = -1;            // where an errno is written
    int file_rules = -1;
    const sock_fprog* calls = nullptr;
    std::vector<std::pair<int, rlim_t>> limits;
    pid_t parent = 0;
    const char* path = nullptr;
    char* const* arguments = nullptr;
};

// The handlers of this process would run in the new one. Ignored signals would stay ignored after execve.
void reset_signals() {
    // As the kernel has them: handler, flags, restorer and mask are all zero.
    constexpr std::array<unsigned long, 4> defaults{};
    for (int signal = 1; signal < NSIG; ++signal) {
        ::syscall(SYS_rt_sigaction, signal, defaults.data(), nullptr, sizeof(std::uint64_t));
    }
}

bool limit(const Plan& plan) {
    for (const auto& [resource, most] : plan.limits) {
        const rlimit value{most, most};
        if (::syscall(SYS_prlimit64, 0, resource, &value, nullptr) != 0) return false;
    }
    return true;
}

// Returns only on failure.
void run_program(const Plan& plan) {
    // A process whose parent died before the first call would never be killed.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return;
    if (::getppid() != plan.parent) {
        errno = ESRCH;
        return;
    }
    reset_signals();
    if (::setsid() < 0 || ::chdir("/") != 0) return;
    for (std::size_t i = 0; i < plan.pipes.size(); ++i) {
        if (::syscall(SYS_dup3, plan.pipes[i], static_cast<int>(i), 0) < 0) return;
    }
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return;
    if (plan.file_rules >= 0 && ::syscall(SYS_landlock_restrict_self, plan.file_rules, 0) != 0) return;
    if (::syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return;
    if (!limit(plan)) return;
    constexpr std::uint64_t no_signals = 0;
    if (::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, sizeof no_signals) != 0) return;
    if (plan.calls != nullptr && ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, plan.calls) != 0) return;
    char* const no_environment = nullptr;
    ::execve(plan.path, plan.arguments, &no_environment);
}

[[noreturn]] void become_program(const Plan& plan) {
    run_program(plan);
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(plan.failure, &error, sizeof error);
    ::_exit(unknown_exit_code);
}

// A signal that arrives while both processes use one memory must not run a handler in the new one.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

// The errno that the process wrote before it ended; 0 if the program was loaded, which closes the pipe.
int failure_of(int pipe) {
    int error = 0;
    ssize_t size = 0;
    do {
        size = ::read(pipe, &error, sizeof error);
    } while (size < 0 && errno == EINTR);
    return size == sizeof error ? error : 0;
}

// A limit that this process may not exceed either.
std::pair<int, rlim_t> within(int resource, rlim_t most) {
    rlimit present{};
    ::syscall(SYS_prlimit64, 0, resource, nullptr, &present);
    return {resource, std::min(most, present.rlim_max)};
}

// Never inlined: the frame of a caller of vfork is used by two processes.
[[gnu::noinline]] pid_t start(const Plan& plan) {
    const SignalsBlocked blocked;
    const pid_t id = ::vfork();
    if (id == 0) become_program(plan);
    return id;
}

}  // namespace

Expected<Process, int> start_process(const ProcessOptions& options) {
    std::vector<char*> arguments{const_cast<char*>(options.path.c_str())};
    for (const std::string& argument : options.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);

    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno);
    const Descriptor reading(ends[0]);
    Descriptor writing(ends[1]);

    Plan plan;
    plan.pipes = {options.input, options.output, options.messages};
    plan.failure = writing.get();
    plan.limits = {within(RLIMIT_AS, options.memory_bytes_max),
                   within(RLIMIT_CPU, static_cast<rlim_t>(options.cpu_s_max)),
                   within(RLIMIT_NOFILE, options.open_files_max), within(RLIMIT_CORE, 0)};
    plan.parent = ::getpid();
    plan.path = options.path.c_str();
    plan.arguments = arguments.data();

    std::vector<sock_filter> filter;
    sock_fprog calls{};
    Descriptor file_rules;
    if (options.is_sandboxed) {
        filter = make_system_call_filter();
        calls = {.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
        plan.calls = &calls;
        plan.limits.push_back(within(RLIMIT_FSIZE, 0));
        auto rules = make_file_rules(options.path);
        if (!rules) return fail(rules.error());
        file_rules = *std::move(rules);
        plan.file_rules = file_rules.get();
    }

    Process process;
    process.id = start(plan);
    if (process.id < 0) return fail(errno);
    writing = Descriptor();
    int error = failure_of(reading.get());
    if (error == 0) {
        process.handle = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process.id, 0)));
        if (!process.handle.is_open()) error = errno;
    }
    if (error == 0) return process;
    kill_process(process);
    reap_process(process);
    return fail(error);
}

void kill_process(const Process& process) {
    ::kill(-process.id, SIGKILL);
    ::kill(process.id, SIGKILL);
}

ProcessEnd reap_process(const Process& process) {
    siginfo_t info{};
    int done = 0;
    do {
        done = ::waitid(P_PID, static_cast<id_t>(process.id), &info, WEXITED);
    } while (done != 0 && errno == EINTR);
    // Somebody else has reaped it: how it ended is not known, so it did not end well.
    if (done != 0) return {.exit_code = unknown_exit_code};
    if (info.si_code == CLD_EXITED) return {.exit_code = info.si_status};
    return {.signal = info.si_status};
}

}  // namespace riacho::core
