#include "video/page_cache.h"

namespace riacho::video {

std::shared_ptr<const Page> PageCache::find(std::uint64_t shard, std::uint64_t position) {
    const MutexLock guard(mutex_);
    const auto found = by_key_.find({shard, position});
    if (found == by_key_.end()) return nullptr;
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return found->second->second;
}

void PageCache::put(std::uint64_t shard, std::uint64_t position, std::shared_ptr<const Page> page) {
    const MutexLock guard(mutex_);
    const Key key{shard, position};
    if (by_key_.contains(key)) return;
    by_use_.emplace_front(key, std::move(page));
    by_key_[key] = by_use_.begin();
    while (by_use_.size() > pages_max_) {
        by_key_.erase(by_use_.back().first);
        by_use_.pop_back();
    }
}

std::size_t PageCache::bytes() const {
    const MutexLock guard(mutex_);
    return by_use_.size() * page_entries * sizeof(FragmentEntry);
}

}  // namespace riacho::video
