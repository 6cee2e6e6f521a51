// The order in which the shards of a stream are read: parents before children, through splits and merges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace riacho {

struct LineageShard {
    std::int32_t index = 0;
    std::optional<std::int32_t> parent;
    std::optional<std::int32_t> adjacent_parent;
};

// A shard may be read once all its parents have been read to their ends. A parent missing from the listing does not
// block its children: its records have expired. Holds the shards of the last listing and the shards being read, nothing
// older. Not thread-safe.
class Lineage {
public:
    // Takes a complete listing of the stream's shards, in any order. Shards missing from it are forgotten, except while
    // they are being read.
    void update(std::span<const LineageShard> listing);
    // Adds shards that the end of a parent named before a listing shows them. Known shards may be repeated.
    void add(std::span<const LineageShard> shards);

    // Returns the shards whose parents have been read, in the order of their indexes. Each shard is returned once, and
    // counts as being read from then on.
    std::vector<std::int32_t> take_ready();
    // Marks a shard as read to its end, or as left out (a reader that begins at LATEST leaves out closed shards).
    // Unknown shards are ignored.
    void finish(std::int32_t index);

    [[nodiscard]] std::size_t reading() const;
    [[nodiscard]] std::size_t size() const { return shards_.size(); }

private:
    enum class State : std::uint8_t { waiting, reading, finished };
    struct Known {
        LineageShard shard;
        State state = State::waiting;
    };

    [[nodiscard]] bool holds_up(const std::optional<std::int32_t>& parent) const;

    std::map<std::int32_t, Known> shards_;
};

}  // namespace riacho
