#include "streams/queues.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "base/codec.h"
#include "core/runtime.h"
#include "streams/record_wait.h"

namespace riacho::streams {
namespace {

constexpr std::uint8_t settings_format = 1;

// The memory of a delivery: a node in a map and one in a set.
constexpr std::size_t delivery_bytes = 256;

}  // namespace

Deliveries::Deliveries(core::MemoryBudget* memory) : is_bounded_(memory != nullptr) {
    if (is_bounded_) memory_ = core::MemoryLease(*memory, core::MemoryUse::queues);
}

bool Deliveries::make_room(std::size_t count) {
    const MutexLock lock(mutex_);
    return !is_bounded_ || memory_.grow_to((deliveries_.size() + count) * delivery_bytes);
}

std::vector<Delivery> Deliveries::redeliver(std::size_t count, TimestampMs now, TimestampMs visible_at,
                                            std::int32_t receive_max, std::vector<QueueKey>& exhausted) {
    const MutexLock lock(mutex_);
    std::vector<Delivery> due;
    std::vector<Delivery> hidden;
    while (due.size() < count && !by_time_.empty() && by_time_.begin()->first <= now.value()) {
        const QueueKey key = by_time_.begin()->second;
        by_time_.erase(by_time_.begin());
        Delivery& delivery = deliveries_.at(key);
        if (receive_max > 0 && delivery.receive_count >= receive_max) {
            exhausted.push_back(key);
            delivery.visible_at = visible_at;
            hidden.push_back(delivery);
            continue;
        }
        ++delivery.receive_count;
        delivery.receipt = ++last_receipt_;
        delivery.visible_at = visible_at;
        due.push_back(delivery);
    }
    // Inserted after the loop: with a timeout of 0 the deliveries would be due again at once.
    for (const Delivery& delivery : due) by_time_.emplace(delivery.visible_at.value(), delivery.key);
    for (const Delivery& delivery : hidden) by_time_.emplace(delivery.visible_at.value(), delivery.key);
    return due;
}

std::optional<Delivery> Deliveries::deliver(QueueKey key, TimestampMs now, TimestampMs visible_at) {
    const MutexLock lock(mutex_);
    const auto [entry, is_new] = deliveries_.try_emplace(key);
    if (!is_new) return std::nullopt;
    entry->second = {key, ++last_receipt_, 1, now, visible_at};
    by_time_.emplace(visible_at.value(), key);
    return entry->second;
}

bool Deliveries::is_valid(QueueKey key, std::uint64_t receipt) const {
    const MutexLock lock(mutex_);
    const auto found = deliveries_.find(key);
    return found == deliveries_.end() || found->second.receipt == receipt;
}

bool Deliveries::change_visibility(QueueKey key, std::uint64_t receipt, TimestampMs visible_at) {
    const MutexLock lock(mutex_);
    const auto found = deliveries_.find(key);
    if (found == deliveries_.end() || found->second.receipt != receipt) return false;
    by_time_.erase({found->second.visible_at.value(), key});
    found->second.visible_at = visible_at;
    by_time_.emplace(visible_at.value(), key);
    return true;
}

void Deliveries::forget(QueueKey key) {
    const MutexLock lock(mutex_);
    const auto found = deliveries_.find(key);
    if (found == deliveries_.end()) return;
    by_time_.erase({found->second.visible_at.value(), key});
    deliveries_.erase(found);
    memory_.shrink_to(std::max(deliveries_.size() * delivery_bytes, memory_.bytes() / 2));
}

std::size_t Deliveries::size() const {
    const MutexLock lock(mutex_);
    return deliveries_.size();
}

std::size_t Deliveries::in_flight(TimestampMs now) const {
    const MutexLock lock(mutex_);
    const auto first = std::ranges::upper_bound(by_time_, now.value(), {}, &std::pair<std::int64_t, QueueKey>::first);
    return static_cast<std::size_t>(std::distance(first, by_time_.end()));
}

std::optional<TimestampMs> Deliveries::next_visible() const {
    const MutexLock lock(mutex_);
    if (by_time_.empty()) return std::nullopt;
    return TimestampMs(by_time_.begin()->first);
}

std::uint64_t Deliveries::cursor(std::uint64_t shard_uid, std::uint64_t floor) {
    const MutexLock lock(mutex_);
    std::uint64_t& cursor = cursors_[shard_uid];
    cursor = std::max(cursor, floor);
    return cursor;
}

bool Deliveries::move_cursor(std::uint64_t shard_uid, std::uint64_t from, std::uint64_t to) {
    const MutexLock lock(mutex_);
    std::uint64_t& cursor = cursors_[shard_uid];
    if (cursor != from) return false;
    cursor = to;
    return true;
}

std::uint64_t Receivers::version() const {
    const MutexLock lock(mutex_);
    return version_;
}

void Receivers::add(core::Core& core, const std::shared_ptr<RecordWait>& wait) {
    const MutexLock lock(mutex_);
    // The weak pointers are not locked here, because the last reference would be destroyed on the wrong core.
    std::erase_if(waiting_, [&](const Receiver& receiver) {
        const bool is_same = !receiver.wait.owner_before(wait) && !wait.owner_before(receiver.wait);
        return is_same || receiver.wait.expired();
    });
    waiting_.push_back({&core, wait});
}

void Receivers::notify() {
    const MutexLock lock(mutex_);
    ++version_;
    for (const Receiver& receiver : waiting_) {
        core::post(*receiver.core, [weak = receiver.wait] {
            if (const auto wait = weak.lock()) wait->interrupt();
        });
    }
    waiting_.clear();
}

std::shared_ptr<QueueWork> Queues::of(const std::string& arn) {
    const MutexLock lock(mutex_);
    auto& work = queues_[arn];
    if (work == nullptr) work = std::make_shared<QueueWork>(memory_);
    return work;
}

void Queues::forget(const std::string& arn) {
    std::shared_ptr<QueueWork> work;
    {
        const MutexLock lock(mutex_);
        const auto found = queues_.find(arn);
        if (found == queues_.end()) return;
        work = std::move(found->second);
        queues_.erase(found);
    }
    work->receivers.notify();
}

void Queues::stop() {
    stopping_ = true;
    const MutexLock lock(mutex_);
    for (const auto& [arn, work] : queues_) work->receivers.notify();
}

void Queues::retain(const std::function<bool(const std::string& arn)>& exists) {
    const MutexLock lock(mutex_);
    std::erase_if(queues_, [&](const auto& queue) { return !exists(queue.first); });
}

std::size_t Queues::size() const {
    const MutexLock lock(mutex_);
    return queues_.size();
}

std::string seal_receipt(const TokenSealer& sealer, const Receipt& receipt) {
    Encoder out;
    out.text(receipt.arn);
    out.number(receipt.key.shard_uid);
    out.number(receipt.key.seq);
    out.number(receipt.number);
    out.number(static_cast<std::uint8_t>(receipt.dead));
    return sealer.seal(TokenSealer::Kind::receipt, out.bytes());
}

std::optional<Receipt> open_receipt(const TokenSealer& sealer, std::string_view handle) {
    const auto content = sealer.open(TokenSealer::Kind::receipt, handle);
    if (!content) return std::nullopt;
    Decoder in(*content);
    Receipt receipt;
    receipt.arn = in.text();
    receipt.key.shard_uid = in.number<std::uint64_t>();
    receipt.key.seq = in.number<std::uint64_t>();
    receipt.number = in.number<std::uint64_t>();
    receipt.dead = in.number<std::uint8_t>() != 0;
    if (!in.ok()) return std::nullopt;
    return receipt;
}

std::string encode(const QueueSettings& settings) {
    Encoder out;
    out.number(settings_format);
    out.text(settings.stream_arn);
    out.number(static_cast<std::uint32_t>(settings.visibility_timeout_s));
    out.number(static_cast<std::uint8_t>(settings.target));
    out.number(static_cast<std::uint32_t>(settings.receive_max));
    out.number(static_cast<std::uint8_t>(settings.starting));
    out.time(settings.starting_at);
    return out.take();
}

QueueSettings decode_queue_settings(std::string_view bytes) {
    Decoder in(bytes);
    RIACHO_CHECK(in.number<std::uint8_t>() == settings_format, "a queue of an unknown format");
    QueueSettings settings;
    settings.stream_arn = in.text();
    settings.visibility_timeout_s = static_cast<std::int32_t>(in.number<std::uint32_t>());
    settings.target = static_cast<api::TargetType>(in.number<std::uint8_t>());
    settings.receive_max = static_cast<std::int32_t>(in.number<std::uint32_t>());
    settings.starting = static_cast<api::QueueStartingPositionType>(in.number<std::uint8_t>());
    settings.starting_at = in.time();
    return settings;
}

}  // namespace riacho::streams
