#include "server/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace riacho::server {
namespace {

class ConfigTest : public ::testing::Test {
protected:
    void TearDown() override {
        for (const char* name : {"RIACHO_LISTEN", "RIACHO_CREATE_STREAM", "RIACHO_CONFIG"})
            ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
        std::filesystem::remove(file_);
    }
    std::string write_file(const std::string& content) {
        std::ofstream(file_) << content;
        return file_;
    }

private:
    std::string file_ = ::testing::TempDir() + "riacho-config-test.toml";
};

TEST_F(ConfigTest, defaults_are_safe) {
    const auto resolved = resolve_config({});
    ASSERT_TRUE(resolved) << resolved.error();
    EXPECT_EQ(resolved->config.listen_host, "127.0.0.1");
    EXPECT_EQ(resolved->config.listen_port, 4566);
    EXPECT_EQ(resolved->config.durability, log::Durability::sync);
    EXPECT_EQ(resolved->config.account, "000000000000");
}

TEST_F(ConfigTest, flags_beat_variables_beat_the_file_beats_defaults) {
    const std::string file =
        write_file("listen = \"127.0.0.1:1\"\nregion = \"sa-east-1\"\naccount = \"111111111111\"\n");
    ::setenv("RIACHO_LISTEN", "127.0.0.1:2", 1);  // NOLINT(concurrency-mt-unsafe)
    const auto resolved = resolve_config({{"config", {file}}, {"account", {"222222222222"}}});
    ASSERT_TRUE(resolved) << resolved.error();
    EXPECT_EQ(resolved->config.account, "222222222222");
    EXPECT_EQ(resolved->config.listen_port, 2);
    EXPECT_EQ(resolved->config.region, "sa-east-1");
    const std::string text = describe_config(*resolved);
    EXPECT_NE(text.find("# flag"), std::string::npos);
    EXPECT_NE(text.find("# RIACHO_LISTEN"), std::string::npos);
    EXPECT_NE(text.find("# " + file), std::string::npos);
}

TEST_F(ConfigTest, what_it_describes_is_a_file_that_says_the_same) {
    const auto resolved = resolve_config({{"create-stream", {"a:2", "b"}},
                                          {"durability", {"interval:50"}},
                                          {"ephemeral", {"yes"}},
                                          {"data-dir", {"a \"b\" \\ \n"}},
                                          {"tls-cert", {"12345678901234567890"}},
                                          {"tls-key", {"07"}}});
    ASSERT_TRUE(resolved) << resolved.error();
    std::string text = describe_config(*resolved);
    EXPECT_NE(text.find("\nauth = \"off\" "), std::string::npos) << "what is in force, not what was left out";
    EXPECT_NE(text.find("\ncores = 0 "), std::string::npos);
    text.erase(text.find("config ="));
    const auto again = resolve_config({{"config", {write_file(text)}}});
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(again->config.durability_interval_ms, 50);
    ASSERT_EQ(again->config.create_streams.size(), 2U);
    EXPECT_EQ(again->config.create_streams[0].shards, 2);
    EXPECT_TRUE(again->config.ephemeral);
    EXPECT_EQ(again->config.data_dir, resolved->config.data_dir);
    EXPECT_EQ(again->config.tls_cert, "12345678901234567890");
    EXPECT_EQ(again->config.tls_key, "07");
}

TEST_F(ConfigTest, a_repeatable_variable_takes_commas) {
    ::setenv("RIACHO_CREATE_STREAM", "a,b:3", 1);  // NOLINT(concurrency-mt-unsafe)
    const auto resolved = resolve_config({});
    ASSERT_TRUE(resolved) << resolved.error();
    ASSERT_EQ(resolved->config.create_streams.size(), 2U);
    EXPECT_EQ(resolved->config.create_streams[1].shards, 3);
}

TEST_F(ConfigTest, white_space_around_the_entries_of_a_variable_does_not_count) {
    ::setenv("RIACHO_CREATE_STREAM", " a:3, b ,\tc:2,, ", 1);  // NOLINT(concurrency-mt-unsafe)
    const auto resolved = resolve_config({});
    ASSERT_TRUE(resolved) << resolved.error();
    ASSERT_EQ(resolved->config.create_streams.size(), 3U);
    EXPECT_EQ(resolved->config.create_streams[0].shards, 3);
    EXPECT_EQ(resolved->config.create_streams[1].name, "b");
    EXPECT_EQ(resolved->config.create_streams[2].name, "c");
}

TEST_F(ConfigTest, the_bad_entry_of_a_list_is_named) {
    ::setenv("RIACHO_CREATE_STREAM", "a:3, b c, d", 1);  // NOLINT(concurrency-mt-unsafe)
    auto resolved = resolve_config({});
    ASSERT_FALSE(resolved);
    EXPECT_NE(resolved.error().find("has the entry 'b c'"), std::string::npos) << resolved.error();
    EXPECT_NE(resolved.error().find("RIACHO_CREATE_STREAM"), std::string::npos) << resolved.error();
    resolved = resolve_config({{"create-stream", {"a", "b:0"}}});
    ASSERT_FALSE(resolved);
    EXPECT_NE(resolved.error().find("has the entry 'b:0'"), std::string::npos) << resolved.error();
    resolved = resolve_config({{"create-stream", {"a"}}, {"kms-key", {"k=denied", "k=tired"}}});
    ASSERT_FALSE(resolved);
    EXPECT_NE(resolved.error().find("has the entry 'k=tired'"), std::string::npos) << resolved.error();
}

TEST_F(ConfigTest, names_the_setting_the_value_and_the_source_of_a_mistake) {
    const auto bad = [](const char* name, const char* value) { return resolve_config({{name, {value}}}); };
    for (const auto& [name, value] :
         std::initializer_list<std::pair<const char*, const char*>>{{"listen", "nowhere"},
                                                                    {"listen", "127.0.0.1:65536"},
                                                                    {"durability", "maybe"},
                                                                    {"durability", "interval:0"},
                                                                    {"account", "12"},
                                                                    {"create-stream", "a:0"},
                                                                    {"create-stream", "b/d"},
                                                                    {"auth", "maybe"},
                                                                    {"cores", "65"},
                                                                    {"transition-delay", "-1"},
                                                                    {"log-format", "xml"},
                                                                    {"tls-cert", "x.pem"}}) {
        const auto resolved = bad(name, value);
        ASSERT_FALSE(resolved) << name << "=" << value;
        EXPECT_NE(resolved.error().find(name), std::string::npos) << resolved.error();
        EXPECT_NE(resolved.error().find("flag"), std::string::npos) << resolved.error();
    }
}

TEST_F(ConfigTest, a_misspelt_line_of_the_file_is_an_error) {
    EXPECT_FALSE(resolve_config({{"config", {write_file("lisen = \"127.0.0.1:1\"\n")}}}));
    EXPECT_FALSE(resolve_config({{"config", {write_file("listen = \n")}}}));
    EXPECT_FALSE(resolve_config({{"config", {"/does/not/exist.toml"}}}));
}

TEST_F(ConfigTest, an_open_address_needs_signatures_or_an_explicit_wish) {
    EXPECT_FALSE(resolve_config({{"listen", {"0.0.0.0:4566"}}}));
    EXPECT_TRUE(resolve_config({{"listen", {"0.0.0.0:4566"}}, {"auth", {"sigv4"}}}));
    EXPECT_TRUE(resolve_config({{"listen", {"0.0.0.0:4566"}}, {"insecure", {"true"}}}));
    EXPECT_TRUE(resolve_config({{"listen", {"[::1]:4566"}}}));
}

}  // namespace
}  // namespace riacho::server
