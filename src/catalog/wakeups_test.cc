#include "catalog/wakeups.h"

#include <gtest/gtest.h>

namespace riacho::catalog {
namespace {

using Id = Wakeups::Id;

TEST(Wakeups, give_what_is_due_in_the_order_of_time_and_each_once) {
    Wakeups wakeups;
    const Id stream{Id::Kind::stream, 5};
    const Id object{Id::Kind::object, 5};
    wakeups.set(stream, TimestampMs(200));
    wakeups.set(object, TimestampMs(300));
    wakeups.set(object, TimestampMs(100));
    EXPECT_EQ(wakeups.size(), 2U);
    EXPECT_EQ(wakeups.next(), TimestampMs(100));
    EXPECT_FALSE(wakeups.take_due(TimestampMs(99)));
    EXPECT_EQ(wakeups.take_due(TimestampMs(200)), object);
    EXPECT_EQ(wakeups.take_due(TimestampMs(200)), stream);
    EXPECT_FALSE(wakeups.take_due(TimestampMs(1'000)));
    wakeups.set(stream, TimestampMs(1));
    wakeups.clear(stream);
    EXPECT_FALSE(wakeups.next());
}

}  // namespace
}  // namespace riacho::catalog
