#include "core/detail/sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "core/log.h"

namespace riacho::core {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
#error "name the architecture of system calls here"
#endif

// Numbers from here on are the x32 ABI's, which counts as the same architecture.
constexpr std::uint32_t x32_first = 0x40000000;

constexpr auto refused = std::to_array<std::uint32_t>({
    // the network and IPC
    SYS_socket,
    SYS_socketpair,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_shmget,
    SYS_msgget,
    SYS_semget,
    SYS_mq_open,
    SYS_mq_unlink,
    // other processes
    SYS_tgkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_setpriority,
    SYS_sched_setscheduler,
    SYS_sched_setparam,
    SYS_sched_setattr,
    SYS_ioprio_set,
    SYS_process_madvise,
    SYS_move_pages,
    SYS_migrate_pages,
    SYS_ptrace,
    SYS_kill,
    SYS_tkill,
    SYS_pidfd_open,
    SYS_pidfd_getfd,
    SYS_pidfd_send_signal,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_execveat,
    SYS_kcmp,
    // files
    SYS_unlinkat,
    SYS_renameat2,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_linkat,
    SYS_symlinkat,
    SYS_truncate,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
    SYS_utimensat,
    SYS_open_by_handle_at,
    SYS_fallocate,
    // namespaces, mounts and the kernel
    SYS_unshare,
    SYS_setns,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_mount_setattr,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsmount,
    SYS_fspick,
    SYS_fsconfig,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_personality,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_quotactl,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_syslog,
    SYS_vhangup,
#if defined(SYS_renameat)
    SYS_renameat,
#endif
#if defined(__x86_64__)
    SYS_fork,
    SYS_vfork,
    SYS_creat,
    SYS_unlink,
    SYS_rename,
    SYS_mkdir,
    SYS_rmdir,
    SYS_mknod,
    SYS_link,
    SYS_symlink,
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
#endif
});

// Calls from here on are newer than this list (the first is fchmodat2).
constexpr std::uint32_t unknown_first = 452;

// Commands of fcntl that have signals sent to another process.
constexpr std::uint32_t owner_commands[] = {F_SETOWN, F_SETSIG, F_SETOWN_EX};
// Options of prctl by which a child would outlive its parent, or be looked into.
constexpr std::uint32_t process_options[] = {PR_SET_PDEATHSIG, PR_SET_PTRACER, PR_SET_MM};

constexpr std::uint32_t all_bits = 0xFFFF'FFFF;

// With its flags behind a pointer a filter cannot judge these; C libraries fall back to the older calls.
constexpr auto missing = std::to_array<std::uint32_t>({SYS_clone3, SYS_openat2});

constexpr std::uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);

constexpr std::uint32_t failing(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

constexpr std::uint16_t load_word = BPF_LD | BPF_W | BPF_ABS;
constexpr std::uint16_t if_equal = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint16_t if_at_least = BPF_JMP | BPF_JGE | BPF_K;
constexpr std::uint16_t if_any_bit = BPF_JMP | BPF_JSET | BPF_K;
constexpr std::uint16_t answer = BPF_RET | BPF_K;

// Where the low word of an argument is; both architectures are little-endian.
constexpr std::uint32_t argument(std::size_t index) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t));
}

class Filter {
public:
    void add(std::uint16_t code, std::uint32_t k, std::uint8_t if_true = 0, std::uint8_t if_false = 0) {
        program_.push_back({code, if_true, if_false, k});
    }
    // For the calls of one number.
    void answer_to(std::uint32_t number, std::uint32_t action) {
        add(if_equal, number, 0, 1);
        add(answer, action);
    }
    // For the calls of one number, by bits of an argument.
    void judge(std::uint32_t number, std::size_t index, std::uint32_t bits, std::uint32_t with, std::uint32_t without) {
        add(if_equal, number, 0, 4);
        add(load_word, argument(index));
        add(if_any_bit, bits, 0, 1);
        add(answer, with);
        add(answer, without);
    }
    // For the calls of one number, if an argument is one of the values; others of the number are allowed.
    void answer_to_values(std::uint32_t number, std::size_t index, std::span<const std::uint32_t> values,
                          std::uint32_t action) {
        add(if_equal, number, 0, static_cast<std::uint8_t>(2 * values.size() + 2));
        add(load_word, argument(index));
        for (const std::uint32_t value : values) answer_to(value, action);
        add(answer, SECCOMP_RET_ALLOW);
    }
    std::vector<sock_filter> take() { return std::move(program_); }

private:
    std::vector<sock_filter> program_;
};

