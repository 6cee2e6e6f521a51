#include "media/aac.h"

#include <array>

#include "media/bits.h"

namespace riacho::media {
namespace {

constexpr std::size_t size_max = 64;
constexpr std::array<std::uint32_t, 13> rates{96'000, 88'200, 64'000, 48'000, 44'100, 32'000, 24'000,
                                              22'050, 16'000, 12'000, 11'025, 8'000,  7'350};
constexpr std::uint32_t explicit_rate = 15;
constexpr std::uint32_t rate_max = 192'000;

std::uint32_t object_type(BitReader& in) {
    const std::uint32_t type = in.bits(5);
    return type == 31 ? 32 + in.bits(6) : type;
}

std::uint32_t rate(BitReader& in) {
    const std::uint32_t index = in.bits(4);
    if (index == explicit_rate) return in.bits(24);
    return index < rates.size() ? rates[index] : 0;
}

bool is_general_audio(std::uint32_t type) {
    return type == 1 || type == 2 || type == 3 || type == 4 || type == 6 || type == 7 || type == 17 || type == 19 ||
           type == 20 || type == 21 || type == 22 || type == 23;
}

}  // namespace

std::optional<AacConfig> parse_audio_specific_config(ByteSpan bytes) {
    if (bytes.size() < 2 || bytes.size() > size_max) return std::nullopt;
    BitReader in(bytes);
    AacConfig config;
    std::uint32_t type = object_type(in);
    config.object_type = static_cast<std::uint8_t>(type);
    config.sampling_rate = rate(in);
    const std::uint32_t channels = in.bits(4);
    config.channels = static_cast<std::uint16_t>(channels == 7 ? 8 : channels);
    if (type == 5 || type == 29) {
        rate(in);  // of what SBR makes of it
        type = object_type(in);
        if (type == 22) in.bits(4);
    }
    if (is_general_audio(type) && in.bit() != 0) config.frame_samples = 960;
    if (!in.ok() || type == 0 || channels > 7 || config.sampling_rate < 1'000 || config.sampling_rate > rate_max) {
        return std::nullopt;
    }
    return config;
}

}  // namespace riacho::media
