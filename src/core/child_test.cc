// Tests of child processes: arguments, environment, sandbox, limits and ends.
#include "core/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "core/detail/sandbox.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/timer.h"
#include "core/work_pool.h"

namespace riacho::core {
namespace {

using Result = Expected<ChildResult, ChildFault>;

// Longer than any test runs: a program that is not killed fails by the suite's timeout.
constexpr std::int64_t never_ms = 3'600'000;

ChildProgram program(std::string path, std::vector<std::string> arguments = {}) {
    ChildProgram made;
    made.path = std::move(path);
    made.arguments = std::move(arguments);
    made.time_ms_max = never_ms;
    made.output_bytes_max = std::size_t{4} << 20;
    return made;
}

ChildProgram shell(std::string script) { return program("/bin/sh", {"-c", std::move(script)}); }

ChildProgram free_shell(std::string script) {
    ChildProgram made = shell(std::move(script));
    made.is_sandboxed = false;
    return made;
}

// A core and a pool for one test.
class Children : public ::testing::Test {
protected:
    Children() {
        ::signal(SIGPIPE, SIG_IGN);
        ::signal(SIGCHLD, SIG_DFL);
        runtime.start();
    }

    Result run(ChildProgram of, std::string_view input = {}) {
        std::promise<Result> ended;
        spawn(core, [&]() -> Task<void> {
            Result result = co_await run_one(of, input);
            ended.set_value(std::move(result));
        });
        return ended.get_future().get();
    }

    Task<Result> run_one(ChildProgram of, std::string_view input) {
        Child child(pool, core);
        co_return co_await child.run(std::move(of), input);
    }

    // The output of a program that ends well.
    std::string output(ChildProgram of, std::string_view input = {}) {
        const Result result = run(std::move(of), input);
        if (!result) return "fault " + std::to_string(static_cast<int>(result.error()));
        EXPECT_EQ(result->exit_code, 0) << result->messages;
        EXPECT_EQ(result->ended_by_signal, 0);
        return std::string(result->output.view());
    }

    ChildFault fault(ChildProgram of, std::string_view input = {}) {
        const Result result = run(std::move(of), input);
        EXPECT_FALSE(result);
        return result ? ChildFault::unsupported : result.error();
    }

