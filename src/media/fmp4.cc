#include "media/fmp4.h"

#include <algorithm>

#include "base/check.h"

namespace riacho::media {
namespace {

void put(Buffer& out, std::uint64_t value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i)));
}
void put_8(Buffer& out, unsigned value) { put(out, value, 1); }
void put_16(Buffer& out, unsigned value) { put(out, value, 2); }
void put_32(Buffer& out, std::uint32_t value) { put(out, value, 4); }
void put_64(Buffer& out, std::uint64_t value) { put(out, value, 8); }
void put_zeros(Buffer& out, unsigned count) {
    for (unsigned i = 0; i < count; ++i) out.push_back('\0');
}

// A box whose size is written by the destructor.
class Box {
public:
    Box(Buffer& out, std::string_view type) : out_(out), at_(out.size()) {
        put_32(out, 0);
        out.append(type);
    }
    // A full box, with version and flags.
    Box(Buffer& out, std::string_view type, unsigned version, std::uint32_t flags) : Box(out, type) {
        put_32(out, version << 24 | flags);
    }
    ~Box() { set_32(out_, at_, static_cast<std::uint32_t>(out_.size() - at_)); }
    Box(const Box&) = delete;
    Box& operator=(const Box&) = delete;

    static void set_32(Buffer& out, std::size_t at, std::uint32_t value) {
        for (unsigned i = 0; i < 4; ++i) out.data()[at + i] = static_cast<char>(value >> (8 * (3 - i)));
    }

private:
    Buffer& out_;
    std::size_t at_;
};

void put_matrix(Buffer& out) {
    for (const std::uint32_t value : {0x10000U, 0U, 0U, 0U, 0x10000U, 0U, 0U, 0U, 0x40000000U}) put_32(out, value);
}

void put_track_header(Buffer& out, const Playable::Track& track) {
    const Box tkhd(out, "tkhd", 0, 7);  // enabled, in the movie, in the preview
    put_zeros(out, 8);                  // creation and modification time
    put_32(out, track.number);
    put_zeros(out, 4);
    put_32(out, 0);  // duration: the fragments have it
    put_zeros(out, 8);
    put_16(out, 0);  // layer
    put_16(out, 0);  // alternate group
    put_16(out, track.config.kind == CodecKind::aac ? 0x100 : 0);
    put_16(out, 0);
    put_matrix(out);
    put_32(out, track.config.width << 16);
    put_32(out, track.config.height << 16);
}

void put_avc_entry(Buffer& out, const TrackConfig& config) {
    const Box avc1(out, "avc1");
    put_zeros(out, 6);
    put_16(out, 1);  // data reference
    put_zeros(out, 16);
    put_16(out, config.width);
    put_16(out, config.height);
    put_32(out, 0x480000);  // 72 dpi
    put_32(out, 0x480000);
    put_zeros(out, 4);
    put_16(out, 1);  // frames per sample
    put_zeros(out, 32);
    put_16(out, 0x18);
    put_16(out, 0xFFFF);
    const Box avcc(out, "avcC");
    out.append(config.private_data);
}

// A descriptor of ISO 14496-1 with a length in one byte, which is enough below 128.
void put_descriptor(Buffer& out, unsigned tag, std::string_view content) {
    put_8(out, tag);
    RIACHO_CHECK(content.size() < 128);
    put_8(out, static_cast<unsigned>(content.size()));
    out.append(content);
}

void put_aac_entry(Buffer& out, const TrackConfig& config) {
    const Box mp4a(out, "mp4a");
    put_zeros(out, 6);
    put_16(out, 1);
    put_zeros(out, 8);
    put_16(out, config.channels);
    put_16(out, 16);
    put_zeros(out, 4);
    // The field has 16 bits for the rate; the configuration has the exact one.
    put_32(out, (config.timescale > 0xFFFF ? 0 : config.timescale) << 16);
    const Box esds(out, "esds", 0, 0);
    Buffer decoder;
    put_8(decoder, 0x40);  // MPEG-4 audio
    put_8(decoder, 0x15);  // an audio stream
    put_zeros(decoder, 11);
    put_descriptor(decoder, 5, config.private_data);
    Buffer stream;
    put_zeros(stream, 3);
    put_descriptor(stream, 4, decoder.view());
    put_descriptor(stream, 6, std::string_view("\x02", 1));
    put_descriptor(out, 3, stream.view());
}

