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

// A shard may be read once all its parents have been read to their ends. A parent that is in no listing holds nobody
// up: its records have expired. Holds what the last listing showed and what is being read, nothing older. Not
// thread-safe.
class Lineage {
public:
    // A complete listing of the stream's shards, in any order. Shards that are missing in it are forgotten, but not
    // while they are read.
    void update(std::span<const LineageShard> listing);
    // Shards that the end of a parent named, before the next listing shows them. Known ones may be repeated.
    void add(std::span<const LineageShard> shards);

    // The shards whose turn has come, in the order of their indexes. Each is given once, and is being read from then
    // on.
    std::vector<std::int32_t> take_ready();
    // The shard was read to its end, or is to be left out, as closed shards are by a reader that begins at LATEST.
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
