#include "core/memory_release.h"

#include <gtest/gtest.h>
#include <time.h>

#include <string>

namespace riacho::core {
namespace {

void work() {
    timespec began{};
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began);
    do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - began.tv_sec) * 1'000'000'000 + now.tv_nsec - began.tv_nsec < 30'000'000);
}

// Other threads free blocks of the idle thread later, so one release is not enough.
TEST(IdleWatch, a_thread_that_became_idle_releases_and_again_a_little_later) {
    IdleWatch watch;
    work();
    EXPECT_FALSE(watch.should_release()) << "it works";
    std::string seen;
    for (int look = 1; look <= 200; ++look) {
        if (watch.should_release()) seen += std::to_string(look) + " ";
    }
    EXPECT_EQ(seen, "1 2 4 8 16 32 64 ");
    work();
    EXPECT_FALSE(watch.should_release());
    EXPECT_TRUE(watch.should_release()) << "after each period of work";
}

TEST(IdleWatch, near_the_limit_every_look_releases) {
    IdleWatch watch;
    IdleWatch::set_near_limit(true);
    EXPECT_TRUE(watch.should_release());
    EXPECT_TRUE(watch.should_release());
    IdleWatch::set_near_limit(false);
}

TEST(ResidentBytes, are_those_of_this_process) { EXPECT_GT(resident_bytes(), std::size_t{1} << 20); }

}  // namespace
}  // namespace riacho::core
