#include "video/playlists.h"

namespace riacho::video {

std::shared_ptr<const SessionList> Playlists::find(std::string_view key) {
    const MutexLock lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->list;
}

void Playlists::put(std::string_view key, std::shared_ptr<const SessionList> list) {
    const std::size_t weight = list->fold.segments().size() + 1;
    const MutexLock lock(mutex_);
    if (const auto found = by_key_.find(key); found != by_key_.end()) erase(found->second);
    entries_.push_front({std::string(key), std::move(list), weight});
    by_key_.emplace(entries_.front().key, entries_.begin());
    weight_ += weight;
    while (entries_.size() > 1 && (weight_ > segments_max || entries_.size() > lists_max)) {
        erase(std::prev(entries_.end()));
    }
}

void Playlists::erase(std::list<Entry>::iterator entry) {
    weight_ -= entry->weight;
    by_key_.erase(entry->key);
    entries_.erase(entry);
}

std::size_t Playlists::count() const {
    const MutexLock lock(mutex_);
    return entries_.size();
}

}  // namespace riacho::video
