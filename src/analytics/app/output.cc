#include "analytics/app/output.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/hash_keys.h"
#include "core/alarm.h"
#include "core/backoff.h"
#include "core/task.h"
#include "core/task_group.h"

namespace riacho::analytics {
namespace {

// The rows of one request. One request is in progress at a time, so that a repeated one never overtakes a later one.
constexpr std::size_t request_rows_max = ports::sink_records_max;
constexpr std::size_t request_bytes_max = 4 << 20;
constexpr std::int64_t delivery_retry_ms_first = 100;
constexpr std::int64_t delivery_retry_ms_max = 30'000;

std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xBF58'476D'1CE4'E5B9;
    value = (value ^ (value >> 27)) * 0x94D0'49BB'1331'11EB;
    return value ^ (value >> 31);
}

Sha256 key_of(const RowIdentity& identity, std::string_view output_id) {
    return sha256(fmt::format("{}/{}/{}/{}/{}", identity.application_uid, identity.run, identity.version, identity.seed,
                              output_id));
}

std::string_view describe(ports::SinkFault fault) {
    switch (fault) {
        case ports::SinkFault::gone:
            return "the destination does not exist, or is not active";
        case ports::SinkFault::denied:
            return "the destination may not be written to";
        case ports::SinkFault::key:
            return "the key of the destination cannot be used";
        case ports::SinkFault::throttled:
            return "the destination is over its limits";
        case ports::SinkFault::overloaded:
            return "the server has no room at the moment";
        case ports::SinkFault::unavailable:
            return "the disk is full or has failed";
        case ports::SinkFault::too_large:
            return "a row is larger than the destination takes, and was left out";
    }
    return "unknown";
}

}  // namespace

