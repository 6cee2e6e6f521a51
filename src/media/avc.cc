#include "media/avc.h"

#include "media/bits.h"

namespace riacho::media {
namespace {

constexpr std::size_t sps_size_max = 8'192;
constexpr std::uint32_t macroblocks_max = 16'384 / 16;

std::optional<std::vector<ByteSpan>> read_sets(ByteSpan& left, std::size_t count) {
    std::vector<ByteSpan> sets;
    for (std::size_t i = 0; i < count; ++i) {
        if (left.size() < 2) return std::nullopt;
        const std::size_t size = static_cast<std::size_t>(left[0]) << 8 | static_cast<std::size_t>(left[1]);
        if (size == 0 || size > left.size() - 2) return std::nullopt;
        sets.push_back(left.subspan(2, size));
        left = left.subspan(2 + size);
    }
    return sets;
}

void skip_scaling_list(BitReader& in, unsigned size) {
    std::int32_t last = 8;
    std::int32_t next = 8;
    for (unsigned i = 0; i < size && in.ok(); ++i) {
        if (next != 0) next = (last + in.se() % 256 + 256) % 256;
        if (next != 0) last = next;
    }
}

bool has_chroma_format(std::uint32_t profile) {
    switch (profile) {
        case 100:
        case 110:
        case 122:
        case 244:
        case 44:
        case 83:
        case 86:
        case 118:
        case 128:
        case 138:
        case 139:
        case 134:
        case 135:
            return true;
        default:
            return false;
    }
}

struct Chroma {
    std::uint32_t format = 1;
    bool separate_planes = false;
};

Chroma read_chroma(BitReader& in) {
    Chroma chroma;
    chroma.format = in.ue();
    if (chroma.format == 3) chroma.separate_planes = in.bit() != 0;
    in.ue();     // bit_depth_luma_minus8
    in.ue();     // bit_depth_chroma_minus8
    in.skip(1);  // qpprime_y_zero_transform_bypass_flag
    if (in.bit() != 0) {
        const unsigned lists = chroma.format == 3 ? 12 : 8;
        for (unsigned i = 0; i < lists && in.ok(); ++i) {
            if (in.bit() != 0) skip_scaling_list(in, i < 6 ? 16 : 64);
        }
    }
    return chroma;
}

void skip_picture_order(BitReader& in) {
    const std::uint32_t type = in.ue();
    if (type == 0) in.ue();  // log2_max_pic_order_cnt_lsb_minus4
    if (type != 1) return;
    in.skip(1);
    in.se();
    in.se();
    const std::uint32_t frames = in.ue();
    for (std::uint32_t i = 0; i < frames && i < 256 && in.ok(); ++i) in.se();
}

}  // namespace

std::optional<PictureSize> parse_avc_sps(ByteSpan nal) {
    if (nal.size() < 4 || nal.size() > sps_size_max || (static_cast<std::uint8_t>(nal[0]) & 0x1F) != 7) {
        return std::nullopt;
    }
    BitReader in(nal.subspan(1), true);
    const std::uint32_t profile = in.bits(8);
    in.skip(16);  // constraints and level
    in.ue();      // seq_parameter_set_id
    const Chroma chroma = has_chroma_format(profile) ? read_chroma(in) : Chroma{};
    in.ue();  // log2_max_frame_num_minus4
    skip_picture_order(in);
    in.ue();     // max_num_ref_frames
    in.skip(1);  // gaps_in_frame_num_value_allowed_flag
    const std::uint32_t columns = in.ue();
    const std::uint32_t rows = in.ue();
    if (!in.ok() || chroma.format > 3 || columns >= macroblocks_max || rows >= macroblocks_max) return std::nullopt;
    const bool frames_only = in.bit() != 0;
    if (!frames_only) in.skip(1);
    in.skip(1);  // direct_8x8_inference_flag
    PictureSize size{.width = (columns + 1) * 16, .height = (rows + 1) * 16 * (frames_only ? 1 : 2)};
    if (in.bit() != 0) {
        const bool subsampled = !chroma.separate_planes && chroma.format != 0;
        const std::uint64_t unit_x = subsampled && chroma.format < 3 ? 2 : 1;
        const std::uint64_t unit_y = (subsampled && chroma.format == 1 ? 2U : 1U) * (frames_only ? 1U : 2U);
        const std::uint64_t left = in.ue();
        const std::uint64_t right = in.ue();
        const std::uint64_t top = in.ue();
        const std::uint64_t bottom = in.ue();
        if ((left + right) * unit_x >= size.width || (top + bottom) * unit_y >= size.height) return std::nullopt;
        size.width -= static_cast<std::uint32_t>((left + right) * unit_x);
        size.height -= static_cast<std::uint32_t>((top + bottom) * unit_y);
    }
    if (!in.ok()) return std::nullopt;
    return size;
}

std::optional<AvcConfig> parse_avc_config(ByteSpan record) {
    if (record.size() < 7 || record[0] != std::byte{1}) return std::nullopt;
    const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(record[i]); };
    AvcConfig config;
    config.profile = at(1);
    config.compatibility = at(2);
    config.level = at(3);
    config.nal_length_size = static_cast<std::uint8_t>((at(4) & 3) + 1);
    if (config.nal_length_size == 3) return std::nullopt;
    const std::size_t sps_count = at(5) & 0x1F;
    ByteSpan left = record.subspan(6);
    auto sps = read_sets(left, sps_count);
    if (!sps || sps->empty() || left.empty()) return std::nullopt;
    const auto pps_count = static_cast<std::size_t>(left[0]);
    left = left.subspan(1);
    auto pps = read_sets(left, pps_count);
    if (!pps || pps->empty() || pps_count > 32) return std::nullopt;
    const auto size = parse_avc_sps(sps->front());
    if (!size) return std::nullopt;
    config.sps = *std::move(sps);
    config.pps = *std::move(pps);
    config.width = size->width;
    config.height = size->height;
    return config;
}

}  // namespace riacho::media
