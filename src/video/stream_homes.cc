#include "video/stream_homes.h"

#include "catalog/catalog.h"
#include "core/clock.h"
#include "core/runtime.h"
#include "core/task.h"

namespace riacho::video {
namespace {

// The interval of the upkeep while streams are in use.
constexpr std::int64_t upkeep_ms = 2'000;
// The time after which an unused home is dropped; the next use reads its index again.
constexpr std::int64_t idle_ms_max = 10 * 60'000;
// The number of indexes that are read at the same time.
constexpr std::size_t openings_max = 8;

}  // namespace

std::shared_ptr<StreamHome> StreamHomes::of(const StreamRef& stream) {
    std::shared_ptr<StreamHome> home;
    bool is_first = false;
    {
        const MutexLock guard(mutex_);
        is_first = homes_.empty();
        std::shared_ptr<StreamHome>& known = homes_[stream.uid()];
        if (known == nullptr) known = std::make_shared<StreamHome>(parts_, stream.uid());
        home = known;
    }
    if (is_first && alarm_ != nullptr) alarm_->wake();
    return home;
}

void StreamHomes::configure(const StreamRef& stream) {
    std::shared_ptr<StreamHome> home;
    {
        const MutexLock guard(mutex_);
        const auto found = homes_.find(stream.uid());
        if (found == homes_.end()) return;
        home = found->second;
    }
    home->configure(stream);
}

void StreamHomes::end(std::uint64_t uid) {
    std::shared_ptr<StreamHome> home;
    {
        const MutexLock guard(mutex_);
        const auto found = homes_.find(uid);
        if (found == homes_.end()) return;
        home = found->second;
        homes_.erase(found);
    }
    home->finish();
}

std::vector<std::shared_ptr<StreamHome>> StreamHomes::all() const {
    const MutexLock guard(mutex_);
    std::vector<std::shared_ptr<StreamHome>> homes;
    homes.reserve(homes_.size());
    for (const auto& [uid, home] : homes_) homes.push_back(home);
    return homes;
}

bool StreamHomes::shrink_rings() {
    std::shared_ptr<MemoryRing> largest;
    for (const auto& home : all()) {
        auto ring = home->ring();
        if (ring != nullptr && (largest == nullptr || ring->bytes() > largest->bytes())) largest = std::move(ring);
    }
    return largest != nullptr && largest->drop_oldest();
}

StreamHomes::Stats StreamHomes::stats() const {
    Stats stats;
    for (const auto& home : all()) {
        ++stats.homes;
        stats.writers += home->writer_count();
        if (const auto ring = home->ring()) stats.ring_bytes += ring->bytes();
    }
    stats.page_bytes = pages_.bytes();
    return stats;
}

void StreamHomes::start(core::Core& core) {
    core_ = &core;
    alarm_ = std::make_shared<core::Alarm>(core);
    auto pass = std::make_shared<core::Gate::Pass>(*gate_.enter());
    core::spawn(core, [this, pass]() mutable { return upkeep(std::move(*pass)); });
}

void StreamHomes::stop() {
    if (core_ == nullptr || is_stopping_.exchange(true)) return;
    alarm_->wake();
    gate_.close_and_wait();
}

Task<void> StreamHomes::upkeep(core::Gate::Pass pass) {
    const core::Gate::Pass inside = std::move(pass);
    core::TaskGroup opening(*core_);
    while (!is_stopping_) {
        // No stream is in use: the upkeep sleeps until one is.
        const bool is_idle = all().empty();
        co_await alarm_->sleep(is_idle ? INT64_C(3'600'000) : upkeep_ms);
        co_await look_after(Archive::Effort::usual, &opening);
    }
    for (const auto& home : all()) {
        if (const auto archive = home->archive()) archive->stop_reading();
    }
    co_await opening.join();
    co_await look_after(Archive::Effort::all, &opening);
}

Task<void> StreamHomes::look_after(Archive::Effort effort, core::TaskGroup* opening) {
    // The homes are listed before the snapshot is taken: a stream made in between is in no earlier snapshot.
    const auto homes = all();
    const auto snapshot = parts_.catalog.snapshot();
    for (const auto& home : homes) {
        const auto object = snapshot->find_object(home->uid());
        if (object == nullptr || object->transition == catalog::StreamStatus::deleting) {
            end(home->uid());
            continue;
        }
        if (const auto archive = home->archive(); archive != nullptr && archive->wants_index(effort)) {
            if (archive->is_open()) {
                co_await archive->write_index(*core_, effort);
            } else if (!is_stopping_ && opening->size() < openings_max) {
                opening->spawn([archive, effort, core = core_] { return archive->write_index(*core, effort); });
            }
        }
        if (const auto ring = home->ring()) ring->expire();
        if (home->idle_ms() < idle_ms_max) continue;
        const MutexLock guard(mutex_);
        if (home.use_count() <= 2) homes_.erase(home->uid());  // held by the map and by this list only
    }
}

}  // namespace riacho::video
