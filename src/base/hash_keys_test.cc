#include "base/hash_keys.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/hash_key.h"

namespace riacho {
namespace {

void expect_as_one_by_one(const std::vector<std::string>& keys) {
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<U128> hash_keys(keys.size());
    hash_keys_of(views, hash_keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        ASSERT_EQ(format_u128(hash_keys[i]), format_u128(hash_key_of(keys[i]))) << i << ": " << keys[i];
    }
}

TEST(HashKeys, every_length_from_0_to_256_has_the_place_it_has_alone) {
    std::mt19937 rng(3);
    std::vector<std::string> keys;
    for (std::size_t size = 0; size <= 256; ++size) {
        std::string& key = keys.emplace_back(size, '\0');
        for (char& c : key) c = static_cast<char>(rng());
    }
    expect_as_one_by_one(keys);
}

// Every number of keys that leaves lanes empty, with long keys between short ones.
TEST(HashKeys, any_number_of_keys_in_any_mixture) {
    std::mt19937 rng(4);
    for (std::size_t count = 0; count <= 50; ++count) {
        std::vector<std::string> keys;
        for (std::size_t i = 0; i < count; ++i) keys.emplace_back(rng() % 3 == 0 ? 56 + rng() % 200 : rng() % 56, 'k');
        expect_as_one_by_one(keys);
    }
}

// AWS: data-streams spec 4.2.
TEST(HashKeys, the_place_of_a_key_is_its_md5) {
    const std::vector<std::string_view> keys = {"a", "é", "日本"};
    std::vector<U128> hash_keys(keys.size());
    hash_keys_of(keys, hash_keys);
    EXPECT_EQ(format_u128(hash_keys[0]), "16955237001963240173058271559858726497");
    EXPECT_EQ(format_u128(hash_keys[1]), "136732923097551493579404309126273812335");
    EXPECT_EQ(format_u128(hash_keys[2]), "103341369634063465466164320543046703539");
}

}  // namespace
}  // namespace riacho