void put_sample_table(Buffer& out, const TrackConfig& config) {
    const Box stbl(out, "stbl");
    {
        const Box stsd(out, "stsd", 0, 0);
        put_32(out, 1);
        if (config.kind == CodecKind::aac) {
            put_aac_entry(out, config);
        } else {
            put_avc_entry(out, config);
        }
    }
    for (const std::string_view type : {"stts", "stsc"}) {
        const Box empty(out, type, 0, 0);
        put_32(out, 0);
    }
    {
        const Box stsz(out, "stsz", 0, 0);
        put_zeros(out, 8);
    }
    const Box stco(out, "stco", 0, 0);
    put_32(out, 0);
}

void put_media(Buffer& out, const TrackConfig& config) {
    const bool audio = config.kind == CodecKind::aac;
    const Box mdia(out, "mdia");
    {
        const Box mdhd(out, "mdhd", 0, 0);
        put_zeros(out, 8);
        put_32(out, config.timescale);
        put_32(out, 0);
        put_16(out, 0x55C4);  // "und"
        put_16(out, 0);
    }
    {
        const Box hdlr(out, "hdlr", 0, 0);
        put_32(out, 0);
        out.append(audio ? "soun" : "vide");
        put_zeros(out, 12);
        put_8(out, 0);  // no name
    }
    const Box minf(out, "minf");
    if (audio) {
        const Box smhd(out, "smhd", 0, 0);
        put_zeros(out, 4);
    } else {
        const Box vmhd(out, "vmhd", 0, 1);
        put_zeros(out, 8);
    }
    {
        const Box dinf(out, "dinf");
        const Box dref(out, "dref", 0, 0);
        put_32(out, 1);
        const Box url(out, "url ", 0, 1);  // in this file
    }
    put_sample_table(out, config);
}

constexpr std::uint32_t sync_sample = 0x02000000, non_sync_sample = 0x01010000;

}  // namespace

Buffer make_init(const Playable::Track& track) {
    Buffer out;
    {
        const Box ftyp(out, "ftyp");
        out.append("iso6");
        put_32(out, 0);
        out.append("iso6mp41dashcmfc");
    }
    {
        const Box moov(out, "moov");
        {
            const Box mvhd(out, "mvhd", 0, 0);
            put_zeros(out, 8);
            put_32(out, 1'000);
            put_32(out, 0);
            put_32(out, 0x10000);  // rate
            put_16(out, 0x100);    // volume
            put_zeros(out, 10);
            put_matrix(out);
            put_zeros(out, 24);
            put_32(out, track.number + 1);
        }
        {
            const Box trak(out, "trak");
            put_track_header(out, track);
            put_media(out, track.config);
        }
        const Box mvex(out, "mvex");
        const Box trex(out, "trex", 0, 0);
        put_32(out, track.number);
        put_32(out, 1);
        put_zeros(out, 12);
    }
    return out;
}

MediaSegment make_segment(const TrackSamples& track, std::uint32_t sequence, std::int64_t base) {
    MediaSegment segment;
    Buffer& out = segment.head;
    std::uint64_t media = 0;
    segment.payload.reserve(track.samples.size());
    for (const Sample& sample : track.samples) {
        media += sample.data.size();
        segment.payload.push_back(sample.data);
    }
    out.reserve(160 + 16 * track.samples.size());
    {
        const Box styp(out, "styp");
        out.append("msdh");
        put_32(out, 0);
        out.append("msdhmsix");
    }
    const std::size_t moof_at = out.size();
    std::size_t data_offset_at = 0;
    {
        const Box moof(out, "moof");
        {
            const Box mfhd(out, "mfhd", 0, 0);
            put_32(out, sequence);
        }
        const Box traf(out, "traf");
        {
            const Box tfhd(out, "tfhd", 0, 0x020000);  // offsets count from the moof
            put_32(out, track.track);
        }
        {
            const Box tfdt(out, "tfdt", 1, 0);
            put_64(out, static_cast<std::uint64_t>(std::max<std::int64_t>(base + track.samples.front().dts, 0)));
        }
        // data offset; duration, size, flags and composition offset of each sample
        const Box trun(out, "trun", 1, 0xF01);
        put_32(out, static_cast<std::uint32_t>(track.samples.size()));
        data_offset_at = out.size();
        put_32(out, 0);
        for (const Sample& sample : track.samples) {
            put_32(out, sample.duration);
            put_32(out, static_cast<std::uint32_t>(sample.data.size()));
            put_32(out, sample.key ? sync_sample : non_sync_sample);
            put_32(out, static_cast<std::uint32_t>(sample.pts - sample.dts));
        }
    }
    Box::set_32(out, data_offset_at, static_cast<std::uint32_t>(out.size() - moof_at + 8));
    // A fragment has at most 50 MiB.
    put_32(out, static_cast<std::uint32_t>(media + 8));
    out.append("mdat");
    segment.size = out.size() + media;
    return segment;
}

}  // namespace riacho::media
