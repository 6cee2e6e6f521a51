#include "base/lineage.h"

#include <gtest/gtest.h>

namespace riacho {
namespace {

using Indexes = std::vector<std::int32_t>;

// 0 was split into 2 and 3; 3 and 1 were merged into 4.
const std::vector<LineageShard> resharded = {{.index = 0},
                                             {.index = 1},
                                             {.index = 2, .parent = 0},
                                             {.index = 3, .parent = 0},
                                             {.index = 4, .parent = 3, .adjacent_parent = 1}};

TEST(Lineage, children_come_after_all_their_parents) {
    Lineage lineage;
    lineage.update(resharded);
    EXPECT_EQ(lineage.take_ready(), (Indexes{0, 1}));
    EXPECT_EQ(lineage.take_ready(), Indexes{}) << "each once";
    lineage.finish(1);
    EXPECT_EQ(lineage.take_ready(), Indexes{});
    lineage.finish(0);
    EXPECT_EQ(lineage.take_ready(), (Indexes{2, 3}));
    EXPECT_EQ(lineage.reading(), 2U);
    lineage.update(resharded);
    EXPECT_EQ(lineage.take_ready(), Indexes{}) << "a listing that repeats what is known changes nothing";
    lineage.finish(3);
    EXPECT_EQ(lineage.take_ready(), Indexes{4});
}

TEST(Lineage, the_end_of_a_parent_names_children_before_a_listing_does) {
    Lineage lineage;
    lineage.update(std::vector<LineageShard>{{.index = 0}});
    EXPECT_EQ(lineage.take_ready(), Indexes{0});
    const std::vector<LineageShard> children = {{.index = 1, .parent = 0}, {.index = 2, .parent = 0}};
    lineage.add(children);
    lineage.finish(0);
    EXPECT_EQ(lineage.take_ready(), (Indexes{1, 2}));
    lineage.add(children);
    EXPECT_EQ(lineage.take_ready(), Indexes{});
}

TEST(Lineage, expired_shards_hold_nobody_up_and_are_forgotten) {
    Lineage lineage;
    lineage.update(resharded);
    EXPECT_EQ(lineage.take_ready(), (Indexes{0, 1}));
    // Retention removes 0, which is being read, and 3, which waits for 0.
    lineage.update(std::vector<LineageShard>{resharded[1], resharded[2], resharded[4]});
    EXPECT_EQ(lineage.size(), 4U);
    lineage.finish(0);
    lineage.finish(1);
    EXPECT_EQ(lineage.take_ready(), (Indexes{2, 4}));
    lineage.update(std::vector<LineageShard>{resharded[2], resharded[4]});
    EXPECT_EQ(lineage.size(), 2U);
    lineage.finish(77);
    EXPECT_EQ(lineage.size(), 2U);
}

TEST(Lineage, a_reader_can_begin_with_the_open_shards) {
    Lineage lineage;
    lineage.update(resharded);
    for (const std::int32_t closed : {0, 1, 3}) lineage.finish(closed);
    EXPECT_EQ(lineage.take_ready(), (Indexes{2, 4}));
}

}  // namespace
}  // namespace riacho
