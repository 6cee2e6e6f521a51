// A cache of the lists of playback sessions.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"
#include "media/playlist.h"

namespace riacho::video {

// Immutable.
struct SessionList {
    explicit SessionList(const media::PlaylistOptions& options) : fold(options) {}
    media::PlaylistFold fold;
    // The tracks of the session's first configuration.
    std::optional<media::Playable> first;
};

// Thread-safe. The least recently used lists are dropped.
class Playlists {
public:
    // Of the segments of all lists together, about 100 bytes each.
    static constexpr std::size_t segments_max = 40'000;
    static constexpr std::size_t lists_max = 4'096;

    // Null: not cached. The key is the session's token.
    std::shared_ptr<const SessionList> find(std::string_view key);
    void put(std::string_view key, std::shared_ptr<const SessionList> list);
    [[nodiscard]] std::size_t count() const;

private:
    struct Entry {
        std::string key;
        std::shared_ptr<const SessionList> list;
        std::size_t weight = 0;
    };
    void erase(std::list<Entry>::iterator entry) REQUIRES(mutex_);

    mutable Mutex mutex_;
    std::list<Entry> entries_ GUARDED_BY(mutex_);  // most recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_ GUARDED_BY(mutex_);
    std::size_t weight_ GUARDED_BY(mutex_) = 0;
};

}  // namespace riacho::video
