// H.264: the configuration record and the sequence parameter set (ISO 14496-15 5.3.3, H.264 7.3.2.1).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace riacho::media {

struct AvcConfig {
    std::uint8_t profile = 0, compatibility = 0, level = 0;
    std::uint8_t nal_length_size = 0;  // 1, 2 or 4
    std::vector<ByteSpan> sps, pps;    // views into the record
    std::uint32_t width = 0, height = 0;
};

// Nothing for bytes that are no record, such as Annex B start codes, and for a record without a readable parameter set.
std::optional<AvcConfig> parse_avc_config(ByteSpan record);

struct PictureSize {
    std::uint32_t width = 0, height = 0;
};
// Of a sequence parameter set with its NAL header: the size after cropping; at most 16,384 each way.
std::optional<PictureSize> parse_avc_sps(ByteSpan nal);

}  // namespace riacho::media
