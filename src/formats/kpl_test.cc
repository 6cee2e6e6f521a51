#include "formats/kpl.h"

#include <gtest/gtest.h>

#include <string>

#include "base/digest.h"
#include "base/hash_key.h"

namespace riacho::formats {
namespace {

std::string varint(std::uint64_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
    return out;
}
std::string bytes(std::uint64_t id, std::string_view content) {
    return varint(id << 3 | 2) + varint(content.size()) + std::string(content);
}
std::string number(std::uint64_t id, std::uint64_t value) { return varint(id << 3) + varint(value); }

// A Record message.
std::string record(std::uint64_t key, std::string_view data, std::string_view more = "") {
    return bytes(3, number(1, key) + std::string(more) + bytes(3, data));
}
std::string aggregate(std::string_view message) {
    const Md5 digest = md5(message);
    return "\xF3\x89\x9A\xC2" + std::string(message) + std::string(digest.begin(), digest.end());
}

// data-streams spec 6.1
TEST(Kpl, reads_what_the_producer_library_writes) {
    const auto data = from_hex(
        "f3899ac20a026b310a026b321a0908001a0568656c6c6f1a0908011a05776f726c64c4b234c121650f4512d22bf67dca9de2");
    const auto records = parse_kpl(*data);
    ASSERT_TRUE(records);
    ASSERT_EQ(records->size(), 2U);
    EXPECT_EQ((*records)[0].partition_key, "k1");
    EXPECT_EQ((*records)[0].data, "hello");
    EXPECT_EQ((*records)[1].partition_key, "k2");
    EXPECT_EQ((*records)[1].data, "world");
    EXPECT_FALSE((*records)[1].explicit_hash_key);
    EXPECT_EQ((*records)[1].hash_key(), hash_key_of("k2"));
}

TEST(Kpl, takes_explicit_hash_keys_tags_and_fields_it_does_not_know) {
    const std::string tag = bytes(4, bytes(1, "name") + bytes(2, "value"));
    const std::string unknown = number(9, 1) + varint(10 << 3 | 1) + "12345678" + varint(11 << 3 | 5) + "1234";
    const auto data = aggregate(record(0, "a", number(2, 1) + tag) + unknown + bytes(1, "k") + bytes(2, "5") +
                                bytes(2, "340282366920938463463374607431768211455") + record(0, "", unknown));
    const auto records = parse_kpl(data);
    ASSERT_TRUE(records) << "tables may come after the records";
    ASSERT_EQ(records->size(), 2U);
    EXPECT_EQ((*records)[0].hash_key(), u128_max);
    EXPECT_EQ((*records)[1].hash_key(), hash_key_of("k"));
    EXPECT_EQ((*records)[1].data, "");
}

TEST(Kpl, anything_wrong_makes_it_a_plain_record) {
    const std::string good = bytes(1, "k") + record(0, "a");
    ASSERT_TRUE(parse_kpl(aggregate(good)));
    std::string other_digest = aggregate(good);
    other_digest.back() ^= 1;
    EXPECT_FALSE(parse_kpl(other_digest));
    for (std::size_t size = 0; size < aggregate(good).size(); ++size) {
        EXPECT_FALSE(parse_kpl(aggregate(good).substr(0, size))) << size;
    }
    for (const std::string& message :
         {std::string(), bytes(1, "k"), good + record(1, "no such key"), good + record(0, "a", number(2, 0)),
          good + bytes(3, number(1, 0)), good + bytes(3, bytes(3, "a")), good + bytes(2, "not a number"),
          good + bytes(2, "340282366920938463463374607431768211456"), good + "\x1A\x7F", good + varint(1 << 3 | 3),
          good + number(0, 1), good + std::string(11, '\xFF'), good + bytes(1, std::string(1'025, 'k'))}) {
        EXPECT_FALSE(parse_kpl(aggregate(message))) << to_hex(message);
    }
}

TEST(Kpl, holds_ten_thousand_records_at_most) {
    std::string message = bytes(1, "k");
    for (std::size_t i = 0; i < kpl_records_max; ++i) message += record(0, "");
    EXPECT_EQ(parse_kpl(aggregate(message))->size(), kpl_records_max);
    EXPECT_FALSE(parse_kpl(aggregate(message + record(0, ""))));
}

}  // namespace
}  // namespace riacho::formats