void RowKeys::write(std::uint64_t ordinal, char* out) const {
    static constexpr char digits[] = "0123456789abcdef";
    std::uint64_t high = mixed(high_ + ordinal * 0x9E37'79B9'7F4A'7C15);
    std::uint64_t low = mixed(low_ ^ mixed(ordinal + 1));
    high = (high & ~std::uint64_t{0xF000}) | 0x8000;                     // version 8
    low = (low & ~(std::uint64_t{3} << 62)) | (std::uint64_t{1} << 63);  // the variant
    const auto hexits = [&out](std::uint64_t value, int count) {
        for (int shift = count * 4 - 4; shift >= 0; shift -= 4) *out++ = digits[value >> shift & 15];
    };
    hexits(high >> 32, 8);
    *out++ = '-';
    hexits(high >> 16 & 0xFFFF, 4);
    *out++ = '-';
    hexits(high & 0xFFFF, 4);
    *out++ = '-';
    hexits(low >> 48, 4);
    *out++ = '-';
    hexits(low & 0xFFFF'FFFF'FFFF, 12);
}

void EncodedRows::make_keys(const RowKeys& of, bool has_shards) {
    keys.resize(ends.size() * RowKeys::size);
    for (std::size_t i = 0; i < ends.size(); ++i) of.write(first_ordinal + i, keys.data() + i * RowKeys::size);
    if (!has_shards) return;
    std::vector<std::string_view> texts(ends.size());
    for (std::size_t i = 0; i < ends.size(); ++i) texts[i] = key(i);
    hash_keys.resize(ends.size());
    hash_keys_of(texts, hash_keys);
}

struct Output::Parts {
    explicit Parts(core::Core& core) : tasks(core), alarm(core) {}
    core::TaskGroup tasks;
    core::Alarm alarm;
};

Output::Output(core::Core& core, core::Rng& rng, const OutputSettings& settings, FindSink find_sink,
               std::function<void()> moved, std::function<void(std::string_view)> failing)
    : core_(core),
      rng_(rng),
      find_sink_(std::move(find_sink)),
      moved_(std::move(moved)),
      failing_(std::move(failing)),
      parts_(std::make_unique<Parts>(core)),
      counters_(std::make_shared<OutputCounters>()) {
    counters_->id = settings.id;
    counters_->stream = settings.name;
}

Output::~Output() = default;

void Output::begin_at(const RowIdentity& identity, std::uint64_t ordinal) {
    const Sha256 key = key_of(identity, counters_->id);
    const auto bytes = as_bytes(as_text(key));
    keys_ = RowKeys(get_le<std::uint64_t>(bytes.data()), get_le<std::uint64_t>(bytes.data() + 8));
    delivered_ = added_ = ordinal;
}

void Output::start() {
    parts_->tasks.spawn([this] { return run(); });
}

Task<void> Output::stop() {
    stopping_ = true;
    parts_->alarm.wake();
    co_await parts_->tasks.join();
}

void Output::add(EncodedRows rows) {
    if (rows.ends.empty()) return;
    queued_rows_ += rows.ends.size();
    queued_bytes_ += rows.size();
    added_ = rows.first_ordinal + rows.ends.size();
    queue_.push_back(std::move(rows));
    parts_->alarm.wake();
}

Task<void> Output::run() {
    while (!stopping_) {
        if (queue_.empty()) {
            co_await parts_->alarm.sleep(60'000);
            continue;
        }
        // Rows that are added meanwhile follow behind: the texts of these do not move.
        std::vector<ports::RecordToSend> records;
        records.reserve(std::min(queued_rows_, request_rows_max));
        std::size_t bytes = 0;
        std::size_t at = front_at_;
        for (auto batch = queue_.begin(); batch != queue_.end() && records.size() < request_rows_max; ++batch, at = 0) {
            for (; at < batch->ends.size() && records.size() < request_rows_max; ++at) {
                const std::string_view row = batch->row(at);
                if (!records.empty() && bytes + row.size() > request_bytes_max) break;
                bytes += row.size();
                records.push_back({batch->key(at), row, {}});
                if (!batch->hash_keys.empty()) records.back().hash_key = batch->hash_keys[at];
            }
            if (at < batch->ends.size()) break;
        }
        const std::size_t count = records.size();
        if (!co_await send(std::move(records))) break;
        forget(count, bytes);
        moved_();
    }
}

// Drops the first rows of the queue, which were delivered.
void Output::forget(std::size_t count, std::size_t bytes) {
    counters_->records += count;
    counters_->bytes += bytes;
    queued_rows_ -= count;
    queued_bytes_ -= bytes + count * EncodedRows::row_overhead;
    while (count > 0) {
        const EncodedRows& front = queue_.front();
        const std::size_t gone = std::min(count, front.ends.size() - front_at_);
        front_at_ += gone;
        count -= gone;
        delivered_ = front.first_ordinal + front_at_;
        if (front_at_ < front.ends.size()) break;
        queue_.pop_front();
        front_at_ = 0;
    }
}

// Returns when the destination has all records; false when delivery ends before.
Task<bool> Output::send(std::vector<ports::RecordToSend> pending) {
    core::Backoff backoff(delivery_retry_ms_first, delivery_retry_ms_max);
    while (!stopping_) {
        std::optional<ports::SinkFault> fault;
        const std::size_t count = pending.size();
        ++counters_->attempts;
        if (sink_ == nullptr) sink_ = find_sink_();
        if (sink_ == nullptr) {
            fault = ports::SinkFault::gone;
        } else {
            const auto results = co_await sink_->append(core_, pending);
            std::size_t left = 0;
            for (std::size_t i = 0; i < results.size(); ++i) {
                if (results[i]) continue;
                fault = results[i].error();
                if (*fault == ports::SinkFault::too_large) {
                    ++counters_->too_large;  // it would never be accepted; others must not wait for it
                } else {
                    pending[left++] = pending[i];
                }
            }
            pending.resize(left);
        }
        if (fault) {
            ++counters_->failed_attempts;
            if (!std::exchange(is_failing_, true)) failing_(describe(*fault));
        }
        if (pending.empty()) {
            if (!fault) is_failing_ = false;
            co_return true;
        }
        if (fault == ports::SinkFault::gone) sink_ = nullptr;
        // The limit of a shard lets some records pass each time: the next request follows soon.
        if (pending.size() < count) backoff.reset();
        co_await parts_->alarm.sleep(backoff.next_ms(rng_));
    }
    co_return false;
}

}  // namespace riacho::analytics
