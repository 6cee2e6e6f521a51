#include "media/mkv_header.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include "base/codec.h"
#include "base/digest.h"
#include "base/try.h"
#include "media/ebml.h"

namespace riacho::media {
namespace {

// AWS: CodecID has up to 32 characters, other names are longer; a codec's private data is up to 1 MiB.
constexpr std::size_t codec_id_size_max = 1'024;
constexpr std::size_t simple_tags_max = 1'024;

std::unexpected<HeaderFault> invalid() { return fail(HeaderFault::invalid); }

Expected<std::uint64_t, HeaderFault> number(ByteSpan content) {
    const auto value = read_unsigned(content);
    if (!value) return invalid();
    return *value;
}

Expected<std::uint32_t, HeaderFault> small_number(ByteSpan content) {
    TRY(const std::uint64_t value, number(content));
    if (value > UINT32_MAX) return invalid();
    return static_cast<std::uint32_t>(value);
}

// AWS: DocType matroska or webm, a DocTypeReadVersion of at most 4, ids of 4 and sizes of 8 bytes (video spec 3.5).
Expected<void, HeaderFault> check_ebml(ByteSpan content) {
    bool doc_type = false;
    ElementWalker walker(content);
    while (const auto element = walker.next()) {
        if (element->id == mkv::doc_type) {
            const std::string_view text = read_string(element->content);
            doc_type = text == "matroska" || text == "webm";
            if (!doc_type) return invalid();
            continue;
        }
        const std::uint64_t most = element->id == mkv::ebml_read_version       ? 1
                                   : element->id == mkv::ebml_max_id_length    ? 4
                                   : element->id == mkv::ebml_max_size_length  ? 8
                                   : element->id == mkv::doc_type_read_version ? 4
                                                                               : 0;
        if (most == 0) continue;
        TRY(const std::uint64_t value, number(element->content));
        if (value > most) return invalid();
    }
    if (!walker.ok() || !doc_type) return invalid();
    return {};
}

Expected<std::uint64_t, HeaderFault> read_scale(ByteSpan info) {
    std::uint64_t scale = 1'000'000;
    ElementWalker walker(info);
    while (const auto element = walker.next()) {
        if (element->id != mkv::timecode_scale) continue;
        TRY(scale, number(element->content));
    }
    // AWS: the SDKs' limits, 100 ns to 1 s.
    if (!walker.ok() || scale < 100 || scale > 1'000'000'000) return invalid();
    return scale;
}

Expected<void, HeaderFault> read_details(ByteSpan content, TrackInfo& track) {
    ElementWalker walker(content);
    while (const auto element = walker.next()) {
        switch (element->id) {
            case mkv::pixel_width: {
                TRY(track.width, small_number(element->content));
                break;
            }
            case mkv::pixel_height: {
                TRY(track.height, small_number(element->content));
                break;
            }
            case mkv::channels: {
                TRY(track.channels, small_number(element->content));
                break;
            }
            case mkv::sampling_frequency: {
                const auto value = read_float(element->content);
                if (!value || !std::isfinite(*value) || *value < 0) return invalid();
                track.sampling_frequency = *value;
                break;
            }
            default:
                break;
        }
    }
    if (!walker.ok()) return invalid();
    return {};
}

Expected<TrackInfo, HeaderFault> read_track(ByteSpan content) {
    TrackInfo track;
    ElementWalker walker(content);
    while (const auto element = walker.next()) {
        switch (element->id) {
            case mkv::track_number: {
                TRY(track.number, small_number(element->content));
                break;
            }
            case mkv::track_type: {
                TRY(const std::uint64_t type, number(element->content));
                track.type = type == 1 ? TrackType::video : type == 2 ? TrackType::audio : TrackType::other;
                break;
            }
            case mkv::codec_id:
                if (element->content.size() > codec_id_size_max) return invalid();
                track.codec_id = read_string(element->content);
                break;
            case mkv::codec_private:
                track.codec_private = as_text(element->content);
                break;
            case mkv::default_duration: {
                TRY(track.default_duration_ns, number(element->content));
                break;
            }
            case mkv::video:
            case mkv::audio:
                TRY_VOID(read_details(element->content, track));
                break;
            // Frames that are additionally compressed or encrypted could not be played.
            case mkv::content_encodings:
                return invalid();
            default:
                break;
        }
    }
    if (!walker.ok() || track.number == 0) return invalid();
    return track;
}

Expected<void, HeaderFault> read_tracks(ByteSpan content, std::size_t tracks_max, HeaderInfo& header) {
    ElementWalker walker(content);
    while (const auto element = walker.next()) {
        if (element->id != mkv::track_entry) continue;
        if (header.tracks.size() == tracks_max) return fail(HeaderFault::too_many_tracks);
        TRY(TrackInfo track, read_track(element->content));
        if (header.find(track.number) != nullptr) return invalid();
        header.tracks.push_back(std::move(track));
    }
    if (!walker.ok() || header.tracks.empty()) return invalid();
    return {};
}

// The content of the Segment, and of the EBML header on the way.
Expected<ByteSpan, HeaderFault> segment_content(ByteSpan block) {
    ElementHead ebml;
    if (read_element_head(block, ebml) != HeadState::ok || ebml.id != mkv::ebml || ebml.unknown ||
        ebml.size > block.size() - ebml.head_size) {
        return invalid();
    }
    TRY_VOID(check_ebml(block.subspan(ebml.head_size, static_cast<std::size_t>(ebml.size))));
    ByteSpan rest = block.subspan(ebml.head_size + static_cast<std::size_t>(ebml.size));
    for (;;) {
        ElementHead head;
        if (read_element_head(rest, head) != HeadState::ok) return invalid();
        if (head.id == mkv::segment) {
            return head.unknown ? Expected<ByteSpan, HeaderFault>(rest.subspan(head.head_size)) : invalid();
        }
        if (head.unknown || head.size > rest.size() - head.head_size) return invalid();
        rest = rest.subspan(head.head_size + static_cast<std::size_t>(head.size));
    }
}

Expected<MkvTag, HeaderFault> read_simple_tag(ByteSpan content) {
    MkvTag tag;
    ElementWalker walker(content);
    while (const auto element = walker.next()) {
        if (element->id == mkv::tag_name) tag.name = read_string(element->content);
        if (element->id == mkv::tag_string) tag.value = read_string(element->content);
        if (element->id == mkv::tag_binary) tag.value = as_text(element->content);
        if (element->id == mkv::simple_tag) return invalid();
    }
    if (!walker.ok()) return invalid();
    return tag;
}

Expected<bool, HeaderFault> targets_track(ByteSpan content) {
    bool found = false;
    ElementWalker walker(content);
    while (const auto element = walker.next()) {
        if (element->id != mkv::tag_track_uid) continue;
        TRY(const std::uint64_t uid, number(element->content));
        found = found || uid != 0;
    }
    if (!walker.ok()) return invalid();
    return found;
}

}  // namespace

const TrackInfo* HeaderInfo::find(std::uint64_t number) const {
    const auto found = std::ranges::find(tracks, number, &TrackInfo::number);
    return found == tracks.end() ? nullptr : &*found;
}

const TrackInfo* HeaderInfo::first(TrackType type) const {
    const auto found = std::ranges::find(tracks, type, &TrackInfo::type);
    return found == tracks.end() ? nullptr : &*found;
}

Expected<HeaderInfo, HeaderFault> parse_mkv_header(ByteSpan block, std::size_t tracks_max) {
    TRY(const ByteSpan content, segment_content(block));
    HeaderInfo header;
    bool info_seen = false;
    bool tracks_seen = false;
    ElementWalker walker(content);
    while (const auto element = walker.next()) {
        if (element->id == mkv::info) {
            if (std::exchange(info_seen, true)) return invalid();
            TRY(header.timecode_scale_ns, read_scale(element->content));
        } else if (element->id == mkv::tracks) {
            if (std::exchange(tracks_seen, true)) return invalid();
            TRY_VOID(read_tracks(element->content, tracks_max, header));
        } else if (element->id == mkv::tags) {
            TRY(const auto tags, parse_tags(element->content));
            for (const MkvTag& tag : tags) header.reserved_tag = header.reserved_tag || is_reserved_tag(tag.name);
        }
    }
    if (!walker.ok() || !info_seen || !tracks_seen) return invalid();
    return header;
}

std::uint64_t config_id(const HeaderInfo& header) {
    Encoder out;
    out.varint(header.tracks.size());
    for (const TrackInfo& track : header.tracks) {
        out.number(track.number);
        out.number(static_cast<std::uint8_t>(track.type));
        out.text(track.codec_id);
        out.text(track.codec_private);
        out.number(track.width);
        out.number(track.height);
        out.number(std::bit_cast<std::uint64_t>(track.sampling_frequency));
        out.number(track.channels);
    }
    const Sha256 digest = sha256(out.bytes());
    return get_le<std::uint64_t>(reinterpret_cast<const std::byte*>(digest.data()));
}

Expected<std::vector<MkvTag>, HeaderFault> parse_tags(ByteSpan content) {
    std::vector<MkvTag> tags;
    ElementWalker walker(content);
    while (const auto element = walker.next()) {
        if (element->id != mkv::tag) continue;
        const std::size_t first = tags.size();
        bool of_track = false;
        ElementWalker parts(element->content);
        while (const auto part = parts.next()) {
            if (part->id == mkv::targets) {
                TRY(of_track, targets_track(part->content));
            } else if (part->id == mkv::simple_tag) {
                if (tags.size() == simple_tags_max) return invalid();
                TRY(const MkvTag tag, read_simple_tag(part->content));
                tags.push_back(tag);
            }
        }
        if (!parts.ok()) return invalid();
        for (std::size_t i = first; i < tags.size(); ++i) tags[i].of_track = of_track;
    }
    if (!walker.ok()) return invalid();
    return tags;
}

bool is_reserved_tag(std::string_view name) {
    return name.starts_with("AWS") && name != tag_end_of_fragment && name != tag_image_generation &&
           name != tag_image_prefix && name != tag_notification;
}

}  // namespace riacho::media
