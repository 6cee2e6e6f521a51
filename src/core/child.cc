#include "core/child.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include "base/check.h"
#include "core/descriptor.h"
#include "core/detail/start_process.h"
#include "core/run_on.h"
#include "core/task_group.h"
#include "core/timer.h"

namespace riacho::core {
namespace {

using boost::asio::posix::stream_descriptor;
constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

constexpr std::size_t message_bytes_max = 4'096;
constexpr std::size_t read_bytes = std::size_t{64} << 10;
// Descriptors below are replaced in the new process before it takes its pipes.
constexpr int first_free = 3;

ChildFault fault_of(int error) {
    switch (error) {
        case ENOENT:
        case ENOTDIR:
        case EISDIR:
        case EACCES:
        case ELOOP:
        case ENAMETOOLONG:
        case ENOEXEC:
        case ETXTBSY:
        case E2BIG:
            return ChildFault::not_found;
        case EMFILE:
        case ENFILE:
        case EAGAIN:
        case ENOMEM:
        case ENOSPC:
            return ChildFault::no_resources;
        default:
            return ChildFault::unsupported;
    }
}

struct Pipe {
    Descriptor reading;
    Descriptor writing;
};

Expected<Descriptor, int> above_the_standard_ones(Descriptor descriptor) {
    if (descriptor.get() >= first_free) return descriptor;
    Descriptor moved(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, first_free));
    if (!moved.is_open()) return fail(errno);
    return moved;
}

Expected<Pipe, int> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno);
    Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
    auto reading = above_the_standard_ones(std::move(pipe.reading));
    if (!reading) return fail(reading.error());
    auto writing = above_the_standard_ones(std::move(pipe.writing));
    if (!writing) return fail(writing.error());
    return Pipe{*std::move(reading), *std::move(writing)};
}

bool is_ignored(int signal) {
    struct sigaction present{};
    return ::sigaction(signal, nullptr, &present) == 0 && present.sa_handler == SIG_IGN;
}

// Gives a descriptor to the core's event loop; the error is an errno.
Expected<void, int> watch(stream_descriptor& at, Descriptor descriptor) {
    boost::system::error_code error;
    at.assign(descriptor.get(), error);
    if (error) return fail(error.value());
    // Closed by Asio from now on.
    [[maybe_unused]] const int fd = descriptor.release();
    return {};
}

}  // namespace

struct Child::Impl {
    Impl(WorkPool& p, Core& c) : pool(p), core(c) {}

    WorkPool& pool;
    Core& core;
    Timer deadline{core};
    stream_descriptor input{core.context()};
    stream_descriptor output{core.context()};
    stream_descriptor messages{core.context()};
    stream_descriptor handle{core.context()};
    bool is_running = false;
    bool is_started = false;
    Process process;
    std::optional<ChildFault> fault;  // why the program was killed
    ChildResult result;

    Task<void> start(const ChildProgram& program);
    // Kills the program, if it runs, and leaves its pipes. Later reasons do not count.
    void end(ChildFault reason);
    Task<void> feed(std::string_view text);
    Task<void> take_output(std::size_t bytes_max);
    Task<void> take_messages();
    Task<void> converse(std::string_view text, std::size_t output_bytes_max);
};

Task<void> Child::Impl::start(const ChildProgram& program) {
    auto to_it = make_pipe();
    auto from_it = make_pipe();
    auto about_it = make_pipe();
    for (const auto* pipe : {&to_it, &from_it, &about_it}) {
        if (!*pipe) co_return end(fault_of(pipe->error()));
    }
    for (const auto& watched : {watch(input, std::move(to_it->writing)), watch(output, std::move(from_it->reading)),
                                watch(messages, std::move(about_it->reading))}) {
        if (!watched) co_return end(fault_of(watched.error()));
    }
    ProcessOptions options;
    options.path = program.path;
    options.arguments = program.arguments;
    options.memory_bytes_max = program.memory_bytes_max;
    options.cpu_s_max = program.cpu_s_max;
    options.open_files_max = program.open_files_max;
    options.is_sandboxed = program.is_sandboxed;
    options.input = to_it->reading.get();
    options.output = from_it->writing.get();
    options.messages = about_it->writing.get();
    auto started = co_await run_on(pool, core, [&options] { return start_process(options); });
    if (!started) {
        co_return end(started.error() == PoolError::full ? ChildFault::no_resources : ChildFault::stopped);
    }
    if (!*started) co_return end(fault_of(started->error()));
    process = *std::move(*started);
    is_started = true;
    // Killed in vain while it was being started.
    if (fault) kill_process(process);
    const auto watched = watch(handle, std::move(process.handle));
    if (watched) co_return;
    // Without the event loop's help: a process that was killed ends at once.
    end(fault_of(watched.error()));
    reap_process(process);
    is_started = false;
}

