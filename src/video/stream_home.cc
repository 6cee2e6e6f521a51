#include "video/stream_home.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/try.h"
#include "catalog/catalog.h"
#include "core/clock.h"
#include "core/rng.h"
#include "core/task.h"
#include "log/command_log.h"

namespace riacho::video {
namespace {

// The numbers of a lease: one command for so many fragments, half an hour of two seconds each.
constexpr std::uint64_t lease_size = 1'000;
constexpr std::string_view lease_key = "seq";
// A writer that has sent nothing for so long loses its place to another one (video spec 3.9).
constexpr std::int64_t silent_ms = 15'000;
// Producers are refused for some time after so many orphaned bytes within a window.
constexpr std::uint64_t orphan_bytes_max = 100'000'000;
constexpr std::int64_t orphan_window_ns = 600'000'000'000;
constexpr std::int64_t refused_ns = 60'000'000'000;

// The first number that was never leased.
std::uint64_t ceiling_in(const catalog::Progress& progress, std::uint64_t uid, std::string& stored) {
    const auto* value = progress.find(catalog::ProgressKey{uid, std::string(lease_key)});
    if (value == nullptr) return 1;
    stored = **value;
    return stored.size() == 8 ? get_le<std::uint64_t>(as_bytes(stored).data()) : 1;
}

std::string ceiling_text(std::uint64_t ceiling) {
    std::string text(8, '\0');
    put_le(reinterpret_cast<std::byte*>(text.data()), ceiling);
    return text;
}

}  // namespace

StreamHome::StreamHome(const HomeParts& parts, std::uint64_t uid)
    : parts_(parts), uid_(uid), used_at_(parts.clock.monotonic()) {}

std::shared_ptr<Writer> StreamHome::join(std::size_t writers_max) {
    const std::int64_t now = parts_.clock.monotonic().value();
    const MutexLock guard(mutex_);
    used_at_ = MonotonicNs(now);
    const auto living = [](const auto& writer) { return !writer->must_end.load(); };
    if (static_cast<std::size_t>(std::ranges::count_if(writers_, living)) >= writers_max) {
        const auto silent = std::ranges::find_if(writers_, [&](const auto& writer) {
            return living(writer) && now - writer->last_byte_ns.load() >= silent_ms * 1'000'000;
        });
        if (silent == writers_.end()) return nullptr;
        (*silent)->must_end = true;
    }
    auto writer = std::make_shared<Writer>();
    writer->last_byte_ns = now;
    writers_.push_back(writer);
    return writer;
}

void StreamHome::leave(const std::shared_ptr<Writer>& writer) {
    const MutexLock guard(mutex_);
    std::erase(writers_, writer);
    used_at_ = parts_.clock.monotonic();
}

void StreamHome::note_orphans(std::uint64_t bytes) {
    if (bytes == 0) return;
    const std::int64_t now = parts_.clock.monotonic().value();
    const MutexLock guard(mutex_);
    if (orphan_bytes_ == 0 || now - orphans_since_.value() > orphan_window_ns) {
        orphan_bytes_ = 0;
        orphans_since_ = MonotonicNs(now);
    }
    orphan_bytes_ += bytes;
    if (orphan_bytes_ <= orphan_bytes_max) return;
    orphan_bytes_ = 0;
    refused_until_ = MonotonicNs(now + refused_ns);
}

bool StreamHome::is_refused() const {
    const MutexLock guard(mutex_);
    return parts_.clock.monotonic() < refused_until_;
}

std::size_t StreamHome::writer_count() const {
    const MutexLock guard(mutex_);
    return writers_.size();
}

std::int64_t StreamHome::idle_ms() const {
    const MutexLock guard(mutex_);
    if (!writers_.empty() || !arrivals_->waiters.empty()) return 0;
    return (parts_.clock.monotonic().value() - used_at_.value()) / 1'000'000;
}

Expected<StreamRef, PutFault> StreamHome::active_stream() const {
    auto stream = stream_of(parts_.catalog.snapshot()->find_object(uid_));
    if (!stream || stream->object->transition == catalog::StreamStatus::deleting) return fail(PutFault::deleted);
    return *std::move(stream);
}

PutFault StreamHome::fault_of_missing_shard() const {
    return active_stream() ? PutFault::not_active : PutFault::deleted;
}

Task<Expected<StreamHome::Begun, PutFault>> StreamHome::begin(core::Core& core) {
    for (;;) {
        CO_TRY(const StreamRef stream, active_stream());
        {
            const MutexLock guard(mutex_);
            if (is_finished_) co_return fail(PutFault::deleted);
            if (next_ < ceiling_) {
                Begun begun;
                begun.sequence = next_++;
                // Never less than that of a lower number, because the index is searched by it.
                last_server_ms_ = std::max(parts_.clock.now().value(), last_server_ms_);
                begun.server_ms = last_server_ms_;
                begun.random = static_cast<std::uint32_t>(parts_.rng.next()) & ((1U << 28) - 1);
                Place place = place_for(stream);
                begun.archive = std::move(place.archive);
                begun.ring = std::move(place.ring);
                used_at_ = parts_.clock.monotonic();
                arrivals_->begin(begun.sequence);
                co_return begun;
            }
        }
        CO_TRY_VOID(co_await lease_numbers(core));
    }
}

// Returns when numbers are available. One lease at a time.
Task<Expected<void, PutFault>> StreamHome::lease_numbers(core::Core& core) {
    Waiters::Entry entry(leasing_waiters_, core);
    bool is_mine = false;
    {
        const MutexLock guard(mutex_);
        if (next_ < ceiling_) co_return Expected<void, PutFault>();
        is_mine = !is_leasing_;
        is_leasing_ = true;
    }
    if (!is_mine) {
        co_await entry.wait(1'000);
        co_return Expected<void, PutFault>();
    }
    std::string stored;
    const std::uint64_t first = ceiling_in(parts_.catalog.snapshot()->progress(), uid_, stored);
    catalog::MoveProgress command;
    auto& owner = command.owners.emplace_back();
    owner.owner = uid_;
    auto& move = owner.moves.emplace_back();
    move.key = lease_key;
    move.expected = stored;
    move.value = ceiling_text(first + lease_size);
    const auto result = co_await parts_.commands.submit(core, catalog::encode(catalog::Command(std::move(command))));
    const bool made = result && catalog::decode_verdict(result->reply).code == catalog::Verdict::Code::ok;
    {
        const MutexLock guard(mutex_);
        is_leasing_ = false;
        if (made) {
            next_ = first;
            ceiling_ = first + lease_size;
        }
    }
    leasing_waiters_.notify();
    if (made) co_return Expected<void, PutFault>();
    if (!result) co_return fail(PutFault::unavailable);
    co_return fail(active_stream() ? PutFault::unavailable : PutFault::deleted);
}

// The store of the stream's fragments for its present settings.
StreamHome::Place StreamHome::place_for(const StreamRef& stream) {
    // The caller has an older version of the stream. Two archives over the same shards would not know each other's
    // fragments.
    if (stream.object->version < version_ && (archive_ != nullptr || ring_ != nullptr)) return {archive_, ring_};
    version_ = stream.object->version;
    if (stream.settings.retention_hours == 0) {
        if (archive_ != nullptr) {
            archive_->end();
            archive_ = nullptr;
        }
        if (ring_ == nullptr)
            ring_ = std::make_shared<MemoryRing>(parts_.clock, parts_.memory, parts_.rings, arrivals_);
        return {nullptr, ring_};
    }
    if (ring_ != nullptr) {
        ring_->end();
        ring_ = nullptr;
    }
    if (archive_ != nullptr && archive_->media_shard() != stream.media_shard()) {
        archive_->end();
        archive_ = nullptr;
    }
    if (archive_ == nullptr) {
        archive_ = std::make_shared<Archive>(parts_.log, parts_.clock, parts_.pages, arrivals_, stream);
    }
    archive_->configure(stream);
    return {archive_, nullptr};
}

std::shared_ptr<FragmentSource> StreamHome::source(const StreamRef& stream) {
    const MutexLock guard(mutex_);
    used_at_ = parts_.clock.monotonic();
    const Place place = place_for(stream);
    const auto kept = std::make_shared<std::pair<std::shared_ptr<StreamHome>, Place>>(shared_from_this(), place);
    FragmentSource* source = place.ring.get();
    if (place.archive != nullptr) source = place.archive.get();
    return {kept, source};
}

void StreamHome::configure(const StreamRef& stream) {
    const MutexLock guard(mutex_);
    if (archive_ == nullptr && ring_ == nullptr) return;
    place_for(stream);
}

void StreamHome::finish() {
    const MutexLock guard(mutex_);
    is_finished_ = true;
    if (archive_ != nullptr) archive_->end();
    if (ring_ != nullptr) ring_->end();
}

bool StreamHome::is_finished() const {
    const MutexLock guard(mutex_);
    return is_finished_;
}

std::shared_ptr<Archive> StreamHome::archive() const {
    const MutexLock guard(mutex_);
    return archive_;
}

std::shared_ptr<MemoryRing> StreamHome::ring() const {
    const MutexLock guard(mutex_);
    return ring_;
}

}  // namespace riacho::video
