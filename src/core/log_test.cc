// Values of log lines come from clients: nothing in them may change what a terminal or a reader of lines makes of them.
#include "core/log.h"

#include <gtest/gtest.h>

#include <string>

namespace riacho::core {
namespace {

// The value as it stands in a line of logfmt.
std::string logged(const std::string& value) {
    configure_log(LogLevel::info, LogFormat::logfmt);
    testing::internal::CaptureStderr();
    log_line(LogLevel::info, "test", {{"value", value}});
    const std::string line = testing::internal::GetCapturedStderr();
    const std::string before = "event=test value=";
    const auto at = line.find(before);
    if (at == std::string::npos || !line.ends_with('\n')) return "no line: " + line;
    return line.substr(at + before.size(), line.size() - 1 - at - before.size());
}

TEST(Log, text_is_kept) {
    EXPECT_EQ(logged("a-b"), "a-b");
    EXPECT_EQ(logged("ação"), "ação");
    EXPECT_EQ(logged("\U0001F600"), "\U0001F600");
    EXPECT_EQ(logged(""), R"("")");
    EXPECT_EQ(logged("a b"), R"("a b")");
    EXPECT_EQ(logged("a=b"), R"("a=b")");
}

TEST(Log, controls_are_escaped) {
    EXPECT_EQ(logged("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(logged("a\nb\x7F"), R"("a\u000ab\u007f")");
    EXPECT_EQ(logged("\u0080\u009B"), R"("\u0080\u009b")");
    EXPECT_EQ(logged("\u2028\u2029\u202A\u202E\u2066\u2069"), R"("\u2028\u2029\u202a\u202e\u2066\u2069")");
    EXPECT_EQ(logged("\u00A0\u2027\u202F\u2065\u206A"), "\u00A0\u2027\u202F\u2065\u206A");
}

TEST(Log, what_is_not_utf8_is_replaced) {
    EXPECT_EQ(logged("a\xFF"), R"("a\ufffd")");
    EXPECT_EQ(logged("\x9B"), R"("\ufffd")");
    EXPECT_EQ(logged("\xC3"), R"("\ufffd")");
    EXPECT_EQ(logged("\xC3x"), R"("\ufffdx")");
    EXPECT_EQ(logged("\xC0\x8A"), R"("\ufffd\ufffd")");                      // an overlong newline
    EXPECT_EQ(logged("\xED\xA0\x80"), R"("\ufffd\ufffd\ufffd")");            // a surrogate
    EXPECT_EQ(logged("\xF4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");  // above U+10FFFF
}

TEST(Log, the_cut_splits_no_character) {
    EXPECT_EQ(logged(std::string(300, 'a')), std::string(256, 'a'));
    EXPECT_EQ(logged(std::string(255, 'a') + "ã"), std::string(255, 'a'));
    EXPECT_EQ(logged(std::string(254, 'a') + "ãb"), std::string(254, 'a') + "ã");
}

}  // namespace
}  // namespace riacho::core
