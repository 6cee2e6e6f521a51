#include "core/detail/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace riacho::core {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t this_architecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t other_architecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t this_architecture = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t other_architecture = AUDIT_ARCH_X86_64;
#endif

constexpr std::uint32_t unsound =
    0xDEAD'BEEF;  // the program left itself, or has an instruction that the kernel would refuse

// What the kernel does with a filter, for the instructions that this one has.
std::uint32_t answer_of(const std::vector<sock_filter>& filter, const seccomp_data& call) {
    std::uint32_t word = 0;
    for (std::size_t at = 0; at < filter.size(); ++at) {
        const sock_filter& step = filter[at];
        bool jumps = false;
        switch (step.code) {
            case BPF_LD | BPF_W | BPF_ABS:
                if (step.k % 4 != 0 || step.k + 4 > sizeof call) return unsound;
                std::memcpy(&word, reinterpret_cast<const char*>(&call) + step.k, sizeof word);
                continue;
            case BPF_RET | BPF_K:
                return step.k;
            case BPF_JMP | BPF_JEQ | BPF_K:
                jumps = word == step.k;
                break;
            case BPF_JMP | BPF_JGE | BPF_K:
                jumps = word >= step.k;
                break;
            case BPF_JMP | BPF_JSET | BPF_K:
                jumps = (word & step.k) != 0;
                break;
            default:
                return unsound;
        }
        at += jumps ? step.jt : step.jf;
    }
    return unsound;
}

class Filter : public ::testing::Test {
protected:
    std::uint32_t answer(long number, std::uint64_t first = 0, std::uint64_t second = 0,
                         std::uint64_t third = 0) const {
        seccomp_data call{};
        call.nr = static_cast<int>(number);
        call.arch = this_architecture;
        call.args[0] = first;
        call.args[1] = second;
        call.args[2] = third;
        return answer_of(filter, call);
    }
    static std::uint32_t failing(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

    const std::vector<sock_filter> filter = make_system_call_filter();
};

TEST_F(Filter, fits_the_kernel) { EXPECT_LE(filter.size(), std::size_t{BPF_MAXINSNS}); }

TEST_F(Filter, allows_what_a_program_needs) {
    for (const long number : {SYS_read, SYS_write, SYS_mmap, SYS_munmap, SYS_brk, SYS_futex, SYS_exit_group, SYS_execve,
                              SYS_rt_sigaction, SYS_clock_gettime, SYS_getrandom, SYS_newfstatat, SYS_close}) {
        EXPECT_EQ(answer(number), SECCOMP_RET_ALLOW) << number;
    }
}

TEST_F(Filter, refuses_network_processes_and_changes_of_files) {
    for (const long number : {SYS_socket, SYS_connect, SYS_ptrace, SYS_kill, SYS_unlinkat, SYS_renameat2, SYS_mount,
                              SYS_bpf, SYS_io_uring_setup, SYS_truncate, SYS_setns, SYS_reboot, SYS_fchmodat}) {
        EXPECT_EQ(answer(number), failing(EPERM)) << number;
    }
}

TEST_F(Filter, judges_by_arguments) {
    EXPECT_EQ(answer(SYS_openat, 0, 0, O_RDONLY | O_DIRECTORY | O_CLOEXEC), SECCOMP_RET_ALLOW);
    for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_TMPFILE | O_RDWR}) {
        EXPECT_EQ(answer(SYS_openat, 0, 0, static_cast<std::uint64_t>(flags)), failing(EACCES)) << flags;
    }
    EXPECT_EQ(answer(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer(SYS_clone, CLONE_VM | CLONE_VFORK), failing(EPERM));
    EXPECT_EQ(answer(SYS_prlimit64, 0), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer(SYS_prlimit64, 1), failing(EPERM));
    EXPECT_EQ(answer(SYS_fcntl, 0, F_GETFL), SECCOMP_RET_ALLOW);
    EXPECT_EQ(answer(SYS_fcntl, 0, F_SETOWN), failing(EPERM));
}

TEST_F(Filter, has_calls_missing_that_it_cannot_judge_or_does_not_know) {
    EXPECT_EQ(answer(SYS_clone3), failing(ENOSYS));
    EXPECT_EQ(answer(SYS_openat2), failing(ENOSYS));
    EXPECT_EQ(answer(500), failing(ENOSYS));
}

TEST_F(Filter, kills_at_a_call_of_another_architecture) {
    seccomp_data call{};
    call.nr = SYS_read;
    call.arch = other_architecture;
    EXPECT_EQ(answer_of(filter, call), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(answer(0x4000'0000), SECCOMP_RET_KILL_PROCESS) << "the x32 ABI's";
}

}  // namespace
}  // namespace riacho::core
