// Fuzzes the push parser: pieces of any size must give the same events and the same fault as the whole body.
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "media/mkv_header.h"
#include "media/mkv_parser.h"

namespace {

using namespace riacho;
using namespace riacho::media;

class Trace final : public MkvEvents {
public:
    bool header_end(std::uint64_t at, ByteSpan block) override {
        static_cast<void>(parse_mkv_header(block));
        return add('h', at, block.size());
    }
    bool cluster_begin(std::uint64_t at, std::uint64_t size) override {
        RIACHO_CHECK(!in_cluster_);
        in_cluster_ = true;
        return add('c', at, size);
    }
    bool cluster_time(std::uint64_t timecode) override { return add('t', timecode, 0); }
    bool block(const BlockHead& block) override {
        RIACHO_CHECK(in_cluster_ && block.frames > 0);
        add('b', block.at, block.track);
        return add(static_cast<char>(block.flags), block.size, block.duration + block.frames);
    }
    bool cluster_end(std::uint64_t at) override {
        RIACHO_CHECK(in_cluster_);
        in_cluster_ = false;
        return add('e', at, 0);
    }
    bool tags(std::uint64_t at, std::uint64_t end, ByteSpan content) override {
        RIACHO_CHECK(!in_cluster_ && content.size() < end - at);
        return add('g', at, end);
    }
    bool other(std::uint64_t at, std::uint64_t end, std::uint32_t id) override {
        RIACHO_CHECK(!in_cluster_ && at < end);
        return add('o', at, end + id);
    }
    bool progress(std::uint64_t /*position*/) override { return true; }

    std::string calls;

private:
    bool add(char kind, std::uint64_t a, std::uint64_t b) {
        calls += kind;
        calls += std::to_string(a);
        calls += ',';
        calls += std::to_string(b);
        return true;
    }
    bool in_cluster_ = false;
};

MkvLimits small_limits() {
    MkvLimits limits;
    limits.header_size_max = 4'096;
    limits.element_size_max = 8'192;
    limits.tags_size_max = 512;
    limits.elements_per_fragment_max = 200;
    return limits;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t step = 1 + data[0] % 40;
    const ByteSpan stream = std::as_bytes(std::span(data + 1, size - 1));
    MkvParser whole(small_limits());
    Trace whole_trace;
    auto whole_result = whole.feed(stream, whole_trace);
    if (whole_result) whole_result = whole.finish(whole_trace);

    MkvParser pieces(small_limits());
    Trace trace;
    Expected<void, MkvFault> result;
    for (std::size_t at = 0; result && at < stream.size(); at += step) {
        result = pieces.feed(stream.subspan(at, std::min(step, stream.size() - at)), trace);
        RIACHO_CHECK(pieces.held().size() <= MkvParser::held_size_max);
    }
    if (result) result = pieces.finish(trace);
    RIACHO_CHECK(result.has_value() == whole_result.has_value());
    RIACHO_CHECK(result.has_value() || result.error() == whole_result.error());
    RIACHO_CHECK(trace.calls == whole_trace.calls);
    return 0;
}
