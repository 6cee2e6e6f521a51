// Reads MP4 boxes back in the tests and fuzz targets of this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace riacho::media::samples {

struct BoxView {
    std::string type;
    std::string_view content;
};

inline std::uint32_t read_32(std::string_view bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes.at(at + i));
    return value;
}

// The boxes that `bytes` consist of; nothing if they do not add up.
inline std::optional<std::vector<BoxView>> read_boxes(std::string_view bytes) {
    std::vector<BoxView> boxes;
    while (!bytes.empty()) {
        if (bytes.size() < 8) return std::nullopt;
        const std::uint32_t size = read_32(bytes, 0);
        if (size < 8 || size > bytes.size()) return std::nullopt;
        boxes.push_back({std::string(bytes.substr(4, 4)), bytes.substr(8, size - 8)});
        bytes.remove_prefix(size);
    }
    return boxes;
}

// The content of the box at a path such as "moof/traf/trun"; empty if there is none.
inline std::string_view find_box(std::string_view bytes, std::string_view path) {
    const std::string_view type = path.substr(0, path.find('/'));
    const auto boxes = read_boxes(bytes);
    if (!boxes) return {};
    for (const BoxView& box : *boxes) {
        if (box.type != type) continue;
        return path.size() == type.size() ? box.content : find_box(box.content, path.substr(type.size() + 1));
    }
    return {};
}

// The samples of a media segment, checked against the sizes of its boxes. Nothing if they do not fit.
struct SegmentView {
    std::uint32_t sequence = 0, track = 0;
    std::uint64_t tfdt = 0;
    struct Sample {
        std::uint32_t duration = 0, size = 0, flags = 0;
        std::int32_t offset = 0;
        std::string_view data;
    };
    std::vector<Sample> samples;
};

inline std::optional<SegmentView> read_segment(std::string_view bytes) {
    const auto boxes = read_boxes(bytes);
    if (!boxes || boxes->size() != 3 || (*boxes)[0].type != "styp" || (*boxes)[1].type != "moof" ||
        (*boxes)[2].type != "mdat") {
        return std::nullopt;
    }
    SegmentView view;
    view.sequence = read_32(find_box(bytes, "moof/mfhd"), 4);
    view.track = read_32(find_box(bytes, "moof/traf/tfhd"), 4);
    const std::string_view tfdt = find_box(bytes, "moof/traf/tfdt");
    view.tfdt = std::uint64_t{read_32(tfdt, 4)} << 32 | read_32(tfdt, 8);
    const std::string_view trun = find_box(bytes, "moof/traf/trun");
    const std::uint32_t count = read_32(trun, 4);
    if (trun.size() != 12 + std::size_t{16} * count) return std::nullopt;
    const auto moof_at = static_cast<std::size_t>((*boxes)[1].content.data() - bytes.data()) - 8;
    std::string_view media = bytes.substr(moof_at + read_32(trun, 8));
    if (media.size() != (*boxes)[2].content.size()) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
        SegmentView::Sample sample;
        sample.duration = read_32(trun, 12 + 16 * i);
        sample.size = read_32(trun, 16 + 16 * i);
        sample.flags = read_32(trun, 20 + 16 * i);
        sample.offset = static_cast<std::int32_t>(read_32(trun, 24 + 16 * i));
        if (sample.size > media.size()) return std::nullopt;
        sample.data = media.substr(0, sample.size);
        media.remove_prefix(sample.size);
        view.samples.push_back(sample);
    }
    if (!media.empty()) return std::nullopt;
    return view;
}

}  // namespace riacho::media::samples
