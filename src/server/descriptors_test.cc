#include "server/descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace riacho::server {
namespace {

TEST(Descriptors, connections_get_what_the_node_does_not_need) {
    const auto plan = plan_descriptors(20'000, 30, 4'096, 10'000);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->connections, 10'000U);
    const auto small = plan_descriptors(128, 30, 32, 10'000);
    ASSERT_TRUE(small);
    EXPECT_GT(small->connections, 30U);
    EXPECT_EQ(small->reserve + small->connections, 128U);
}

// Each core has its own descriptors: the reserve grows with the number of cores.
TEST(Descriptors, many_cores_leave_room_for_files) {
    const auto plan = plan_descriptors(1'024, 30 + 64 * 4, 256, 10'000);
    ASSERT_TRUE(plan);
    EXPECT_GE(plan->reserve, 30U + 64 * 4 + 256);
    EXPECT_LE(plan->reserve + plan->connections, 1'024U);
}

TEST(Descriptors, too_few_are_refused_with_the_number_that_is_needed) {
    const auto plan = plan_descriptors(32, 24, 8, 10'000);
    ASSERT_FALSE(plan);
    EXPECT_NE(plan.error().find("is 32"), std::string::npos) << plan.error();
}

TEST(Descriptors, open_ones_are_counted) {
    const std::size_t before = open_descriptors();
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(open_descriptors(), before + 1);
    ::close(fd);
}

}  // namespace
}  // namespace riacho::server