    Runtime runtime{1};
    Core& core = runtime.core(0);
    WorkPool pool{{.name = "children", .threads_max = 1, .queue_max = 1}};
};

TEST_F(Children, take_input_and_give_output_at_the_same_time) {
    std::string text;
    for (int i = 0; text.size() < std::size_t{3} << 20; ++i) text += std::to_string(i);
    EXPECT_EQ(output(program("/bin/cat"), text), text);
}

TEST_F(Children, end_with_a_code_and_with_messages) {
    const Result result = run(shell("echo reason >&2; exit 3"));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->exit_code, 3);
    EXPECT_EQ(result->messages, "reason\n");
    EXPECT_TRUE(result->output.empty());
}

TEST_F(Children, keep_the_first_messages_and_do_not_wait_for_a_reader_of_the_others) {
    const Result result = run(shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789 >&2; i=$((i+1)); done"));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->messages.size(), 4'096U);
    EXPECT_EQ(result->exit_code, 0);
}

TEST_F(Children, end_by_a_signal) {
    const Result result = run(free_shell("kill -TERM $$"));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->ended_by_signal, SIGTERM);
}

TEST_F(Children, need_not_read_their_input) { EXPECT_EQ(output(program("/bin/true"), std::string(1 << 20, 'x')), ""); }

TEST_F(Children, that_do_not_exist_are_reported) {
    EXPECT_EQ(fault(program("/no/such/program")), ChildFault::not_found);
    EXPECT_EQ(fault(program("/usr")), ChildFault::not_found);
    EXPECT_EQ(fault(program("/etc/passwd")), ChildFault::not_found);
}

TEST_F(Children, are_killed_at_their_deadline) {
    ChildProgram slow = program("/bin/sleep", {"100000"});
    slow.time_ms_max = 20;
    EXPECT_EQ(fault(slow), ChildFault::too_slow);
    // Its output ends, and it does not.
    slow = shell("exec >&- 2>&-; read forever; while :; do :; done");
    slow.time_ms_max = 20;
    EXPECT_EQ(fault(slow), ChildFault::too_slow);
}

TEST_F(Children, are_killed_with_what_they_have_started) {
    ChildProgram slow = free_shell("sleep 100000 & exit 0");
    slow.time_ms_max = 100;
    EXPECT_EQ(fault(slow), ChildFault::too_slow);
}

TEST_F(Children, are_killed_when_they_write_too_much) {
    ChildProgram talker = program("/usr/bin/yes");
    talker.output_bytes_max = 100'000;
    EXPECT_EQ(fault(talker), ChildFault::too_much);
    ChildProgram echo = program("/bin/cat");
    echo.output_bytes_max = 100'000;
    EXPECT_EQ(output(echo, std::string(100'000, 'x')).size(), 100'000U);
    EXPECT_EQ(fault(echo, std::string(100'001, 'x')), ChildFault::too_much);
}

TEST_F(Children, are_stopped_while_they_start_and_while_they_run) {
    for (const std::int64_t after_ms : {0, 1, 30}) {
        std::promise<Result> ended;
        std::optional<Child> child;
        post(core, [&] {
            child.emplace(pool, core);
            spawn(core, [&]() -> Task<void> {
                Result result = co_await child->run(program("/bin/sleep", {"100000"}), {});
                child.reset();
                ended.set_value(std::move(result));
            });
            spawn(core, [&, after_ms]() -> Task<void> {
                if (after_ms > 0) co_await sleep(core, after_ms);
                if (child) child->stop();
            });
        });
        const Result result = ended.get_future().get();
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), ChildFault::stopped);
    }
}

TEST_F(Children, end_with_the_pool) {
    std::promise<Result> ended;
    post(core, [&] {
        spawn(core, [&]() -> Task<void> {
            Result result = co_await run_one(free_shell("while :; do :; done"), {});
            ended.set_value(std::move(result));
        });
    });
    while (pool.stats().threads == 0) std::this_thread::yield();
    pool.stop();
    const Result result = ended.get_future().get();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->ended_by_signal, SIGKILL);
    EXPECT_EQ(fault(program("/bin/true")), ChildFault::stopped);
}

TEST_F(Children, inherit_nothing) {
    const int inherited = ::open("/dev/null", O_RDONLY);
    ASSERT_GE(inherited, 0);
    ChildProgram list = program("/bin/ls", {"/proc/self/fd"});
    list.is_sandboxed = false;
    // The fourth is the directory itself.
    EXPECT_EQ(output(list), "0\n1\n2\n3\n");
    ::close(inherited);
    EXPECT_EQ(output(program("/usr/bin/env")), "");
    EXPECT_EQ(output(shell("pwd")), "/\n");
    // As bits: SIGPIPE, ignored here, is not ignored there.
    EXPECT_EQ(output(free_shell("grep -E 'Sig(Ign|Blk)' /proc/self/status")),
              "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_F(Children, have_limits) {
    ChildProgram limited = shell("ulimit -v; ulimit -t; ulimit -n; ulimit -c; ulimit -f");
    limited.memory_bytes_max = std::size_t{512} << 20;
    limited.cpu_s_max = 7;
    limited.open_files_max = 20;
    EXPECT_EQ(output(limited), "524288\n7\n20\n0\n0\n");
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST_F(Children, are_refused_without_a_trace_when_descriptors_are_short) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(output(program("/bin/cat"), "x"), "x");
    const std::size_t open_before = open_descriptors();
    const int first_free = ::dup(0);
    ::close(first_free);
    std::size_t refused = 0;
    bool is_enough = false;
    for (rlim_t more = 0; !is_enough && more < 100; ++more) {
        rlimit few = before;
        few.rlim_cur = static_cast<rlim_t>(first_free) + more;
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
        const Result result = run(program("/bin/cat"), "x");
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        is_enough = result.has_value();
        if (is_enough) {
            EXPECT_EQ(result->output.view(), "x") << result->messages;
        } else {
            EXPECT_EQ(result.error(), ChildFault::no_resources);
            ++refused;
        }
        EXPECT_EQ(open_descriptors(), open_before);
    }
    EXPECT_TRUE(is_enough);
    EXPECT_GE(refused, 6U);
}

TEST_F(Children, in_a_sandbox_write_no_files) {
    const std::string path = ::testing::TempDir() + "riacho-child-test-" + std::to_string(::getpid());
    EXPECT_NE(run(shell("echo x > " + path))->exit_code, 0);
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_EQ(run(free_shell("echo x > " + path))->exit_code, 0);
    for (const char* command :
         {"/bin/rm ", "/bin/chmod 777 ", "/bin/touch ", "/bin/truncate -s 0 ", "/bin/ln -s /usr "}) {
        const bool is_link = std::string_view(command).starts_with("/bin/ln");
        const Result result = run(shell("exec " + (command + path) + (is_link ? ".link" : "")));
        ASSERT_TRUE(result);
        EXPECT_NE(result->exit_code, 0) << command;
    }
    EXPECT_FALSE(std::filesystem::is_symlink(path + ".link"));
    EXPECT_TRUE(std::filesystem::exists(path));
    std::filesystem::remove(path);
}

TEST_F(Children, in_a_sandbox_start_no_processes_and_may_start_threads) {
    const Result result = run(shell("/bin/true; echo not reached"));
    ASSERT_TRUE(result);
    EXPECT_NE(result->exit_code, 0);
    EXPECT_TRUE(result->output.empty());
    EXPECT_EQ(output(program("/usr/bin/python3", {"-c",
                                                  "import threading\n"
                                                  "thread = threading.Thread(target=print, args=['thread'])\n"
                                                  "thread.start()\n"
                                                  "thread.join()"})),
              "thread\n");
}

TEST_F(Children, in_a_sandbox_have_no_network_and_signal_nobody) {
    const Result connecting = run(program("/bin/bash", {"-c", "exec 3<>/dev/tcp/127.0.0.1/9"}));
    ASSERT_TRUE(connecting);
    EXPECT_NE(connecting->messages.find("Operation not permitted"), std::string::npos) << connecting->messages;
    EXPECT_NE(run(shell("kill -0 " + std::to_string(::getpid())))->exit_code, 0);
    EXPECT_EQ(run(free_shell("kill -0 " + std::to_string(::getpid())))->exit_code, 0);
}

// A program that makes system calls by their numbers and prints the errno of each, 0 for success.
ChildProgram caller(const std::string& calls) {
    return program("/usr/bin/python3", {"-c",
                                        "import ctypes\n"
                                        "libc = ctypes.CDLL(None, use_errno=True)\n"
                                        "for call in [" +
                                            calls +
                                            "]:\n"
                                            "    done = libc.syscall(*[ctypes.c_long(value) for value in call])\n"
                                            "    print(ctypes.get_errno() if done < 0 else 0, end=' ')\n"});
}

std::string call(std::initializer_list<long> values) {
    std::string text = "(";
    for (const long value : values) text += std::to_string(value) + ", ";
    return text + "), ";
}

TEST_F(Children, in_a_sandbox_do_nothing_to_other_processes) {
    const long self = ::getpid();
    const std::string probes = call({SYS_tgkill, self, self, 0}) + call({SYS_prlimit64, self, RLIMIT_CPU, 0, 0}) +
                               call({SYS_fcntl, 0, F_SETOWN, self});
    // Without the sandbox they succeed.
    ChildProgram free = caller(probes);
    free.is_sandboxed = false;
    EXPECT_EQ(output(free), "0 0 0 ");
    EXPECT_EQ(output(caller(probes)), "1 1 1 ");
    EXPECT_EQ(output(caller(call({SYS_setpriority, PRIO_PROCESS, self, 19}) + call({SYS_rt_sigqueueinfo, self, 0, 0}) +
                            call({SYS_sched_setaffinity, self, 0, 0}) + call({SYS_fcntl, 0, F_SETSIG, SIGKILL}) +
                            call({SYS_prctl, PR_SET_PDEATHSIG, 0}))),
              "1 1 1 1 1 ");
    // fchmodat2, and whatever comes later.
    EXPECT_EQ(output(caller(call({452}) + call({500}))), "38 38 ");
    EXPECT_EQ(output(caller(call({SYS_prlimit64, 0, RLIMIT_CPU, 0, 0}) + call({SYS_fcntl, 0, F_GETFD}) +
                            call({SYS_prctl, PR_GET_DUMPABLE}))),
              "0 0 0 ");
}

TEST_F(Children, in_a_sandbox_crash_by_a_signal) {
    const Result result = run(program("/usr/bin/python3", {"-c", "import os; os.abort()"}));
    ASSERT_TRUE(result);
    EXPECT_NE(result->ended_by_signal, 0);
}

TEST_F(Children, whose_end_is_not_known_did_not_end_well) {
    std::promise<Result> ended;
    std::optional<Child> child;
    post(core, [&] {
        child.emplace(pool, core);
        ::signal(SIGCHLD, SIG_IGN);  // the kernel reaps them from now on
        spawn(core, [&]() -> Task<void> {
            Result result = co_await child->run(program("/bin/cat"), "x");
            child.reset();
            ended.set_value(std::move(result));
        });
    });
    const Result result = ended.get_future().get();
    ::signal(SIGCHLD, SIG_DFL);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->exit_code, 127);
}

TEST_F(Children, in_a_sandbox_read_programs_and_libraries_only) {
    const auto rules = make_file_rules("/bin/cat");
    ASSERT_TRUE(rules);
    if (!rules->is_open()) GTEST_SKIP() << "this kernel has no Landlock";
    const Result result = run(program("/bin/cat", {"/etc/passwd"}));
    ASSERT_TRUE(result);
    EXPECT_NE(result->exit_code, 0);
    EXPECT_TRUE(result->output.empty());
}

// Whether a sleep of this length runs.
bool has_process(const std::string& argument) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream file(entry.path() / "cmdline", std::ios::binary);
        const std::string line{std::istreambuf_iterator<char>(file), {}};
        if (line.find(argument) != std::string::npos && line.starts_with("/bin/sleep")) return true;
    }
    return false;
}

// Without the fixture: the process that is killed has a core of its own.
TEST(ChildOfADeadProcess, is_killed_with_it) {
    const std::string argument = "98" + std::to_string(::getpid());
    const pid_t parent = ::fork();
    ASSERT_GE(parent, 0);
    if (parent == 0) {
        ::signal(SIGPIPE, SIG_IGN);
        Runtime runtime(1);
        WorkPool pool({.name = "children", .threads_max = 1, .queue_max = 1});
        std::promise<void> ended;
        spawn(runtime.core(0), [&]() -> Task<void> {
            Child child(pool, runtime.core(0));
            const Result result = co_await child.run(program("/bin/sleep", {argument}), {});
            ended.set_value();
        });
        runtime.start();
        ended.get_future().wait();
        ::_exit(0);
    }
    while (!has_process(argument)) std::this_thread::yield();
    ::kill(parent, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(parent, &status, 0), parent);
    EXPECT_TRUE(WIFSIGNALED(status));
    while (has_process(argument)) std::this_thread::yield();
}

}  // namespace
}  // namespace riacho::core
