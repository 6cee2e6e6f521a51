#include "video/readers.h"

namespace riacho::video {

std::shared_ptr<Readers::Place> Readers::join(std::uint64_t uid) {
    {
        const MutexLock lock(mutex_);
        if (count_ == node_max) return nullptr;
        std::size_t& of_stream = streams_[uid];
        if (of_stream == per_stream_max) return nullptr;
        ++of_stream;
        ++count_;
    }
    return std::make_shared<Place>(*this, uid);
}

void Readers::leave(std::uint64_t uid) {
    const MutexLock lock(mutex_);
    --count_;
    const auto found = streams_.find(uid);
    if (--found->second == 0) streams_.erase(found);
}

std::size_t Readers::count() const {
    const MutexLock lock(mutex_);
    return count_;
}

}  // namespace riacho::video
