#include "analytics/app/output.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/digest.h"
#include "core/alarm.h"
#include "core/backoff.h"
#include "core/task.h"
#include "core/task_group.h"

namespace riacho::analytics {
namespace {

// What one append to a stream takes.
constexpr std::size_t request_rows_max = 500;
constexpr std::size_t request_bytes_max = 4 << 20;
constexpr std::int64_t retry_ms_first = 100;
constexpr std::int64_t retry_ms_max = 30'000;

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

std::string row_key(std::uint64_t key_high, std::uint64_t key_low, std::uint64_t ordinal) {
    const std::uint64_t high = mixed(key_high + ordinal * 0x9E37'79B9'7F4A'7C15);
    const std::uint64_t low = mixed(key_low ^ mixed(ordinal + 1));
    return fmt::format("{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF, high & 0xFFF,
                       0x8000 | ((low >> 48) & 0x3FFF), low & 0xFFFF'FFFF'FFFF);
}

struct Output::Parts {
    explicit Parts(core::Core& core) : tasks(core), alarm(core) {}
    core::TaskGroup tasks;
    core::Alarm alarm;
};

struct Output::Pending {
    std::string key;
    std::string_view data;
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
    key_high_ = get_le<std::uint64_t>(as_bytes(as_text(key)).data());
    key_low_ = get_le<std::uint64_t>(as_bytes(as_text(key)).data() + 8);
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
    queued_bytes_ += rows.bytes.size();
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
        const EncodedRows& front = queue_.front();
        std::vector<Pending> pending;
        std::size_t bytes = 0;
        std::size_t at = front_at_;
        while (at < front.ends.size() && pending.size() < request_rows_max) {
            const std::size_t begin = at == 0 ? 0 : front.ends[at - 1];
            const std::string_view row = std::string_view(front.bytes).substr(begin, front.ends[at] - begin);
            if (!pending.empty() && bytes + row.size() > request_bytes_max) break;
            bytes += row.size();
            pending.push_back({row_key(key_high_, key_low_, front.first_ordinal + at), row});
            ++at;
        }
        const std::size_t count = pending.size();
        if (!co_await send(pending)) break;
        counters_->records += count;
        counters_->bytes += bytes;
        delivered_ = front.first_ordinal + at;
        front_at_ = at;
        queued_rows_ -= count;
        queued_bytes_ -= bytes;
        if (front_at_ == front.ends.size()) {
            queue_.pop_front();
            front_at_ = 0;
        }
        moved_();
    }
}

// Until the destination has all of them; false when delivery ends before.
Task<bool> Output::send(std::vector<Pending>& pending) {
    core::Backoff backoff(retry_ms_first, retry_ms_max);
    while (!stopping_) {
        std::optional<ports::SinkFault> fault;
        ++counters_->attempts;
        if (sink_ == nullptr) sink_ = find_sink_();
        if (sink_ == nullptr) {
            fault = ports::SinkFault::gone;
        } else {
            std::vector<ports::RecordToSend> records;
            for (const Pending& row : pending) records.push_back({row.key, row.data});
            const auto results = co_await sink_->append(core_, records);
            std::vector<Pending> left;
            for (std::size_t i = 0; i < results.size(); ++i) {
                if (results[i]) continue;
                fault = results[i].error();
                if (*fault == ports::SinkFault::too_large) {
                    ++counters_->too_large;  // for ever; the others must not wait for it
                } else {
                    left.push_back(std::move(pending[i]));
                }
            }
            pending = std::move(left);
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
        co_await parts_->alarm.sleep(backoff.next_ms(rng_));
    }
    co_return false;
}

}  // namespace riacho::analytics
