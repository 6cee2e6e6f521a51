#include "server/status.h"

#include <gtest/gtest.h>

namespace riacho::server {
namespace {

TEST(Status, a_node_is_ready_while_every_part_is) {
    const auto [text, ready] = readiness_page({});
    EXPECT_TRUE(ready);
    EXPECT_EQ(text, "{\"status\":\"ready\",\"log\":\"ok\",\"catalog\":\"ok\",\"stopping\":false}\n");
    for (const auto state : {log::StoreState::disk_low, log::StoreState::disk_full, log::StoreState::failed}) {
        const auto [page, able] = readiness_page({.log = state});
        EXPECT_FALSE(able);
        EXPECT_NE(page.find(to_string(state)), std::string::npos) << page;
    }
    EXPECT_FALSE(readiness_page({.catalog_failed = true}).second);
    EXPECT_NE(readiness_page({.catalog_failed = true}).first.find("\"catalog\":\"failed\""), std::string::npos);
    EXPECT_FALSE(readiness_page({.is_stopping = true}).second);
    EXPECT_NE(liveness_page().find("live"), std::string::npos);
}

}  // namespace
}  // namespace riacho::server
