// A push parser for Matroska streams of cameras: takes pieces of any size, calls event handlers, never copies payload.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "media/ebml.h"

namespace riacho::media {

struct MkvLimits {
    std::uint32_t header_size_max = std::uint32_t{1} << 20;    // from the EBML header to the first Cluster
    std::uint64_t element_size_max = std::uint64_t{50} << 20;  // the largest declared size of an element
    // the largest declared size of a Cluster; FragmentRules limit its actual size
    std::uint64_t cluster_size_max = std::uint64_t{1} << 40;
    std::uint32_t elements_per_fragment_max = 65'536;
    std::uint32_t header_elements_max = 4'096;
    std::uint32_t tags_size_max = std::uint32_t{64} << 10;
};

// The fault of a stream. Producers get error 4006 for all of them.
enum class MkvFault : std::uint8_t {
    bad_element,        // no element head, or one that is longer than its parent
    size_too_large,     // a declared size beyond MkvLimits, refused before anything is allocated
    unknown_size,       // on an element other than Segment and Cluster
    misplaced_element,  // a second EBML header, Segment, Info or Tracks; a Cluster before Info and Tracks
    too_many_elements,
    no_timecode,  // a Cluster with a block before its Timecode, without one, or with two
    bad_block,
    truncated,  // the body ended inside an element
    no_cluster,
    stopped  // an event handler returned false
};
std::string_view to_text(MkvFault fault);

struct BlockHead {
    std::uint64_t at = 0;        // offset of the element: SimpleBlock, or the BlockGroup that holds it
    std::uint64_t track = 0;     // the track number
    std::int16_t relative = 0;   // to the Cluster's timecode
    std::uint8_t flags = 0;      // as in a SimpleBlock; for a BlockGroup 0x80 is set if it has no ReferenceBlock
    std::uint32_t size = 0;      // of the frames: all after the flags
    std::uint16_t frames = 1;    // laced together
    std::uint64_t duration = 0;  // BlockDuration in units of TimecodeScale; 0 if there is none
};
inline constexpr std::uint8_t block_key_frame = 0x80, block_lacing = 0x06;

// Event handlers, called in stream order. Offsets count from the beginning of the body. A handler that returns false
// stops the parser for good, with MkvFault::stopped.
class MkvEvents {
public:
    // The first Cluster begins at `at`. `block` is everything before it, unchanged but for the Segment's size, which is
    // always unknown and has 8 bytes; valid during the call.
    virtual bool header_end(std::uint64_t at, ByteSpan block) = 0;
    // A Cluster's id begins at `at`; `size` with its head, 0 if it is unknown.
    virtual bool cluster_begin(std::uint64_t at, std::uint64_t size) = 0;
    // Once for each Cluster, before its blocks.
    virtual bool cluster_time(std::uint64_t timecode) = 0;
    // Called when the head of a SimpleBlock has arrived, or at the end of a BlockGroup.
    virtual bool block(const BlockHead& block) = 0;
    virtual bool cluster_end(std::uint64_t at) = 0;
    // A complete Tags element behind a Cluster.
    virtual bool tags(std::uint64_t at, std::uint64_t end, ByteSpan content) = 0;
    // Cues, Void, CRC-32 and the like behind a Cluster, when the element is complete.
    virtual bool other(std::uint64_t at, std::uint64_t end, std::uint32_t id) = 0;
    // All elements up to `position` were parsed; called at least once for each feed(), so that sizes can be limited.
    virtual bool progress(std::uint64_t position) = 0;

protected:
    ~MkvEvents() = default;
};

// Buffers the header block while it arrives, then at most one Tags element and `held()`. Single-threaded, no I/O.
class MkvParser {
public:
    explicit MkvParser(MkvLimits limits = {}) : limits_(limits) {}

    // After a fault every further call returns the same fault.
    Expected<void, MkvFault> feed(ByteSpan piece, MkvEvents& events);
    // The body has ended. Without any fed byte there is no fault and no event.
    Expected<void, MkvFault> finish(MkvEvents& events);

    // The number of fed bytes.
    [[nodiscard]] std::uint64_t position() const { return position_; }
    // The last fed bytes, if they belong to an incomplete element head: an event of the next feed() may have an offset
    // before them. Valid until the next feed(); at most held_size_max bytes.
    [[nodiscard]] ByteSpan held() const { return ByteSpan(carry_.data(), carry_size_); }
    static constexpr std::size_t held_size_max = 32;
    // Payload bytes that feed() would skip.
    [[nodiscard]] std::uint64_t skippable() const { return skip_; }
    // True while the parser is between Segment-level elements behind a complete Cluster.
    [[nodiscard]] bool between_clusters() const;

private:
    enum class State : std::uint8_t { ebml, segment, header, body, cluster, group };
    enum class Step : std::uint8_t { done, more };
    using Result = Expected<Step, MkvFault>;

    Expected<void, MkvFault> run(ByteSpan rest, MkvEvents& events);
    Expected<void, MkvFault> close_complete(MkvEvents& events);
    // Consumes the next element's head, or a small element, from the front of `view`; `more` if it is incomplete.
    Result step(ByteSpan& view, MkvEvents& events);
    [[nodiscard]] Expected<void, MkvFault> check_size(const ElementHead& head) const;
    Result step_before_segment(ByteSpan& view, const ElementHead& head);
    Result step_header(ByteSpan& view, const ElementHead& head, MkvEvents& events);
    Result step_body(ByteSpan& view, const ElementHead& head, MkvEvents& events);
    Result step_cluster(ByteSpan& view, const ElementHead& head, MkvEvents& events);
    Result step_group(ByteSpan& view, const ElementHead& head);
    Result begin_cluster(ByteSpan& view, const ElementHead& head, MkvEvents& events);
    Expected<void, MkvFault> end_cluster(MkvEvents& events);
    Result keep_header_element(ByteSpan& view, const ElementHead& head);
    Result take_number(ByteSpan& view, const ElementHead& head, std::uint64_t& value);
    Result take_block(ByteSpan& view, const ElementHead& head);
    void take(ByteSpan& view, std::size_t size);

    MkvLimits limits_;
    State state_ = State::ebml;
    std::uint64_t position_ = 0;  // offset of the end of the fed bytes
    std::uint64_t at_ = 0;        // offset of the first byte that is not consumed
    std::uint64_t skip_ = 0;      // payload bytes to skip
    std::uint64_t collect_ = 0;   // payload bytes to buffer in header_ or tags_
    bool segment_known_ = false, cluster_known_ = false, timecode_seen_ = false, info_seen_ = false,
         tracks_seen_ = false, group_block_ = false, group_reference_ = false;
    std::uint64_t segment_end_ = 0, cluster_end_ = 0, group_end_ = 0;
    std::uint64_t element_at_ = 0;  // start of the current Segment-level element behind a Cluster
    std::uint32_t element_id_ = 0;
    std::uint32_t elements_ = 0;
    BlockHead block_;
    std::vector<std::byte> header_;
    std::vector<std::byte> tags_;
    std::array<std::byte, held_size_max> carry_{};
    std::size_t carry_size_ = 0;
    Expected<void, MkvFault> failed_;
};

}  // namespace riacho::media
