// Writes Matroska: the tags that the service adds to fragments, and whole small streams.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/buffer.h"
#include "base/bytes.h"
#include "media/fragment_number.h"
#include "media/mkv_header.h"

namespace riacho::media {

// A Tags element with one Tag without Targets; names and values as given. AWS: sizes of 4 bytes in Tags and Tag (video
// spec 4.1).
using TagPair = std::pair<std::string_view, std::string_view>;
void put_tags(Buffer& out, std::span<const TagPair> tags);

// AWS: "seconds.mmm"; "0.000" for zero.
std::string seconds_text(std::int64_t ms);

// The beginning of a document: EBML header, and a Segment of unknown size.
void put_document_head(Buffer& out);

enum class TagSpelling : std::uint8_t { get_media, fragment_list };  // fragment_list has both names of each time
// In front of a fragment's Cluster: number and times.
void put_head_tags(Buffer& out, const FragmentNumber& number, std::int64_t producer_ms, TagSpelling spelling);
// Behind the Cluster: the delay behind the newest fragment, and the continuation token.
void put_tail_tags(Buffer& out, std::int64_t millis_behind_now, std::string_view continuation_token);

// Writes streams for tests and for media that is not Matroska. The sizes are those of the C producer SDK (unknown
// sizes, 8-byte sizes) or of a muxer that knows all sizes in advance.
class MkvWriter {
public:
    enum class Shape : std::uint8_t { live, file };
    MkvWriter(Shape shape, std::uint64_t timecode_scale_ns = 1'000'000)
        : shape_(shape), timecode_scale_ns_(timecode_scale_ns) {}

    struct Frame {
        std::uint32_t track = 1;
        std::int16_t relative = 0;
        bool key = false;
        ByteSpan data;
    };

    void header(Buffer& out, std::span<const TrackInfo> tracks) const;
    void cluster(Buffer& out, std::uint64_t timecode, std::span<const Frame> frames) const;

private:
    Shape shape_;
    std::uint64_t timecode_scale_ns_;
};

}  // namespace riacho::media
