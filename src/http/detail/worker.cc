#include "http/detail/worker.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <exception>

#include "base/check.h"
#include "core/log.h"
#include "http/detail/connection.h"

namespace riacho::http::detail {
namespace {

constexpr std::size_t block_capacity = 16 * 1024;
constexpr std::size_t blocks_kept_max = 64;
constexpr std::size_t input_capacity = 64 * 1024;

// Memory that a handler needs to parse a body and to encode its records, relative to the body; measured with PutRecords
// of records of any size (docs/operations.md). Small bodies are bounded by the number of calls in progress.
constexpr std::size_t call_memory_factor = 2;
constexpr std::size_t call_memory_body_min = 64 * 1024;

// Cores reserve places for calls in lots, so that they do not write one shared counter twice a call. The reserve of all
// cores stays below an eighth of the places.
std::size_t places_lot(const SharedState& shared) {
    constexpr std::size_t lot_max = 64;
    const std::size_t share =
        shared.options.requests_in_progress_max / (16 * std::max<std::size_t>(1, shared.worker_count));
    return std::clamp<std::size_t>(share, 1, lot_max);
}

}  // namespace

Block make_block(std::size_t capacity) {
    Block block;
    block.data = std::make_unique_for_overwrite<char[]>(capacity + Request::body_padding);
    block.capacity = capacity;
    return block;
}

Worker::Worker(SharedState& shared, core::Core& core)
    : shared_(shared),
      core_(core),
      places_lot_(places_lot(shared)),
      tls_handshake_rate_{shared.options.tls_handshake_rate / static_cast<double>(shared.worker_count),
                          shared.options.tls_handshake_burst / static_cast<double>(shared.worker_count)},
      sweep_timer_(core.context()),
      input_(make_block(input_capacity)) {}

Worker::~Worker() { RIACHO_CHECK(first_ == nullptr, "stop the server before destroying it"); }

BodyPlan Worker::ask_handler(const Request& request) noexcept {
    try {
        return shared_.handler.on_head(request);
    } catch (...) {
        count_exception("exception in a handler's on_head");
    }
    BodyPlan limit;
    limit.answer.emplace();
    limit.answer->status = 500;
    limit.answer->close_connection = true;
    return limit;
}

Response Worker::shed(const Request& request) noexcept {
    stats_.shed.add();
    try {
        return shared_.handler.overloaded(request);
    } catch (...) {
        count_exception("exception in a handler's overloaded");
    }
    Response response;
    response.status = 503;
    return response;
}

Task<Response> Worker::call_handler(Request* request) {
    if (!take_place()) co_return shed(*request);
    struct Place {
        Worker& worker;
        ~Place() { worker.give_place(); }
    };
    const Place place{*this};
    core::MemoryLease lease;
    if (request->body().size() > call_memory_body_min) {
        // At most half of the share, so that the smallest node serves the largest body.
        const std::size_t bytes =
            std::min(request->body().size() * call_memory_factor, shared_.memory.share(core::MemoryUse::calls) / 2);
        const bool taken = co_await shared_.memory.take(core_, core::MemoryUse::calls, bytes, options().call_wait_ms);
        if (!taken) co_return shed(*request);
        lease = core::MemoryLease(shared_.memory, core::MemoryUse::calls, bytes);
    }
    Response response;
    try {
        response = co_await shared_.handler.handle(*request);
    } catch (...) {
        count_exception("exception in a request handler");
        response = Response();
        response.status = 500;
    }
    co_return response;
}

bool Worker::take_place() {
    if (places_ == 0) {
        const std::size_t before = shared_.places_taken.fetch_add(places_lot_, std::memory_order_relaxed);
        if (before + places_lot_ > options().requests_in_progress_max) {
            shared_.places_taken.fetch_sub(places_lot_, std::memory_order_relaxed);
            return false;
        }
        places_ = places_lot_;
    }
    --places_;
    return true;
}

void Worker::give_place() {
    ++places_;
    if (places_ < 2 * places_lot_ - 1) return;
    places_ -= places_lot_;
    shared_.places_taken.fetch_sub(places_lot_, std::memory_order_relaxed);
}

// Must be called from a catch block.
void Worker::count_exception(std::string_view where) noexcept {
    stats_.handler_exceptions.add();
    try {
        throw;
    } catch (const std::exception& failure) {
        core::log_line(core::LogLevel::error, where, {{"what", failure.what()}});
    } catch (...) {
        core::log_line(core::LogLevel::error, where);
    }
}

void Worker::add(Connection& connection) {
    connection.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &connection;
    first_ = &connection;
    if (!sweeping_) schedule_sweep();
}

void Worker::remove(Connection& connection) {
    if (connection.previous_ != nullptr) connection.previous_->next_ = connection.next_;
    if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
    if (first_ == &connection) first_ = connection.next_;
}

// One timer per core instead of one per request; it stops while there is no connection.
void Worker::schedule_sweep() {
    sweeping_ = true;
    refresh_date();
    sweep_timer_.expires_after(std::chrono::milliseconds(options().sweep_interval_ms));
    sweep_timer_.async_wait([this](const boost::system::error_code& ec) {
        sweeping_ = false;
        if (ec) return;
        sweep();
        if (first_ != nullptr) schedule_sweep();
    });
}

void Worker::sweep() {
    const MonotonicNs time = now();
    const bool hard = time > stop_deadline_;
    for (Connection* at = first_; at != nullptr; at = at->next_) {
        if (hard) {
            at->transport().close();
        } else {
            at->sweep(time);
        }
    }
    stats_.sweeps.add();
}

void Worker::begin_stop(MonotonicNs deadline) {
    stop_deadline_ = deadline;
    for (Connection* at = first_; at != nullptr; at = at->next_) at->stop();
}

Block Worker::take_block() {
    if (blocks_.empty()) return make_block(block_capacity);
    Block block = std::move(blocks_.back());
    blocks_.pop_back();
    return block;
}

void Worker::give_block(Block block) {
    if (block.capacity == block_capacity && blocks_.size() < blocks_kept_max) blocks_.push_back(std::move(block));
}

// Called with the sweep, not with each response: reading node time costs more than copying the line.
void Worker::refresh_date() {
    const std::int64_t second = shared_.clock.now().value() / 1000;
    if (second != date_s_) {
        date_s_ = second;
        const std::time_t time = second;
        std::tm utc{};
        gmtime_r(&time, &utc);
        const auto end = fmt::format_to_n(date_.data(), date_.size(), "date: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", utc);
        date_size_ = end.size;
    }
}

}  // namespace riacho::http::detail
