// Worker: shared state of the connections of one core: their list, the sweep that enforces their deadlines, buffers,
// counters.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/token_bucket.h"
#include "core/clock.h"
#include "core/memory_budget.h"
#include "core/task.h"
#include "http/detail/tls_context.h"
#include "http/handler.h"
#include "http/message.h"
#include "http/server.h"

namespace riacho::http::detail {

class Connection;

// Written by one core, read by any thread.
class Counter {
public:
    void add(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct WorkerStats {
    Counter connections_tls, connections_h2, requests;
    Counter tls_failed, timeout_handshake, timeout_head, timeout_idle, timeout_body, timeout_write;
    Counter head_too_large, body_too_large, bad_request, shed, h2_protocol_errors, h2_floods, handler_exceptions;
    Counter sweeps;
};

// A receive buffer for requests; idle connections hold none.
struct Block {
    std::unique_ptr<char[]> data;
    std::size_t capacity = 0;  // usable bytes; Request::body_padding more are allocated
};

Block make_block(std::size_t capacity);

// Shared by all workers of a server.
struct SharedState {
    ServerOptions options;
    core::Clock& clock;
    Handler& handler;
    core::MemoryBudget& memory;
    std::size_t worker_count;
    // The part of requests_in_progress_max that is used by running calls or reserved by workers for their next calls.
    std::atomic<std::size_t> places_taken{0};
    std::atomic<bool> stopping{false};
};

// Lives on its core, owned by the server.
class Worker {
public:
    Worker(SharedState& shared, core::Core& core);
    ~Worker();

    [[nodiscard]] core::Core& core() { return core_; }
    [[nodiscard]] const ServerOptions& options() const { return shared_.options; }
    // Calls Handler::on_head; an exception becomes a 500.
    BodyPlan ask_handler(const Request& request) noexcept;
    // Calls Handler::handle; an exception becomes a 500. Calls Handler::overloaded when there is no memory or place for
    // the call. The request must live until the task ends.
    Task<Response> call_handler(Request* request);
    // The response to a request for which there is no memory; counts it.
    Response shed(const Request& request) noexcept;
    [[nodiscard]] MonotonicNs now() const { return shared_.clock.monotonic(); }
    [[nodiscard]] WorkerStats& stats() { return stats_; }
    [[nodiscard]] const WorkerStats& stats() const { return stats_; }

    void set_tls(TlsContext context) { tls_ = std::make_unique<TlsContext>(std::move(context)); }
    [[nodiscard]] TlsContext* tls() { return tls_.get(); }
    // Whether one more handshake may begin now; if so it is counted.
    [[nodiscard]] bool take_tls_handshake() { return tls_handshakes_.take(tls_handshake_rate_, 1, now()); }

    // Logs and counts the exception that is being handled.
    void count_exception(std::string_view where) noexcept;

    void add(Connection& connection);
    void remove(Connection& connection);

    Block take_block();
    void give_block(Block block);
    // The content is valid until the caller's next suspension.
    [[nodiscard]] Buffer& output() { return output_; }
    [[nodiscard]] Block& input() { return input_; }
    // "date: ...\r
    // ", at most one sweep interval old.
    [[nodiscard]] std::string_view date_line() const { return {date_.data(), date_size_}; }
    [[nodiscard]] core::MemoryBudget& memory() { return shared_.memory; }

    // Notifies every connection; connections still open after the deadline are closed.
    void begin_stop(MonotonicNs deadline);
    [[nodiscard]] bool stopping() const { return shared_.stopping.load(std::memory_order_relaxed); }
    void cancel_sweep() { sweep_timer_.cancel(); }

private:
    using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                    boost::asio::wait_traits<std::chrono::steady_clock>,
                                                    boost::asio::io_context::executor_type>;
    void schedule_sweep();
    void sweep();
    void refresh_date();
    // Takes a place among the calls in progress; false when there is none.
    bool take_place();
    void give_place();

    SharedState& shared_;
    core::Core& core_;
    const std::size_t places_lot_;
    std::size_t places_ = 0;
    WorkerStats stats_;
    std::unique_ptr<TlsContext> tls_;
    const TokenRate tls_handshake_rate_;
    TokenBucket tls_handshakes_;
    Connection* first_ = nullptr;
    Timer sweep_timer_;
    bool sweeping_ = false;
    MonotonicNs stop_deadline_{INT64_MAX};
    std::vector<Block> blocks_;
    Buffer output_;
    Block input_;
    std::int64_t date_s_ = -1;
    std::array<char, 48> date_{};
    std::size_t date_size_ = 0;
};

}  // namespace riacho::http::detail
