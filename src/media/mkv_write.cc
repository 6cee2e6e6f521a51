#include "media/mkv_write.h"

#include <fmt/format.h>

#include "media/ebml.h"

namespace riacho::media {
namespace {

// AWS: Tags and Tag have sizes of 4 bytes (video spec 4.1).
constexpr unsigned master_size_bytes = 4;

void put_simple_tag(Buffer& out, std::string_view name, std::string_view value) {
    Buffer content;
    put_element(content, mkv::tag_name, name);
    put_element(content, mkv::tag_string, value);
    put_element(out, mkv::simple_tag, content.view());
}

void put_ebml_header(Buffer& out) {
    Buffer head;
    put_unsigned(head, mkv::ebml_read_version, 1);
    put_unsigned(head, mkv::ebml_max_id_length, 4);
    put_unsigned(head, mkv::ebml_max_size_length, 8);
    put_element(head, mkv::doc_type, "matroska");
    put_unsigned(head, mkv::doc_type_read_version, 2);
    put_element(out, mkv::ebml, head.view());
}

Buffer track_entry(const TrackInfo& track) {
    Buffer out;
    put_unsigned(out, mkv::track_number, track.number);
    put_unsigned(out, 0x73C5, track.number);  // TrackUID
    put_unsigned(out, mkv::track_type, track.type == TrackType::video ? 1 : track.type == TrackType::audio ? 2 : 17);
    put_element(out, mkv::codec_id, track.codec_id);
    if (track.default_duration_ns != 0) put_unsigned(out, mkv::default_duration, track.default_duration_ns);
    Buffer details;
    if (track.type == TrackType::video) {
        put_unsigned(details, mkv::pixel_width, track.width);
        put_unsigned(details, mkv::pixel_height, track.height);
        put_element(out, mkv::video, details.view());
    } else if (track.type == TrackType::audio) {
        put_float(details, mkv::sampling_frequency, track.sampling_frequency);
        put_unsigned(details, mkv::channels, track.channels);
        put_element(out, mkv::audio, details.view());
    }
    if (!track.codec_private.empty()) put_element(out, mkv::codec_private, track.codec_private);
    return out;
}

}  // namespace

void put_tags(Buffer& out, std::span<const TagPair> tags) {
    Buffer tag;
    for (const auto& [name, value] : tags) put_simple_tag(tag, name, value);
    put_element_id(out, mkv::tags);
    put_element_size(out, tag.size() + 2 + master_size_bytes, master_size_bytes);
    put_element(out, mkv::tag, tag.view(), master_size_bytes);
}

std::string seconds_text(std::int64_t ms) { return fmt::format("{}.{:03}", ms / 1000, ms % 1000); }

void put_head_tags(Buffer& out, const FragmentNumber& number, std::int64_t producer_ms, TagSpelling spelling) {
    const std::string text = to_text(number);
    const std::string server = seconds_text(static_cast<std::int64_t>(number.server_ms));
    const std::string producer = seconds_text(producer_ms);
    // AWS documents the SIDE names for fragment lists, and every open consumer reads the others there, too.
    const TagPair tags[] = {{"AWS_KINESISVIDEO_FRAGMENT_NUMBER", text},
                            {"AWS_KINESISVIDEO_SERVER_TIMESTAMP", server},
                            {"AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", producer},
                            {"AWS_KINESISVIDEO_SERVER_SIDE_TIMESTAMP", server},
                            {"AWS_KINESISVIDEO_PRODUCER_SIDE_TIMESTAMP", producer}};
    put_tags(out, std::span(tags).first(spelling == TagSpelling::get_media ? 3 : 5));
}

void put_tail_tags(Buffer& out, std::int64_t millis_behind_now, std::string_view continuation_token) {
    const std::string behind = fmt::format("{}", millis_behind_now);
    const TagPair tags[] = {{"AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", behind},
                            {"AWS_KINESISVIDEO_CONTINUATION_TOKEN", continuation_token}};
    put_tags(out, tags);
}

void put_document_head(Buffer& out) {
    put_ebml_header(out);
    put_element_id(out, mkv::segment);
    put_unknown_size(out);
}

void MkvWriter::header(Buffer& out, std::span<const TrackInfo> tracks) const {
    put_ebml_header(out);
    put_element_id(out, mkv::segment);
    put_unknown_size(out, shape_ == Shape::live ? 1 : 8);
    if (shape_ == Shape::file) put_element(out, mkv::void_element, std::string(40, '\0'), 8);
    Buffer info;
    put_unsigned(info, mkv::timecode_scale, timecode_scale_ns_);
    put_element(out, mkv::info, info.view(), shape_ == Shape::live ? 2 : 8);
    Buffer entries;
    for (const TrackInfo& track : tracks) put_element(entries, mkv::track_entry, track_entry(track).view());
    put_element(out, mkv::tracks, entries.view(), shape_ == Shape::live ? 4 : 8);
}

void MkvWriter::cluster(Buffer& out, std::uint64_t timecode, std::span<const Frame> frames) const {
    Buffer content;
    put_unsigned(content, mkv::timecode, timecode);
    for (const Frame& frame : frames) {
        Buffer block;
        put_element_size(block, frame.track);
        block.push_back(static_cast<char>(static_cast<std::uint16_t>(frame.relative) >> 8));
        block.push_back(static_cast<char>(frame.relative));
        block.push_back(static_cast<char>(frame.key ? 0x80 : 0));
        block.append(as_text(frame.data));
        put_element(content, mkv::simple_block, block.view(), shape_ == Shape::live ? 8 : 0);
    }
    put_element_id(out, mkv::cluster);
    if (shape_ == Shape::live) {
        put_unknown_size(out, 1);
    } else {
        put_element_size(out, content.size(), 8);
    }
    out.append(content.view());
}

}  // namespace riacho::media
