#include "server/origin_policy.h"

#include <gtest/gtest.h>

namespace riacho::server {
namespace {

TEST(OriginPolicy, hosts_that_no_stranger_can_have_are_trusted) {
    const OriginPolicy policy({}, {"Kinesis.Example.com"});
    for (const std::string_view host :
         {"127.0.0.1:4566", "10.1.2.3", "[::1]:4566", "[2001:db8::1]", "localhost", "LOCALHOST:4566", "localhost.",
          "app.localhost:80", "riacho", "riacho:4566", "kinesis.example.com:4566", "kinesis.example.com."}) {
        EXPECT_TRUE(policy.is_trusted_host(host)) << host;
    }
    for (const std::string_view host :
         {"evil.example", "evil.example:4566", "127.0.0.1.evil.example", "localhost.evil.example", "1.2.3", "0x7f.1",
          "evil.example.", "notlocalhost.com", "[evil.example]", "[::1", "", ":4566", "a:b", "kinesis.example.com.evil",
          "x@127.0.0.1", "127.0.0.1 x"}) {
        EXPECT_FALSE(policy.is_trusted_host(host)) << host;
    }
}

TEST(OriginPolicy, pages_on_loopback_hosts_are_allowed) {
    const OriginPolicy policy({}, {});
    for (const std::string_view origin :
         {"http://localhost", "http://localhost:3000", "https://localhost:8443", "http://app.localhost:5173",
          "http://127.0.0.1:8888", "http://127.8.9.10", "http://[::1]:3000"}) {
        EXPECT_TRUE(policy.is_allowed_origin(origin, "127.0.0.1:4566", false)) << origin;
        EXPECT_TRUE(policy.is_allowed_origin(origin, "kinesis.example.com", false)) << origin;
    }
    for (const std::string_view origin :
         {"http://evil.example", "https://localhost.evil.example", "http://127.0.0.1.evil.example", "null", "",
          "http://", "file://", "http://evil.example@localhost", "http://10.0.0.1", "http://[::2]", "localhost"}) {
        EXPECT_FALSE(policy.is_allowed_origin(origin, "127.0.0.1:4566", false)) << origin;
    }
}

TEST(OriginPolicy, the_servers_own_pages_are_allowed_under_trusted_hosts) {
    const OriginPolicy policy({}, {"kinesis.example.com"});
    EXPECT_TRUE(policy.is_allowed_origin("http://riacho:4566", "riacho:4566", false));
    EXPECT_TRUE(policy.is_allowed_origin("http://10.0.0.1:4566", "10.0.0.1:4566", false));
    EXPECT_TRUE(policy.is_allowed_origin("https://kinesis.example.com", "kinesis.example.com:443", true));
    EXPECT_FALSE(policy.is_allowed_origin("http://kinesis.example.com", "kinesis.example.com", true))
        << "another scheme";
    EXPECT_FALSE(policy.is_allowed_origin("http://riacho:8080", "riacho:4566", false)) << "another port";
    EXPECT_FALSE(policy.is_allowed_origin("http://evil.example:4566", "evil.example:4566", false)) << "DNS rebinding";
}

TEST(OriginPolicy, named_pages_are_allowed_and_a_star_allows_all) {
    const OriginPolicy named({"https://app.example.com", "http://App.Example.com:8080"}, {});
    EXPECT_TRUE(named.is_allowed_origin("https://app.example.com", "127.0.0.1:4566", false));
    EXPECT_TRUE(named.is_allowed_origin("http://app.example.com:8080", "127.0.0.1:4566", false));
    EXPECT_FALSE(named.is_allowed_origin("http://app.example.com", "127.0.0.1:4566", false));
    EXPECT_FALSE(named.is_allowed_origin("https://app.example.com.evil", "127.0.0.1:4566", false));
    const OriginPolicy open({"*"}, {});
    EXPECT_TRUE(open.is_allowed_origin("https://anything.example", "anything.example", false));
    EXPECT_TRUE(open.is_allowed_origin("null", "", false));
}

TEST(OriginPolicy, an_origin_is_told_from_other_texts) {
    EXPECT_TRUE(is_origin("https://app.example.com"));
    EXPECT_TRUE(is_origin("http://[::1]:80"));
    EXPECT_FALSE(is_origin("https://app.example.com/"));
    EXPECT_FALSE(is_origin("app.example.com"));
    EXPECT_FALSE(is_origin("https://app.example.com:port"));
}

}  // namespace
}  // namespace riacho::server
