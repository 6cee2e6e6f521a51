// The two parsers of Document: accepted and refused texts, and limits. AWS: data-streams spec 1.3, 1.4.
#include "wire/document.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/digest.h"

namespace riacho::wire {
namespace {

bool accepts(std::string_view json) {
    Document document;
    return document.parse(Format::json, json).has_value();
}

std::optional<ParseFault> fault(Format format, std::string_view body) {
    Document document;
    const auto parsed = document.parse(format, body);
    return parsed ? std::nullopt : std::optional(parsed.error());
}

std::optional<ParseFault> cbor_fault(std::string_view hex) { return fault(Format::cbor, *from_hex(hex)); }

// The value of the only member in a document {"a": value}.
Node json_value(Document& document, const std::string& text) {
    const std::string body = "{\"a\":" + text + "}";
    EXPECT_TRUE(document.parse(Format::json, body).has_value()) << body;
    return document.nodes()[2];
}

Node cbor_value(Document& document, std::string& body, const std::string& hex) {
    body = *from_hex("a16161" + hex);
    EXPECT_TRUE(document.parse(Format::cbor, body).has_value()) << hex;
    return document.nodes().size() > 2 ? document.nodes()[2] : Node{};
}

TEST(JsonDocument, nodes_lie_flat_and_containers_know_their_end) {
    Document document;
    ASSERT_TRUE(document.parse(Format::json, R"({"a":[1,{"b":"x"}],"c":null})").has_value());
    const auto nodes = document.nodes();
    ASSERT_EQ(nodes.size(), 9U);
    EXPECT_EQ(nodes[0].kind, NodeKind::object);
    EXPECT_EQ(nodes[0].size, 2U);
    EXPECT_EQ(nodes[0].end, 9U);
    EXPECT_EQ(nodes[1].view(), "a");
    EXPECT_EQ(nodes[2].kind, NodeKind::array);
    EXPECT_EQ(nodes[2].end, 7U);
    EXPECT_EQ(nodes[3].integer, 1);
    EXPECT_EQ(nodes[6].view(), "x");
    EXPECT_EQ(nodes[8].kind, NodeKind::null);
}

TEST(JsonDocument, only_objects_and_arrays_may_be_the_root) {
    EXPECT_TRUE(accepts("{}"));
    EXPECT_TRUE(accepts(" [] "));
    for (const char* scalar : {"true", "null", "\"x\"", "5"}) {
        EXPECT_EQ(fault(Format::json, scalar), ParseFault::not_an_object) << scalar;
    }
}

TEST(JsonDocument, what_is_not_json_is_refused) {
    for (const char* text : {"",
                             " ",
                             "{",
                             "{]",
                             "{\"a\"}",
                             "{\"a\":}",
                             "{\"a\":1,}",
                             "{'a':1}",
                             "{\"a\":01}",
                             "{\"a\":+1}",
                             "{\"a\":.5}",
                             "{\"a\":1.}",
                             "{\"a\":nul}",
                             "{\"a\":\"\n\"}",
                             "{\"a\":\"\\x\"}",
                             "{}x",
                             "{}{}",
                             "{\"a\":NaN}",
                             "{\"a\":1e}",
                             "{a:1}"}) {
        EXPECT_EQ(fault(Format::json, text), ParseFault::syntax) << text;
    }
}

TEST(JsonDocument, texts_must_be_unicode) {
    EXPECT_FALSE(accepts("{\"a\":\"\xC3\"}"));
    EXPECT_FALSE(accepts("{\"a\":\"\xED\xA0\x80\"}"));
    EXPECT_FALSE(accepts(R"({"a":"\ud800"})"));
    EXPECT_FALSE(accepts(R"({"a":"\udc00"})"));
    EXPECT_FALSE(accepts(R"({"a":"\ud800\ud800"})"));
    Document document;
    EXPECT_EQ(json_value(document, R"("\ud83d\ude00é\u00e9\n")").view(), "\xF0\x9F\x98\x80éé\n");
}

TEST(JsonDocument, thirty_two_levels_are_the_deepest) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_EQ(fault(Format::json, nested(32)), std::nullopt);
    EXPECT_EQ(fault(Format::json, nested(33)), ParseFault::too_deep);
    EXPECT_EQ(fault(Format::json, nested(100'000)), ParseFault::too_deep);
}

TEST(JsonDocument, keys_have_256_bytes_and_numbers_64_characters_at_most) {
    EXPECT_EQ(fault(Format::json, "{\"" + std::string(256, 'k') + "\":1}"), std::nullopt);
    EXPECT_EQ(fault(Format::json, "{\"" + std::string(257, 'k') + "\":1}"), ParseFault::too_large);
    EXPECT_EQ(fault(Format::json, "{\"a\":" + std::string(64, '9') + "}"), std::nullopt);
    EXPECT_EQ(fault(Format::json, "{\"a\":" + std::string(65, '9') + "}"), ParseFault::too_large);
    EXPECT_EQ(fault(Format::json, "{\"a\":\"" + std::string(65, '9') + "\"}"), std::nullopt);
    EXPECT_EQ(fault(Format::json, "{\"a\\\"" + std::string(65, '9') + "\":1}"), std::nullopt);
}

TEST(JsonDocument, a_hundred_thousand_values_are_the_most) {
    const auto list = [](std::size_t count) {
        std::string text = "[";
        for (std::size_t i = 0; i < count; ++i) text += "1,";
        text.back() = ']';
        return text;
    };
    EXPECT_EQ(fault(Format::json, list(nodes_max_json - 1)), std::nullopt);
    EXPECT_EQ(fault(Format::json, list(nodes_max_json)), ParseFault::too_large);
}

TEST(JsonDocument, integers_of_any_size_are_numbers) {
    Document document;
    EXPECT_EQ(json_value(document, "9223372036854775807").integer, 9223372036854775807);
    EXPECT_EQ(json_value(document, "-9223372036854775808").kind, NodeKind::integer);
    EXPECT_EQ(json_value(document, "9223372036854775808").kind, NodeKind::real);
    EXPECT_EQ(json_value(document, "18446744073709551616").real, 18446744073709551616.0);
    EXPECT_EQ(json_value(document, "-100000000000000000000").real, -1e20);
    EXPECT_EQ(json_value(document, "1.5").real, 1.5);
}

TEST(JsonDocument, a_document_may_be_used_again_and_does_not_remember) {
    Document document;
    EXPECT_FALSE(document.parse(Format::json, "{").has_value());
    EXPECT_TRUE(document.parse(Format::json, R"({"a":1})").has_value());
    const std::string large = "[\"" + std::string(5'000'000, 'x') + "\"]";
    EXPECT_TRUE(document.parse(Format::json, large).has_value());
    EXPECT_EQ(document.nodes()[1].size, 5'000'000U);
    EXPECT_TRUE(document.parse(Format::json, "{}").has_value());
    EXPECT_EQ(document.nodes().size(), 1U);
}

TEST(JsonDocument, bytes_behind_the_body_do_not_matter) {
    std::string body = R"({"a":1})";
    const std::size_t size = body.size();
    body += std::string(64, '{');
    Document document;
    EXPECT_TRUE(document.parse(Format::json, std::string_view(body).substr(0, size), 64).has_value());
}

// With enough readable bytes behind it a body goes through the parser of plain JSON first, without them through
// simdjson alone: every text gives the same nodes or the same fault both ways.
void expect_same_both_ways(const std::string& body) {
    const std::string padded = body + std::string(64, '"');
    Document plain;
    Document full;
    const auto by_plain = plain.parse(Format::json, std::string_view(padded).substr(0, body.size()), 64);
    const auto by_full = full.parse(Format::json, body);
    ASSERT_EQ(by_plain.has_value(), by_full.has_value()) << body;
    if (!by_plain) {
        ASSERT_EQ(by_plain.error(), by_full.error()) << body;
        return;
    }
    ASSERT_EQ(plain.nodes().size(), full.nodes().size()) << body;
    for (std::size_t i = 0; i < plain.nodes().size(); ++i) {
        const Node& a = plain.nodes()[i];
        const Node& b = full.nodes()[i];
        ASSERT_EQ(a.kind, b.kind) << body;
        if (a.kind == NodeKind::text) {
            ASSERT_EQ(a.view(), b.view()) << body;
        } else {
            ASSERT_EQ(a.size, b.size) << body;
            ASSERT_EQ(a.integer, b.integer) << body;
        }
    }
}

TEST(JsonDocument, plain_json_is_read_as_simdjson_reads_it) {
    for (const char* text :
         {"{}", "[]", " { } ", "[ ]", R"({"a":[],"b":{},"c":[[]]})", "{\"a\":1\n,\t\"b\" : -0 ,\r\"c\":-12}",
          R"([true,false,null,"",0,123456789012345678,1234567890123456789,-123456789012345678])",
          R"(["é","日本","😀"])", R"({"é":"Kürzel, länger als sechzehn Bytes: ñandú"})", R"(["\u00e9\n","\/"])",
          "[1.5,1e3,-1.0]"}) {
        expect_same_both_ways(text);
    }
}

TEST(JsonDocument, what_is_not_json_is_refused_by_both_parsers) {
    for (const char* text : {"",
                             " ",
                             "x",
                             "{",
                             "[",
                             "{\"",
                             "{\"a",
                             "{\"a\"",
                             "{\"a\":",
                             "{\"a\":1",
                             "{\"a\":1,",
                             "{\"a\":1,}",
                             "{,}",
                             "[1,]",
                             "[,1]",
                             "[1 2]",
                             "{\"a\" 1}",
                             "{1:2}",
                             "[01]",
                             "[-]",
                             "[--1]",
                             "[1-]",
                             "[1x]",
                             "[truex]",
                             "[true",
                             "[nul]",
                             "[\"\x01\"]",
                             "[\"\xC3\"]",
                             "[\"\xFF\"]",
                             "[\"abc]",
                             "[]]",
                             "[] []",
                             "{}{}",
                             "\xEF\xBB\xBF{}",
                             "[\"a\"\"b\"]",
                             "[1,2}",
                             "{\"a\":1]",
                             "[\"\xED\xA0\x80\"]"}) {
        expect_same_both_ways(text);
    }
}

// Every character class at every place of the vectors that look for the closing quote.
TEST(JsonDocument, a_text_of_any_length_ends_where_simdjson_says) {
    for (const std::string_view mark : {"", "\\n", "\\", "\"", "\x1F", "\xC3\xA9", "\xA9", "=", "-", "\x7F"}) {
        for (std::size_t size = 0; size < 80; ++size) {
            for (std::size_t place = size < 8 ? 0 : size - 8; place <= size; ++place) {
                std::string text(size, 'A');
                text.insert(place, mark);
                expect_same_both_ways("{\"Data\":\"" + text + "\",\"b\":1}");
                expect_same_both_ways("[\"" + text);
            }
        }
    }
}

TEST(JsonDocument, limits_hold_for_plain_json_too) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    expect_same_both_ways(nested(32));
    expect_same_both_ways(nested(33));
    expect_same_both_ways("{\"" + std::string(256, 'k') + "\":1}");
    expect_same_both_ways("{\"" + std::string(257, 'k') + "\":1}");
    for (const std::size_t count : {nodes_max_json - 1, nodes_max_json}) {
        std::string list = "[";
        for (std::size_t i = 0; i < count; ++i) list += "1,";
        list.back() = ']';
        expect_same_both_ways(list);
    }
}

TEST(JsonDocument, plain_json_is_not_copied) {
    const std::string body = R"({"Data":"QUJD"})" + std::string(64, ' ');
    Document document;
    ASSERT_TRUE(document.parse(Format::json, std::string_view(body).substr(0, body.size() - 64), 64).has_value());
    EXPECT_EQ(document.nodes()[2].text, body.data() + 9);
}

// ---- CBOR -----------------------------------------------------------------------------------------------------------

TEST(CborDocument, integers_of_every_width) {
    Document document;
    std::string body;
    EXPECT_EQ(cbor_value(document, body, "00").integer, 0);
    EXPECT_EQ(cbor_value(document, body, "17").integer, 23);
    EXPECT_EQ(cbor_value(document, body, "1818").integer, 24);
    EXPECT_EQ(cbor_value(document, body, "1903e8").integer, 1000);
    EXPECT_EQ(cbor_value(document, body, "1a000f4240").integer, 1'000'000);
    EXPECT_EQ(cbor_value(document, body, "1b7fffffffffffffff").integer, 9223372036854775807);
    EXPECT_EQ(cbor_value(document, body, "1bffffffffffffffff").real, 18446744073709551615.0);
    EXPECT_EQ(cbor_value(document, body, "20").integer, -1);
    EXPECT_EQ(cbor_value(document, body, "3903e7").integer, -1000);
    EXPECT_EQ(cbor_value(document, body, "3b7fffffffffffffff").integer, std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(cbor_value(document, body, "3bffffffffffffffff").kind, NodeKind::real);
}

TEST(CborDocument, floating_point_of_every_width) {  // the examples of RFC 8949 appendix A
    Document document;
    std::string body;
    EXPECT_EQ(cbor_value(document, body, "f90000").real, 0.0);
    EXPECT_EQ(cbor_value(document, body, "f93c00").real, 1.0);
    EXPECT_EQ(cbor_value(document, body, "f93e00").real, 1.5);
    EXPECT_EQ(cbor_value(document, body, "f97bff").real, 65504.0);
    EXPECT_EQ(cbor_value(document, body, "f90001").real, 5.960464477539063e-8);
    EXPECT_EQ(cbor_value(document, body, "f90400").real, 0.00006103515625);
    EXPECT_EQ(cbor_value(document, body, "f9c400").real, -4.0);
    EXPECT_TRUE(std::isinf(cbor_value(document, body, "f97c00").real));
    EXPECT_TRUE(std::isnan(cbor_value(document, body, "f97e00").real));
    EXPECT_EQ(cbor_value(document, body, "fa47c35000").real, 100000.0);
    EXPECT_EQ(cbor_value(document, body, "fb3ff199999999999a").real, 1.1);
}

TEST(CborDocument, simple_values) {
    Document document;
    std::string body;
    EXPECT_EQ(cbor_value(document, body, "f4").boolean, false);
    EXPECT_EQ(cbor_value(document, body, "f5").boolean, true);
    EXPECT_EQ(cbor_value(document, body, "f6").kind, NodeKind::null);
    EXPECT_EQ(cbor_value(document, body, "f7").kind, NodeKind::null);
    for (const char* other : {"a16161f0", "a16161f8ff", "a16161e0"}) EXPECT_EQ(cbor_fault(other), ParseFault::syntax);
}

TEST(CborDocument, strings_whole_and_in_chunks) {
    Document document;
    std::string body;
    EXPECT_EQ(cbor_value(document, body, "6568656c6c6f").view(), "hello");
    EXPECT_EQ(cbor_value(document, body,
                         "7f62686563"
                         "6c6c6fff")
                  .view(),
              "hello");
    EXPECT_EQ(cbor_value(document, body, "7fff").view(), "");
    const Node bytes = cbor_value(document, body,
                                  "5f42000141"
                                  "02ff");
    EXPECT_EQ(bytes.kind, NodeKind::bytes);
    EXPECT_EQ(to_hex(bytes.view()), "000102");
    // Characters may be split between chunks, as long as the whole is UTF-8.
    EXPECT_EQ(cbor_value(document, body, "7f61c361a9ff").view(), "é");
    EXPECT_EQ(cbor_fault("a1616161c3"), ParseFault::syntax);
    EXPECT_EQ(cbor_fault("a161617f4161ff"), ParseFault::syntax) << "chunks of another type";
    EXPECT_EQ(cbor_fault("a161617f7f6161ffff"), ParseFault::syntax) << "chunks inside chunks";
    EXPECT_EQ(cbor_fault("a161617f6161"), ParseFault::syntax) << "no end";
}

TEST(CborDocument, a_chunked_string_has_64_chunks_at_most) {
    std::string chunks;
    for (int i = 0; i < 64; ++i) chunks += "6178";
    EXPECT_EQ(cbor_fault("a161617f" + chunks + "ff"), std::nullopt);
    EXPECT_EQ(cbor_fault("a161617f" + chunks + "6178ff"), ParseFault::too_large);
}

TEST(CborDocument, two_chunked_strings_do_not_disturb_each_other) {
    const std::string body = *from_hex(
        "a261617f616161"
        "62ff61627f61636164ff");
    Document document;
    ASSERT_TRUE(document.parse(Format::cbor, body).has_value());
    EXPECT_EQ(document.nodes()[2].view(), "ab");
    EXPECT_EQ(document.nodes()[4].view(), "cd");
}

TEST(CborDocument, containers_definite_and_indefinite) {
    for (const char* hex : {"a161618301820203"
                            "820405",
                            "bf61619f018202039f0405ffffff"}) {
        const std::string body = *from_hex(hex);
        Document document;
        ASSERT_TRUE(document.parse(Format::cbor, body).has_value()) << hex;
        EXPECT_EQ(document.nodes()[2].size, 3U);
        EXPECT_EQ(document.nodes()[2].end, document.nodes().size());
    }
    EXPECT_EQ(cbor_fault("bfff"), std::nullopt) << "Java's empty structure";
    EXPECT_EQ(cbor_fault("a0"), std::nullopt);
}

TEST(CborDocument, tag_1_is_milliseconds_and_other_tags_are_ignored) {
    Document document;
    std::string body;
    const Node time = cbor_value(document, body, "c11b0000018bcfe5687b");
    EXPECT_EQ(time.kind, NodeKind::timestamp);
    EXPECT_EQ(time.integer, 1700000000123);
    EXPECT_EQ(cbor_value(document, body, "c1fb3ff8000000000000").kind, NodeKind::real);
    EXPECT_EQ(cbor_value(document, body, "d82a05").integer, 5);
    EXPECT_EQ(cbor_fault("d9d9f7a0"), std::nullopt) << "self-described";
}

TEST(CborDocument, what_is_not_cbor_is_refused) {
    for (const char* hex : {"", "a1", "a16161", "a0a0", "ff", "a1ff", "a161611c", "a1616118", "a16161fc", "bf6161ff",
                            "bf616101", "a10101", "a161616261", "61", "9f01", "1f", "df00", "a161613f"}) {
        EXPECT_EQ(cbor_fault(hex), ParseFault::syntax) << hex;
    }
    EXPECT_EQ(cbor_fault("05"), ParseFault::not_an_object);
    EXPECT_EQ(cbor_fault("f6"), ParseFault::not_an_object);
}

TEST(CborDocument, a_declared_length_beyond_the_body_is_refused_before_anything_is_allocated) {
    for (const char* hex : {"9bffffffffffffffff", "9affffffff01", "bbffffffffffffffff", "a161615bffffffffffffffff",
                            "a161617b7fffffffffffffff", "a161615f5bffffffffffffffffff"}) {
        EXPECT_EQ(cbor_fault(hex), ParseFault::syntax) << hex;
    }
}

TEST(CborDocument, limits_of_depth_keys_and_items) {
    const auto nested = [](std::size_t depth) {
        std::string hex;
        for (std::size_t i = 1; i < depth; ++i) hex += "81";
        return hex + "80";
    };
    EXPECT_EQ(cbor_fault(nested(32)), std::nullopt);
    EXPECT_EQ(cbor_fault(nested(33)), ParseFault::too_deep);
    std::string tags;
    for (int i = 0; i < 40; ++i) tags += "c5";
    EXPECT_EQ(cbor_fault("81" + tags + "01"), ParseFault::too_deep);
    const auto keyed = [](std::size_t size) {
        return "\xA1\x79" + std::string{char(size >> 8), char(size)} + std::string(size, 'k') + "\x01";
    };
    EXPECT_EQ(fault(Format::cbor, keyed(256)), std::nullopt);
    EXPECT_EQ(fault(Format::cbor, keyed(257)), ParseFault::too_large);
    const auto list = [](std::size_t count) { return "\x9F" + std::string(count, '\x01') + "\xFF"; };
    EXPECT_EQ(fault(Format::cbor, list(nodes_max_cbor - 1)), std::nullopt);
    EXPECT_EQ(fault(Format::cbor, list(nodes_max_cbor)), ParseFault::too_large);
}

}  // namespace
}  // namespace riacho::wire
