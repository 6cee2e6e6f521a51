#include "core/replace_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace riacho::core {
namespace {

class ReplaceFile : public testing::Test {
protected:
    ReplaceFile() {
        char name[] = "/tmp/riacho-file-XXXXXX";
        directory_ = mkdtemp(name);
    }
    ~ReplaceFile() override { std::filesystem::remove_all(directory_); }

    static std::string content_of(const std::string& path) {
        std::stringstream content;
        content << std::ifstream(path).rdbuf();
        return content.str();
    }
    [[nodiscard]] std::size_t file_count() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory_), {}));
    }

    std::string directory_;
};

TEST_F(ReplaceFile, makes_and_replaces_a_file_that_only_its_owner_reads) {
    const std::string path = directory_ + "/f";
    ASSERT_TRUE(replace_file(path, "long content"));
    ASSERT_TRUE(replace_file(path, "short", {.is_durable = false}));
    EXPECT_EQ(content_of(path), "short");
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(file_count(), 1U);
}

TEST_F(ReplaceFile, a_failure_leaves_the_old_content_and_nothing_else) {
    // A directory that is not empty cannot be replaced by a file.
    const std::string path = directory_ + "/d";
    ASSERT_TRUE(std::filesystem::create_directory(path));
    ASSERT_TRUE(replace_file(path + "/inside", "x"));
    const auto failed = replace_file(path, "new");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().operation, "rename");
    EXPECT_TRUE(failed.error().describe().starts_with("rename " + path + ": ")) << failed.error().describe();
    EXPECT_EQ(content_of(path + "/inside"), "x");
    EXPECT_EQ(file_count(), 1U);
}

TEST_F(ReplaceFile, says_what_could_not_be_done) {
    const auto failed = replace_file(directory_ + "/missing/f", "x");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().operation, "open");
    EXPECT_EQ(failed.error().error, ENOENT);
}

}  // namespace
}  // namespace riacho::core
