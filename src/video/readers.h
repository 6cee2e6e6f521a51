// Readers: counts the open calls of GetMedia.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "base/mutex.h"

namespace riacho::video {

// Thread-safe. Outlives every place.
class Readers {
public:
    // AWS: three for each stream (video spec 1.7). The node's own limit bounds its sockets.
    static constexpr std::size_t per_stream_max = 3, node_max = 1'000;

    // One counted call, until its destructor.
    class Place {
    public:
        Place(Readers& readers, std::uint64_t uid) : readers_(readers), uid_(uid) {}
        ~Place() { readers_.leave(uid_); }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

    private:
        Readers& readers_;
        std::uint64_t uid_;
    };

    // Null: the limit is reached.
    std::shared_ptr<Place> join(std::uint64_t uid);
    [[nodiscard]] std::size_t count() const;

private:
    void leave(std::uint64_t uid);

    mutable Mutex mutex_;
    std::size_t count_ GUARDED_BY(mutex_) = 0;
    std::unordered_map<std::uint64_t, std::size_t> streams_ GUARDED_BY(mutex_);
};

}  // namespace riacho::video
