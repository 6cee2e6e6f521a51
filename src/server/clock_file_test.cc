#include "server/clock_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/log.h"
#include "io/simulated.h"

namespace riacho::server {
namespace {

const core::ClockRecord record{TimestampMs(1'764'193'800'000),
                               {{TimestampMs(1'764'100'000'000), TimestampMs(1'764'150'000'000)},
                                {TimestampMs(1'764'160'000'000), TimestampMs(1'764'170'000'000)}}};

TEST(ClockFile, is_read_back) {
    EXPECT_EQ(decode_clock_record(encode_clock_record(record)), record);
    EXPECT_EQ(decode_clock_record(encode_clock_record({})), core::ClockRecord{});
}

TEST(ClockFile, has_the_documented_bytes) {
    std::stringstream golden;
    golden << std::ifstream("tests/golden/server/clock-v1.bin").rdbuf();
    EXPECT_EQ(encode_clock_record(record), golden.str());
}

TEST(ClockFile, a_changed_or_missing_byte_is_noticed) {
    const std::string bytes = encode_clock_record(record);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
        EXPECT_FALSE(decode_clock_record(damaged)) << i;
        EXPECT_FALSE(decode_clock_record(bytes.substr(0, i))) << i;
    }
}

TEST(ClockFile, what_cannot_be_read_is_as_if_it_were_not_there) {
    core::configure_log(core::LogLevel::error, core::LogFormat::logfmt);
    io::SimulatedFileSystem fs;
    ASSERT_TRUE(fs.mkdir("/"));
    ASSERT_TRUE(fs.mkdir("/data"));
    EXPECT_EQ(load_clock_record(fs, "/data"), core::ClockRecord{});
    const std::string bytes = encode_clock_record(record);
    ASSERT_TRUE(io::replace_file(fs, "/data", clock_file_name, as_bytes(bytes)));
    EXPECT_EQ(load_clock_record(fs, "/data"), record);
    ASSERT_TRUE(io::replace_file(fs, "/data", clock_file_name, as_bytes("RKCLOCK1")));
    EXPECT_EQ(load_clock_record(fs, "/data"), core::ClockRecord{});
}

}  // namespace
}  // namespace riacho::server
