#include "log/detail/bulk_writer.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/rng.h"
#include "io/simulated.h"
#include "log/detail/format.h"

namespace riacho::log::detail {
namespace {

std::string some_bytes(std::size_t size, core::Rng& rng) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(rng.next());
    return bytes;
}

std::string content(io::FileSystem& fs, const std::string& path) {
    return std::string(as_text(io::read_file(fs, path, 64 << 20).value()));
}

// Appends of many sizes and numbers of parts, each compared with a plain string.
void append_and_compare(io::FileSystem& fs, const std::string& path) {
    core::SeededRng rng(7);
    const auto file = fs.open(path, {.mode = io::OpenMode::create}).value();
    BulkWriter writer(fs, 10'000);
    std::string expected;
    for (const unsigned size :
         {100U, 9'999U, 10'000U, 3 * 4096U - 37, 4096U, 8192U, 50'000U, 2U << 20, 1U, 12'288U, 3U << 20}) {
        const std::string bytes = some_bytes(size, rng);
        std::vector<ByteSpan> parts;
        for (std::size_t at = 0; at < size;) {
            const std::size_t here = std::min<std::size_t>(size - at, rng.next() % (size / 5 + 2));
            parts.push_back(as_bytes(std::string_view(bytes).substr(at, here)));
            at += here;
        }
        ASSERT_TRUE(writer.write(*file, path, expected.size(), parts)) << size;
        expected += bytes;
        ASSERT_EQ(content(fs, path) == expected, true) << "after " << size << " bytes";
    }
    ASSERT_TRUE(file->fdatasync());
    // Overwrites existing bytes, as after a write that failed half-way.
    const std::string again = some_bytes(100'000, rng);
    const ByteSpan part = as_bytes(again);
    ASSERT_TRUE(writer.write(*file, path, 5'000, {&part, 1}));
    expected.replace(5'000, again.size(), again);
    EXPECT_EQ(content(fs, path) == expected, true);
}

TEST(BulkWriter, writes_what_a_buffered_write_would_on_a_real_file_system) {
    std::string directory = testing::TempDir() + "riacho-bulk-XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    append_and_compare(io::posix_file_system(), directory + "/f");
    std::filesystem::remove_all(directory);
}

TEST(BulkWriter, writes_whole_aligned_blocks_past_the_cache) {
    io::SimulatedFileSystem fs;  // checks every direct write
    ASSERT_TRUE(fs.mkdir("/d"));
    append_and_compare(fs, "/d/f");
}

// A writer of an empty file on a simulated disk, and data that contains whole blocks.
struct Written {
    Written() : directory(fs.mkdir("/d")), file(fs.open("/d/f", {.mode = io::OpenMode::create}).value()) {}
    io::IoResult<void> write() {
        const ByteSpan part = as_bytes(bytes);
        return writer.write(*file, "/d/f", 0, {&part, 1});
    }

    io::SimulatedFileSystem fs;
    const io::IoResult<void> directory;
    const std::unique_ptr<io::File> file;
    BulkWriter writer{fs, 0};
    const std::string bytes = std::string(20'000, 'x');
};

TEST(BulkWriter, goes_on_through_the_cache_where_the_file_system_wants_that) {
    for (const char* operation : {"open", "pwritev"}) {
        Written it;
        it.fs.fail_call(operation, 1, EINVAL);
        ASSERT_TRUE(it.write()) << operation;
        EXPECT_EQ(content(it.fs, "/d/f"), it.bytes);
    }
}

TEST(BulkWriter, tells_every_other_error) {
    for (const char* operation : {"open", "pwritev"}) {
        Written it;
        it.fs.fail_call(operation, 1, ENOSPC);
        const auto written = it.write();
        ASSERT_FALSE(written) << operation;
        EXPECT_TRUE(written.error().is_out_of_space());
    }
}

TEST(BulkWriter, is_durable_after_a_sync_of_the_file_and_not_before) {
    for (const bool synced : {false, true}) {
        Written it;
        ASSERT_TRUE(it.fs.sync_directory("/"));
        ASSERT_TRUE(it.fs.sync_directory("/d"));
        ASSERT_TRUE(it.write());
        if (synced) ASSERT_TRUE(it.file->fdatasync());
        it.fs.crash({});
        EXPECT_EQ(content(it.fs, "/d/f"), synced ? it.bytes : "");
    }
}

}  // namespace
}  // namespace riacho::log::detail