void Child::Impl::end(ChildFault reason) {
    if (fault) return;
    fault = reason;
    if (is_started) kill_process(process);
    // Processes that the program has started may hold its pipes open.
    boost::system::error_code ignored;
    for (stream_descriptor* pipe : {&input, &output, &messages}) pipe->close(ignored);
}

Task<void> Child::Impl::feed(std::string_view text) {
    co_await boost::asio::async_write(input, boost::asio::buffer(text), as_result);
    boost::system::error_code ignored;
    input.close(ignored);
}

Task<void> Child::Impl::take_output(std::size_t bytes_max) {
    Buffer& taken = result.output;
    for (;;) {
        // One byte more than allowed is enough to know.
        const std::size_t room = std::min(read_bytes, bytes_max - taken.size() + 1);
        const std::size_t size = taken.size();
        char* at = taken.extend(room);
        const auto [error, n] = co_await output.async_read_some(boost::asio::buffer(at, room), as_result);
        taken.truncate(size + n);
        if (error) co_return;
        if (taken.size() > bytes_max) co_return end(ChildFault::too_much);
    }
}

Task<void> Child::Impl::take_messages() {
    std::array<char, message_bytes_max> read;
    for (;;) {
        const auto [error, n] = co_await messages.async_read_some(boost::asio::buffer(read), as_result);
        if (error) co_return;
        result.messages.append(read.data(), std::min(n, message_bytes_max - result.messages.size()));
    }
}

Task<void> Child::Impl::converse(std::string_view text, std::size_t output_bytes_max) {
    TaskGroup pipes(core);
    pipes.spawn([this, text] { return feed(text); });
    pipes.spawn([this, output_bytes_max] { return take_output(output_bytes_max); });
    pipes.spawn([this] { return take_messages(); });
    co_await pipes.join();
    co_await handle.async_wait(stream_descriptor::wait_read, as_result);
    is_started = false;
    const ProcessEnd ended = reap_process(process);
    result.exit_code = ended.exit_code;
    result.ended_by_signal = ended.signal;
    boost::system::error_code ignored;
    for (stream_descriptor* used : {&input, &output, &messages, &handle}) used->close(ignored);
}

Child::Child(WorkPool& pool, Core& core) : impl_(std::make_unique<Impl>(pool, core)) {
    RIACHO_CHECK(is_ignored(SIGPIPE), "a program that reads no more would end this process");
    RIACHO_CHECK(!is_ignored(SIGCHLD), "how a program ends would not be known");
}

Child::~Child() { RIACHO_CHECK(!impl_->is_running, "a child was destroyed while it runs"); }

Task<Expected<ChildResult, ChildFault>> Child::run(ChildProgram program, std::string_view input) {
    Impl& impl = *impl_;
    RIACHO_CHECK(!impl.is_running, "a child runs one program at a time");
    impl.is_running = true;
    impl.fault.reset();
    impl.result = {};
    impl.deadline.start(program.time_ms_max, [&impl] { impl.end(ChildFault::too_slow); });
    co_await impl.start(program);
    if (impl.is_started) co_await impl.converse(input, program.output_bytes_max);
    impl.deadline.cancel();
    impl.process = {};
    impl.is_running = false;
    if (impl.fault) co_return fail(*impl.fault);
    co_return std::move(impl.result);
}

void Child::stop() {
    if (impl_->is_running) impl_->end(ChildFault::stopped);
}

}  // namespace riacho::core
