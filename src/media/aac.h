// AAC: the AudioSpecificConfig (ISO 14496-3 1.6.2.1).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace riacho::media {

struct AacConfig {
    std::uint8_t object_type = 0;         // 2 AAC-LC, 5 and 29 with SBR
    std::uint32_t sampling_rate = 0;      // of the core codec: a frame has frame_samples at this rate
    std::uint16_t channels = 0;           // 0 when a program config element specifies them
    std::uint32_t frame_samples = 1'024;  // or 960
};

std::optional<AacConfig> parse_audio_specific_config(ByteSpan bytes);

}  // namespace riacho::media
