// Blocks: frames of one track inside a Cluster that is in memory, with laces taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "media/mkv_parser.h"

namespace riacho::media {

// Track, relative time, flags and frame count of a Block or SimpleBlock, from its first bytes. `size` is the size of
// the whole payload. Nothing if it is malformed; `needs_more` if more bytes are needed.
struct BlockStart {
    std::uint64_t track = 0;
    std::int16_t relative = 0;
    std::uint8_t flags = 0;
    std::uint8_t head_size = 0;  // offset of the first byte behind the flags
    std::uint16_t frames = 1;
};
enum class BlockState : std::uint8_t { ok, short_of_bytes, bad };
BlockState read_block_start(ByteSpan bytes, std::uint64_t size, BlockStart& start);

// The frames of a block's complete payload, as views into it. Nothing when the sizes of a lace do not add up.
std::optional<std::vector<ByteSpan>> split_laces(ByteSpan payload, const BlockStart& start);

struct ClusterBlock {
    BlockStart start;
    ByteSpan payload;            // of the Block, with its head
    std::uint64_t duration = 0;  // BlockDuration; 0 if absent
    bool key = false;
};

// Iterates over the blocks of a stored Cluster element, in their order.
class BlockWalker {
public:
    // `cluster` begins with the Cluster's id.
    explicit BlockWalker(ByteSpan cluster);

    std::optional<ClusterBlock> next();
    // False once the walk has ended at something malformed.
    [[nodiscard]] bool ok() const { return ok_; }
    // The Cluster's timecode; valid after the first next().
    [[nodiscard]] std::uint64_t timecode() const { return timecode_; }

private:
    std::optional<ClusterBlock> group(ByteSpan content);

    ElementWalker children_;
    std::uint64_t timecode_ = 0;
    bool ok_ = true;
};

}  // namespace riacho::media
