// The rules for PutMedia's streams, as a state machine over the parser's events (video spec 3.5, 3.6).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "media/ack_error.h"
#include "media/mkv_header.h"
#include "media/mkv_parser.h"

namespace riacho::media {

struct RuleLimits {
    std::int64_t span_ms_max = 20'000;                          // of the frame times of a fragment
    std::uint64_t fragment_size_max = std::uint64_t{50} << 20;  // the Cluster and the elements behind it
    std::size_t tracks_max = 3;
    std::size_t metadata_items_max = 10;
    std::uint32_t frames_max = 65'536;  // each laced frame counts; a player needs some fifty bytes for each
};

struct FragmentFacts {
    std::int64_t producer_ms = 0;
    std::uint64_t raw_timecode = 0;  // the Cluster's; acknowledgements repeat it
    std::uint32_t span_ms = 0;       // from the first frame to the last
    std::uint32_t duration_ms = 0;   // of the video, or of the audio without video; includes the last frame's duration
    std::uint32_t video_bytes = 0;
    std::uint16_t video_frames = 0, audio_frames = 0;
    bool key_start = false;  // the first video frame is a key frame; true without video
    bool image_tag = false, notify_tag = false;
    // offset of the end of the Cluster element; elements behind it may still belong to the fragment
    std::uint64_t cluster_end = 0;
};

// Receives the fragments of a stream. Calls come in the order header, (cluster, begin, end)*, error; none after error.
class RuleSink {
public:
    virtual ~RuleSink() = default;
    // Called once; `block` is valid during the call and precedes every fragment of this stream.
    virtual void header(ByteSpan block, const HeaderInfo& info) = 0;
    // Bytes from `at` on belong to a fragment, until end() or error(). `at` may lie up to MkvParser::held_size_max
    // bytes before the fed piece: FragmentSplitter::held() has those bytes.
    virtual void cluster(std::uint64_t at) = 0;
    // Its timecode is known and valid: the fragment gets its number here (BUFFERING).
    virtual void begin(std::uint64_t raw_timecode, std::int64_t producer_ms) = 0;
    // The fragment is complete, ends at `at`, and follows all rules (RECEIVED). Bytes from there to the next cluster()
    // belong to no fragment.
    virtual void end(std::uint64_t at, const FragmentFacts& facts) = 0;
    // Nothing more is read from this stream. fragment_open: called between begin() and end(); that fragment is
    // discarded.
    virtual void error(AckError error, bool fragment_open) = 0;
};

enum class TimecodeType : std::uint8_t { absolute, relative };

class RuleChecker final : public MkvEvents {
public:
    // start_ms: the value of x-amzn-producer-start-timestamp; only used with `relative`. The sink outlives the checker.
    RuleChecker(RuleLimits limits, TimecodeType type, std::int64_t start_ms, RuleSink& sink);

    bool header_end(std::uint64_t at, ByteSpan block) override;
    bool cluster_begin(std::uint64_t at, std::uint64_t size) override;
    bool cluster_time(std::uint64_t timecode) override;
    bool block(const BlockHead& block) override;
    bool cluster_end(std::uint64_t at) override;
    bool tags(std::uint64_t at, std::uint64_t end, ByteSpan content) override;
    bool other(std::uint64_t at, std::uint64_t end, std::uint32_t id) override;
    bool progress(std::uint64_t position) override;

    // The parser has failed: error(invalid_mkv_data). A fragment whose Cluster is complete is ended first, unless the
    // body ended behind a Cluster of unknown size: elements behind it may be missing.
    void parse_failed(MkvFault fault);
    // The body has ended between elements: ends the open fragment.
    void finish(std::uint64_t at);
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] bool fragment_open() const { return open_; }

private:
    struct TrackState {
        std::uint32_t frames = 0;
        std::int64_t first_ns = 0, last_ns = 0;  // earliest and latest frame, from the Cluster's timecode
        std::int64_t last_duration_ns = 0;       // BlockDuration of the latest; 0 if unknown
    };

    bool fail(AckError error);
    bool end_fragment(std::uint64_t at);
    [[nodiscard]] std::optional<AckError> complete() const;
    [[nodiscard]] std::uint32_t duration_ms() const;

    RuleLimits limits_;
    TimecodeType type_;
    std::int64_t start_ms_;
    RuleSink& sink_;
    HeaderInfo header_;
    std::vector<TrackState> tracks_;  // as header_.tracks
    FragmentFacts facts_;
    std::optional<std::uint64_t> previous_timecode_;
    // between the two Clusters before: the duration of a fragment of one frame without a duration
    std::int64_t previous_gap_ms_ = 0;
    std::uint64_t cluster_at_ = 0;
    std::uint64_t kept_end_ = 0;  // end of the Cluster, or of the last complete element behind it
    std::size_t metadata_items_ = 0;
    std::uint32_t frames_ = 0;  // of all tracks
    bool in_cluster_ = false;   // between cluster_begin and cluster_end
    bool holding_ = false;      // between cluster_begin and the fragment's end
    bool open_ = false;
    bool known_size_ = false;
    bool failed_ = false;
};

// Parser and rules together, for a PutMedia session.
class FragmentSplitter {
public:
    FragmentSplitter(MkvLimits mkv, RuleLimits rules, TimecodeType type, std::int64_t start_ms, RuleSink& sink)
        : parser_(mkv), checker_(rules, type, start_ms, sink) {}

    // False: error() was called, and the rest of the body is not needed.
    bool feed(ByteSpan piece);
    // The body has ended cleanly. False: error() was called.
    bool finish();

    [[nodiscard]] std::uint64_t position() const { return parser_.position(); }
    [[nodiscard]] ByteSpan held() const { return parser_.held(); }
    [[nodiscard]] bool fragment_open() const { return checker_.fragment_open(); }

private:
    MkvParser parser_;
    RuleChecker checker_;
};

}  // namespace riacho::media
