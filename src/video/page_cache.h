// PageCache: recently read index pages of all streams.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"
#include "video/fragment_index.h"

namespace riacho::video {

// Thread-safe. The least recently used page is dropped when the cache is full.
class PageCache {
public:
    // A page has 36 KiB.
    explicit PageCache(std::size_t pages_max) : pages_max_(pages_max) {}

    [[nodiscard]] std::shared_ptr<const Page> find(std::uint64_t shard, std::uint64_t position);
    void put(std::uint64_t shard, std::uint64_t position, std::shared_ptr<const Page> page);
    [[nodiscard]] std::size_t bytes() const;

private:
    struct Key {
        std::uint64_t shard = 0;
        std::uint64_t position = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const { return key.shard * 0x9E37'79B9'7F4A'7C15 ^ key.position; }
    };
    using List = std::list<std::pair<Key, std::shared_ptr<const Page>>>;

    const std::size_t pages_max_;
    mutable Mutex mutex_;
    List by_use_ GUARDED_BY(mutex_);  // the newest first
    std::unordered_map<Key, List::iterator, Hash> by_key_ GUARDED_BY(mutex_);
};

}  // namespace riacho::video
