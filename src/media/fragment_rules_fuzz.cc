// Fuzzes a PutMedia session's parser and rules: fragments are complete, in order, and end before an error.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "media/fragment_rules.h"
#include "media/mkv_block.h"

namespace {

using namespace riacho;
using namespace riacho::media;

class Sink final : public RuleSink {
public:
    explicit Sink(ByteSpan stream) : stream_(stream) {}

    void header(ByteSpan block, const HeaderInfo& info) override {
        RIACHO_CHECK(!header_seen_ && !info.tracks.empty() && info.tracks.size() <= 3);
        // A stored header must be readable again.
        const auto again = parse_mkv_header(block);
        RIACHO_CHECK(again && config_id(*again) == config_id(info));
        header_seen_ = true;
    }
    void cluster(std::uint64_t at) override {
        RIACHO_CHECK(header_seen_ && !open_ && at >= end_at_ && at < stream_.size());
        begin_at_ = at;
    }
    void begin(std::uint64_t /*raw_timecode*/, std::int64_t producer_ms) override {
        RIACHO_CHECK(!open_ && producer_ms >= 0);
        open_ = true;
    }
    void end(std::uint64_t at, const FragmentFacts& facts) override {
        RIACHO_CHECK(open_ && facts.cluster_end > begin_at_ && at >= facts.cluster_end && at <= stream_.size());
        RIACHO_CHECK(facts.span_ms <= 20'000 && facts.duration_ms > 0);
        open_ = false;
        end_at_ = at;
        const ByteSpan cluster = stream_.subspan(begin_at_, facts.cluster_end - begin_at_);
        BlockWalker walker(cluster);
        std::uint64_t frames = 0;
        while (const auto block = walker.next()) {
            frames += block->start.frames;
            static_cast<void>(split_laces(block->payload, block->start));
        }
        RIACHO_CHECK(walker.ok() && frames > 0);
    }
    void error(AckError /*error*/, bool fragment_open) override {
        RIACHO_CHECK(!failed_ && fragment_open == open_);
        failed_ = true;
    }

private:
    ByteSpan stream_;
    std::uint64_t begin_at_ = 0, end_at_ = 0;
    bool header_seen_ = false, open_ = false, failed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t step = 1 + data[0];
    const ByteSpan stream = std::as_bytes(std::span(data + 1, size - 1));
    Sink sink(stream);
    RuleLimits limits;
    limits.fragment_size_max = 4'096;
    FragmentSplitter splitter({}, limits, TimecodeType::absolute, 0, sink);
    for (std::size_t at = 0; at < stream.size(); at += step) {
        if (!splitter.feed(stream.subspan(at, std::min(step, stream.size() - at)))) return 0;
    }
    splitter.finish();
    return 0;
}
