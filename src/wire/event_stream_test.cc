// AWS: data-streams spec 5.3 to 5.5; the byte vectors are those of 5.5.
#include "wire/event_stream.h"

#include <gtest/gtest.h>

#include <string>

#include "base/digest.h"

namespace riacho::wire {
namespace {

constexpr std::string_view initial_response_hex =
    "0000007200000060ab820d9e0b3a6576656e742d74797065070010696e697469616c2d726573706f6e73650d3a636f6e74656e742d74797065"
    "07"
    "001a6170706c69636174696f6e2f782d616d7a2d6a736f6e2d312e310d3a6d6573736167652d747970650700056576656e747b7dacae6b7d";
constexpr std::string_view minimal_hex =
    "0000004500000035a382cc730b3a6576656e742d74797065070010696e697469616c2d726573706f6e73650d3a6d6573736167652d74797065"
    "0700"
    "056576656e7426a08405";
constexpr std::string_view event_hex =
    "000000bb000000653fed73bb0b3a6576656e742d74797065070015537562736372696265546f53686172644576656e740d3a636f6e74656e74"
    "2d74"
    "79706507001a6170706c69636174696f6e2f782d616d7a2d6a736f6e2d312e310d3a6d6573736167652d747970650700056576656e747b2243"
    "6f6e"
    "74696e756174696f6e53657175656e63654e756d626572223a2231222c224d696c6c6973426568696e644c6174657374223a302c225265636f"
    "7264"
    "73223a5b5d7d3289a653";
constexpr std::string_view exception_hex =
    "0000008d0000006e865ee7150f3a657863657074696f6e2d747970650700165265736f75726365496e557365457863657074696f6e0d3a636f"
    "6e74"
    "656e742d7479706507001a6170706c69636174696f6e2f782d616d7a2d6a736f6e2d312e310d3a6d6573736167652d74797065070009657863"
    "6570"
    "74696f6e7b226d657373616765223a2278227dcef16312";

TEST(EventStream, the_vectors_of_the_specification) {
    Buffer out;
    append_initial_response(out);
    EXPECT_EQ(to_hex(out.view()), initial_response_hex);
    out.clear();
    append_event_frame(out, {{":event-type", "initial-response"}, {":message-type", "event"}}, {});
    EXPECT_EQ(to_hex(out.view()), minimal_hex);
    out.clear();
    append_event_frame(out,
                       {{":event-type", "SubscribeToShardEvent"},
                        {":content-type", "application/x-amz-json-1.1"},
                        {":message-type", "event"}},
                       R"({"ContinuationSequenceNumber":"1","MillisBehindLatest":0,"Records":[]})");
    EXPECT_EQ(to_hex(out.view()), event_hex);
    out.clear();
    append_event_exception(out, "ResourceInUseException", "x");
    EXPECT_EQ(to_hex(out.view()), exception_hex);
}

TEST(EventStream, frames_follow_each_other_and_read_back) {
    Buffer out;
    append_initial_response(out);
    append_event_error(out, "InternalFailure", "why");
    const auto first = read_event_frame(out.view());
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->header(":event-type"), "initial-response");
    EXPECT_EQ(first->header(":nothing"), "");
    EXPECT_EQ(first->payload, "{}");
    const auto second = read_event_frame(out.view().substr(first->size));
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->header(":message-type"), "error");
    EXPECT_EQ(second->header(":error-code"), "InternalFailure");
    EXPECT_EQ(second->header(":error-message"), "why");
    EXPECT_EQ(second->payload, "");
    EXPECT_EQ(first->size + second->size, out.size());
}

TEST(EventStream, every_changed_byte_is_noticed) {
    const std::string frame = *from_hex(event_hex);
    for (std::size_t at = 0; at < frame.size(); ++at) {
        std::string changed = frame;
        changed[at] ^= 0x10;
        EXPECT_FALSE(read_event_frame(changed).has_value()) << at;
    }
}

TEST(EventStream, every_cut_frame_is_incomplete) {
    const std::string frame = *from_hex(event_hex);
    for (std::size_t size = 0; size < frame.size(); ++size) {
        const auto read = read_event_frame(std::string_view(frame).substr(0, size));
        ASSERT_FALSE(read.has_value());
        EXPECT_EQ(read.error(), FrameFault::incomplete) << size;
    }
}

}  // namespace
}  // namespace riacho::wire
