#include "media/mkv_block.h"

#include <algorithm>

#include "media/ebml.h"

namespace riacho::media {
namespace {

enum class Lacing : std::uint8_t { none = 0, xiph = 1, fixed = 2, ebml = 3 };

Lacing lacing_of(std::uint8_t flags) { return static_cast<Lacing>((flags & block_lacing) >> 1); }

// Sizes of all frames but the last, which takes the remainder.
std::optional<std::vector<std::size_t>> xiph_sizes(ByteSpan& left, std::size_t count) {
    std::vector<std::size_t> sizes;
    for (std::size_t i = 1; i < count; ++i) {
        std::size_t size = 0;
        for (;;) {
            if (left.empty()) return std::nullopt;
            const auto part = static_cast<std::uint8_t>(left[0]);
            left = left.subspan(1);
            size += part;
            if (part != 255) break;
        }
        sizes.push_back(size);
    }
    return sizes;
}

std::optional<std::vector<std::size_t>> ebml_sizes(ByteSpan& left, std::size_t count) {
    std::vector<std::size_t> sizes;
    std::int64_t size = 0;
    for (std::size_t i = 1; i < count; ++i) {
        const auto part = read_vint(left);
        if (!part) return std::nullopt;
        left = left.subspan(part->size);
        if (i == 1) {
            size = static_cast<std::int64_t>(part->value);
        } else {
            // A signed difference: the middle of the range means zero.
            size += static_cast<std::int64_t>(part->value) - ((std::int64_t{1} << (7 * part->size - 1)) - 1);
        }
        if (size < 0 || size > static_cast<std::int64_t>(left.size())) return std::nullopt;
        sizes.push_back(static_cast<std::size_t>(size));
    }
    return sizes;
}

}  // namespace

BlockState read_block_start(ByteSpan bytes, std::uint64_t size, BlockStart& start) {
    if (bytes.empty()) return size == 0 ? BlockState::bad : BlockState::short_of_bytes;
    const auto track = read_vint(bytes);
    if (!track) return bytes.size() >= 8 || bytes.size() >= size ? BlockState::bad : BlockState::short_of_bytes;
    const std::size_t head = track->size + std::size_t{3};
    if (size < head) return BlockState::bad;
    if (bytes.size() < head) return BlockState::short_of_bytes;
    start.track = track->value;
    start.relative = static_cast<std::int16_t>(static_cast<std::uint16_t>(
        static_cast<std::uint16_t>(bytes[track->size]) << 8 | static_cast<std::uint16_t>(bytes[track->size + 1U])));
    start.flags = static_cast<std::uint8_t>(bytes[track->size + 2U]);
    start.head_size = static_cast<std::uint8_t>(head);
    start.frames = 1;
    if (lacing_of(start.flags) != Lacing::none) {
        if (size < head + 1) return BlockState::bad;
        if (bytes.size() < head + 1) return BlockState::short_of_bytes;
        start.frames = static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[head]) + 1);
    }
    return BlockState::ok;
}

std::optional<std::vector<ByteSpan>> split_laces(ByteSpan payload, const BlockStart& start) {
    ByteSpan left = payload.subspan(start.head_size);
    const Lacing lacing = lacing_of(start.flags);
    if (lacing == Lacing::none) return std::vector<ByteSpan>{left};
    left = left.subspan(1);  // the frame count, which read_block_start() has read
    const std::size_t count = start.frames;
    std::optional<std::vector<std::size_t>> sizes;
    switch (lacing) {
        case Lacing::none:
        case Lacing::fixed:
            if (left.size() % count != 0) return std::nullopt;
            sizes.emplace(count - 1, left.size() / count);
            break;
        case Lacing::xiph:
            sizes = xiph_sizes(left, count);
            break;
        case Lacing::ebml:
            sizes = ebml_sizes(left, count);
            break;
    }
    if (!sizes) return std::nullopt;
    std::vector<ByteSpan> frames;
    frames.reserve(count);
    for (const std::size_t size : *sizes) {
        if (size > left.size()) return std::nullopt;
        frames.push_back(left.first(size));
        left = left.subspan(size);
    }
    frames.push_back(left);
    return frames;
}

BlockWalker::BlockWalker(ByteSpan cluster) : children_(ByteSpan{}) {
    ElementHead head;
    ok_ = read_element_head(cluster, head) == HeadState::ok && head.id == mkv::cluster &&
          (head.unknown || head.size == cluster.size() - head.head_size);
    if (ok_) children_ = ElementWalker(cluster.subspan(head.head_size));
}

std::optional<ClusterBlock> BlockWalker::next() {
    while (ok_) {
        const auto element = children_.next();
        if (!element) {
            ok_ = children_.ok();
            return std::nullopt;
        }
        if (element->id == mkv::timecode) {
            const auto value = read_unsigned(element->content);
            if (!value) ok_ = false;
            timecode_ = value.value_or(0);
        } else if (element->id == mkv::simple_block) {
            ClusterBlock block;
            block.payload = element->content;
            ok_ = read_block_start(block.payload, block.payload.size(), block.start) == BlockState::ok;
            block.key = (block.start.flags & block_key_frame) != 0;
            if (ok_) return block;
        } else if (element->id == mkv::block_group) {
            if (auto block = group(element->content)) return block;
        }
    }
    return std::nullopt;
}

// Nothing also for a group without a Block: the parser accepts it, and it has no frames.
std::optional<ClusterBlock> BlockWalker::group(ByteSpan content) {
    ClusterBlock block;
    bool found = false;
    block.key = true;
    ElementWalker parts(content);
    while (const auto part = parts.next()) {
        if (part->id == mkv::block) {
            block.payload = part->content;
            found = true;
            ok_ = ok_ && read_block_start(block.payload, block.payload.size(), block.start) == BlockState::ok;
        } else if (part->id == mkv::block_duration) {
            const auto value = read_unsigned(part->content);
            if (!value) ok_ = false;
            block.duration = value.value_or(0);
        } else if (part->id == mkv::reference_block) {
            block.key = false;
        }
    }
    ok_ = ok_ && parts.ok();
    if (!ok_ || !found) return std::nullopt;
    return block;
}

}  // namespace riacho::media
