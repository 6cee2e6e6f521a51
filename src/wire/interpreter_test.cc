// Tests of kinds that no input of the Kinesis model has (longs, doubles, maps in replies), on a hand-written shape that
// also shows the generator's output; and tests of patterns.
#include <gtest/gtest.h>

#include <string>

#include "base/digest.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace riacho::wire {
namespace {

struct Sample {
    std::int64_t big{};
    std::optional<double> ratio;
    std::optional<std::vector<std::pair<std::string, std::string>>> labels;
    std::optional<std::vector<std::vector<std::int64_t>>> rows;
    std::optional<TimestampMs> at;
};

constexpr Shape text_shape{.kind = Kind::string, .name = "Text", .max = 5, .text = &text_access<std::string>};
constexpr Shape big_shape{.kind = Kind::long_, .name = "Big", .min = 0};
constexpr Shape ratio_shape{.kind = Kind::real, .name = "Ratio"};
constexpr Shape time_shape{.kind = Kind::timestamp, .name = "Time"};
constexpr Shape labels_shape{.kind = Kind::map,
                             .name = "Labels",
                             .element = &text_shape,
                             .key = &text_shape,
                             .list = &list_access<std::vector<std::pair<std::string, std::string>>>};
constexpr Shape row_shape{.kind = Kind::list,
                          .name = "Row",
                          .min = 1,
                          .element = &big_shape,
                          .list = &list_access<std::vector<std::int64_t>>};
constexpr Shape rows_shape{.kind = Kind::list,
                           .name = "Rows",
                           .element = &row_shape,
                           .list = &list_access<std::vector<std::vector<std::int64_t>>>};
constexpr Member members[] = {
    member<decltype(Sample::big)>("Big", big_shape, offsetof(Sample, big), true),
    member<decltype(Sample::ratio)>("Ratio", ratio_shape, offsetof(Sample, ratio), false),
    member<decltype(Sample::labels)>("Labels", labels_shape, offsetof(Sample, labels), false),
    member<decltype(Sample::rows)>("Rows", rows_shape, offsetof(Sample, rows), false),
    member<decltype(Sample::at)>("At", time_shape, offsetof(Sample, at), false),
};
constexpr std::uint8_t order[] = {0, 1, 2, 3, 4};
constexpr Shape sample_shape{.kind = Kind::structure, .name = "Sample", .members = members, .check_order = order};

Decoded decode_json(std::string_view body, Sample& sample) {
    Document document;
    EXPECT_TRUE(document.parse(Format::json, body).has_value());
    return decode(sample_shape, document, &sample);
}

std::string encoded(const Sample& sample, Format format) {
    Buffer out;
    encode(sample_shape, &sample, format, out);
    return std::string(out.view());
}

TEST(Interpreter, longs_and_doubles_are_decoded) {
    Sample sample;
    EXPECT_TRUE(decode_json(R"({"Big":9223372036854775807,"Ratio":0.25})", sample));
    EXPECT_EQ(sample.big, 9223372036854775807);
    EXPECT_EQ(sample.ratio, 0.25);
    EXPECT_TRUE(decode_json(R"({"Big":1e30,"Ratio":3})", sample));
    EXPECT_EQ(sample.big, 9223372036854775807);
    EXPECT_EQ(sample.ratio, 3.0);
}

TEST(Interpreter, a_long_is_an_long) {
    Sample sample;
    EXPECT_EQ(decode_json(R"({"Big":"1"})", sample).text, "class java.lang.String can not be converted to an Long");
    EXPECT_EQ(decode_json(R"({"Big":true})", sample).text, "class java.lang.Boolean can not be converted to an Long");
}

TEST(Interpreter, lists_of_lists_name_the_inner_list) {
    Sample sample;
    EXPECT_EQ(decode_json(R"({"Big":-1,"Rows":[[1],[]]})", sample).text,
              "2 validation errors detected: Value '-1' at 'big' failed to satisfy constraint: Member must have value "
              "greater than or equal to 0; Value at 'rows.2.member' failed to satisfy constraint: Member must have "
              "length greater than or equal to 1");
}

TEST(Interpreter, what_is_encoded_is_decoded_to_the_same_in_both_formats) {
    const Sample original{.big = 1'234'567'890'123,
                          .ratio = 0.1,
                          .labels = {{{"a", "1"}, {"b\n", "\"é"}}},
                          .rows = {{{1, 2, 300}, {70'000}}},
                          .at = TimestampMs(1700000000123)};
    for (const Format format : {Format::json, Format::cbor}) {
        const std::string body = encoded(original, format);
        Document document;
        ASSERT_TRUE(document.parse(format, body).has_value());
        Sample copy;
        const Decoded decoded = decode(sample_shape, document, &copy);
        ASSERT_TRUE(decoded) << decoded.text;
        EXPECT_EQ(copy.big, original.big);
        EXPECT_EQ(copy.ratio, original.ratio);
        EXPECT_EQ(copy.labels, original.labels);
        EXPECT_EQ(copy.rows, original.rows);
        EXPECT_EQ(copy.at, original.at);
    }
}

TEST(Interpreter, golden_bytes) {
    const Sample sample{.big = -500, .ratio = 1.5, .labels = {{{"a", "b"}}}, .rows = {{{24}}}, .at = TimestampMs(1000)};
    EXPECT_EQ(encoded(sample, Format::json), R"({"Big":-500,"Ratio":1.5,"Labels":{"a":"b"},"Rows":[[24]],"At":1.0})");
    EXPECT_EQ(to_hex(encoded(sample, Format::cbor)),
              "a5634269673901f365526174696ffb3ff8000000000000664c6162656c73a16161616264526f777381811818624174c11903e8");
}

// (ab|c)*d as the generator writes it: columns for a, b, c, d and every other byte.
TEST(Pattern, an_automaton_matches_whole_values) {
    std::uint8_t classes[256] = {};
    for (const char c : {'a', 'b', 'c', 'd'})
        classes[static_cast<std::uint8_t>(c)] = static_cast<std::uint8_t>(c - 'a' + 1);
    constexpr std::uint16_t next[] = {0, 0, 0, 0, 0, /*1*/ 0, 2, 0, 1, 3, /*2*/ 0, 0, 1, 0, 0, /*3*/ 0, 0, 0, 0, 0};
    constexpr std::uint8_t accepting[] = {0, 0, 0, 1};
    const Pattern pattern{"(ab|c)*d", classes, next, accepting, 5};
    for (const char* yes : {"d", "abd", "ccabd"}) EXPECT_TRUE(pattern.matches(yes)) << yes;
    for (const char* no : {"", "ab", "ad", "dd", "abdx", "xabd"}) EXPECT_FALSE(pattern.matches(no)) << no;
}

}  // namespace
}  // namespace riacho::wire