struct Place {
    const char* path;
    bool is_folder;
};

constexpr auto readable = std::to_array<Place>({{"/usr", true},
                                                {"/lib", true},
                                                {"/lib64", true},
                                                {"/bin", true},
                                                {"/etc/ld.so.cache", false},
                                                {"/etc/localtime", false},
                                                {"/dev/null", false},
                                                {"/dev/urandom", false}});

// Every right of Landlock's first version, which later versions have as well.
constexpr std::uint64_t all_rights = (std::uint64_t{LANDLOCK_ACCESS_FS_MAKE_SYM} << 1) - 1;
constexpr std::uint64_t file_rights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE;

// An errno, or 0: a place that is not there needs no rule.
int allow(const Descriptor& rules, const char* path, std::uint64_t rights) {
    const Descriptor place(::open(path, O_PATH | O_CLOEXEC));
    if (!place.is_open()) return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? errno : 0;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights;
    rule.parent_fd = place.get();
    if (::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) return errno;
    return 0;
}

}  // namespace

std::vector<sock_filter> make_system_call_filter() {
    Filter filter;
    filter.add(load_word, offsetof(seccomp_data, arch));
    filter.add(if_equal, architecture, 1, 0);
    filter.add(answer, SECCOMP_RET_KILL_PROCESS);
    filter.add(load_word, offsetof(seccomp_data, nr));
    filter.add(if_at_least, x32_first, 0, 1);
    filter.add(answer, SECCOMP_RET_KILL_PROCESS);
    filter.add(if_at_least, unknown_first, 0, 1);
    filter.add(answer, failing(ENOSYS));
    for (const std::uint32_t number : refused) filter.answer_to(number, failing(EPERM));
    for (const std::uint32_t number : missing) filter.answer_to(number, failing(ENOSYS));
    filter.judge(SYS_clone, 0, CLONE_THREAD, SECCOMP_RET_ALLOW, failing(EPERM));
    // Of another process than the caller, which is 0.
    filter.judge(SYS_prlimit64, 0, all_bits, failing(EPERM), SECCOMP_RET_ALLOW);
    filter.judge(SYS_sched_setaffinity, 0, all_bits, failing(EPERM), SECCOMP_RET_ALLOW);
    filter.answer_to_values(SYS_fcntl, 1, owner_commands, failing(EPERM));
    filter.answer_to_values(SYS_prctl, 0, process_options, failing(EPERM));
    filter.judge(SYS_openat, 2, writing, failing(EACCES), SECCOMP_RET_ALLOW);
#if defined(__x86_64__)
    filter.judge(SYS_open, 1, writing, failing(EACCES), SECCOMP_RET_ALLOW);
#endif
    filter.add(answer, SECCOMP_RET_ALLOW);
    return filter.take();
}

Expected<Descriptor, int> make_file_rules(const std::string& program) {
    landlock_ruleset_attr attributes{};
    attributes.handled_access_fs = all_rights;
    Descriptor rules(
        static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0)));
    if (!rules.is_open()) {
        const int error = errno;
        // Not built in; built in and turned off.
        if (error != ENOSYS && error != EOPNOTSUPP) return fail(error);
        static std::atomic_flag is_told;
        if (!is_told.test_and_set()) {
            log_line(LogLevel::warn, "this kernel has no Landlock: child processes may read what this user may read");
        }
        return Descriptor();
    }
    for (const Place& place : readable) {
        const std::uint64_t rights = place.is_folder ? file_rights | LANDLOCK_ACCESS_FS_READ_DIR : file_rights;
        if (const int error = allow(rules, place.path, rights); error != 0) return fail(error);
    }
    if (const int error = allow(rules, program.c_str(), file_rights); error != 0) return fail(error);
    return rules;
}

}  // namespace riacho::core
