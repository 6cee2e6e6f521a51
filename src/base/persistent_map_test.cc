#include "base/persistent_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace riacho {
namespace {

using Map = PersistentMap<std::string, int>;

std::map<std::string, int> content(const Map& map) {
    std::map<std::string, int> all;
    map.for_each([&](const std::string& key, int value) {
        all.emplace_hint(all.end(), key, value);
        return true;
    });
    return all;
}

TEST(PersistentMap, agrees_with_an_ordinary_map_and_leaves_older_maps_alone) {
    std::mt19937 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in every run
    Map map;
    std::map<std::string, int> model;
    for (int i = 0; i < 4'000; ++i) {
        const Map before = map;
        const auto before_size = model.size();
        const std::string key = "k" + std::to_string(random() % 500);
        if (random() % 3 == 0) {
            map = map.without(key);
            model.erase(key);
        } else {
            map = map.with(key, i);
            model[key] = i;
        }
        ASSERT_EQ(map.size(), model.size());
        ASSERT_EQ(before.size(), before_size);
        const int* found = map.find(std::string_view(key));
        ASSERT_EQ(found != nullptr, model.contains(key));
        if (found != nullptr) ASSERT_EQ(*found, i);
        if (i % 100 == 0) ASSERT_EQ(content(map), model);
    }
}

TEST(PersistentMap, walks_and_drops_ranges) {
    PersistentMap<std::uint64_t, int> map;
    for (std::uint64_t key = 0; key < 1'000; ++key) map = map.with(key, static_cast<int>(key));
    std::vector<int> seen;
    map.for_each_from(std::uint64_t{500}, [&](std::uint64_t, int value) {
        seen.push_back(value);
        return seen.size() < 3;
    });
    EXPECT_EQ(seen, (std::vector{500, 501, 502}));
    const auto rest = map.without_range(10, 990);
    EXPECT_EQ(rest.size(), 20U);
    EXPECT_EQ(map.size(), 1'000U);
    EXPECT_EQ(rest.find(std::uint64_t{10}), nullptr);
    EXPECT_NE(rest.find(std::uint64_t{990}), nullptr);
}

// Ascending keys must not degenerate the tree into a list: a million of them would overflow the stack.
TEST(PersistentMap, keys_in_order_stay_shallow) {
    PersistentMap<std::uint64_t, int> map;
    for (std::uint64_t key = 0; key < 200'000; ++key) map = map.with(key, 0);
    EXPECT_EQ(map.size(), 200'000U);
}

}  // namespace
}  // namespace riacho
