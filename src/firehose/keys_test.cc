#include "firehose/keys.h"

#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>
#include "core/time_zone.h"

namespace riacho::firehose {
namespace {

constexpr TimestampMs august(1'535'365'805'123);  // 2018-08-27T10:30:05.123Z
constexpr std::string_view uuid = "00000000-0000-4000-8000-000000000000";

KeyOptions options(TimestampMs oldest = august) {
    KeyOptions result;
    result.stream_name = "mystream";
    result.oldest = oldest;
    static const auto utc = core::TimeZone::utc();
    result.zone = utc.get();
    return result;
}

std::string key(std::string_view prefix, const KeyOptions& with = options()) {
    return object_key(Prefix::parse(prefix).value(), with);
}
std::string error_key(std::string_view prefix, std::string_view error_prefix) {
    const Prefix errors = Prefix::parse(error_prefix).value();
    return error_object_key(Prefix::parse(prefix).value(), error_prefix.empty() ? nullptr : &errors,
                            "processing-failed", options());
}
std::string rule_of(std::string_view prefix, std::string_view error_prefix) {
    const auto problem = check_prefixes({.prefix = prefix, .error_output_prefix = error_prefix});
    if (!problem) return "";
    return problem->kind == PrefixProblem::Kind::partition_namespace ? "partition namespace" : problem->rule;
}

// Firehose spec 21, items 37 and 38.
TEST(Keys, a_prefix_without_expressions_gets_the_hour) {
    const std::string suffix = "mystream-1-2018-08-27-10-30-05-" + std::string(uuid);
    EXPECT_EQ(key(""), "2018/08/27/10/" + suffix);
    EXPECT_EQ(key("legacy"), "legacy2018/08/27/10/" + suffix);
    EXPECT_EQ(key("x/"), "x/2018/08/27/10/" + suffix);
    EXPECT_EQ(key("p/year=!{timestamp:yyyy}/month=!{timestamp:MM}/"), "p/year=2018/month=08/" + suffix);
    EXPECT_EQ(key("!{timestamp:'year='yyyy'/month='MM}/"), "year=2018/month=08/" + suffix);
    KeyOptions compressed = options();
    compressed.extension = file_extension("GZIP");
    compressed.version_id = 2;
    EXPECT_EQ(key("", compressed), "2018/08/27/10/mystream-2-2018-08-27-10-30-05-" + std::string(uuid) + ".gz");
}

TEST(Keys, random_strings_differ_from_each_other_and_repeat_with_the_identity) {
    const std::string prefix = "a/!{firehose:random-string}/!{firehose:random-string}/";
    const std::string first = key(prefix);
    EXPECT_EQ(first, key(prefix));
    const std::string one = first.substr(2, 11);
    const std::string two = first.substr(14, 11);
    EXPECT_NE(one, two);
    for (const char c : one + two) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)));
    EXPECT_EQ(first.substr(25), "/mystream-1-2018-08-27-10-30-05-" + std::string(uuid));  // nothing is appended
    KeyOptions other = options();
    other.identity[31] = 1;
    EXPECT_NE(key(prefix, other).substr(2, 11), one);
}

// Firehose spec 21, item 40.
TEST(Keys, both_parts_are_in_the_streams_time_zone) {
    const auto tokyo = core::TimeZone::load("Asia/Tokyo").value();
    KeyOptions with = options(TimestampMs(1'535'382'000'000));  // 2018-08-27T15:00:00Z, midnight in Tokyo
    with.zone = tokyo.get();
    EXPECT_EQ(key("!{timestamp:yyyy-MM-dd' 'VV}/", with),
              "2018-08-28 Asia/Tokyo/mystream-1-2018-08-28-00-00-00-" + std::string(uuid));
    const auto berlin = core::TimeZone::load("Europe/Berlin").value();
    with.zone = berlin.get();
    with.oldest = TimestampMs(1'774'746'000'000);  // the first moment of daylight saving in 2026
    EXPECT_EQ(key("", with), "2026/03/29/03/mystream-1-2026-03-29-03-00-00-" + std::string(uuid));
    with.oldest = TimestampMs(1'774'745'999'999);
    EXPECT_EQ(key("", with), "2026/03/29/01/mystream-1-2026-03-29-01-59-59-" + std::string(uuid));
}

TEST(Keys, errors_have_their_own_prefix_or_lie_below_the_other) {
    const std::string suffix = "mystream-1-2018-08-27-10-30-05-" + std::string(uuid);
    EXPECT_EQ(error_key("", ""), "processing-failed/2018/08/27/10/" + suffix);
    EXPECT_EQ(error_key("data/", ""), "data/processing-failed/2018/08/27/10/" + suffix);
    EXPECT_EQ(error_key("", "f/!{firehose:error-output-type}/!{timestamp:yyyy}/"),
              "f/processing-failed/2018/" + suffix);
    EXPECT_EQ(error_key("", "e/!{timestamp:yyyy}/!{firehose:error-output-type}"), "e/2018/processing-failed" + suffix);
    EXPECT_EQ(error_key("", "errors/"), "errors/2018/08/27/10/" + suffix);
}

// Firehose spec 21, items 25, 26 and 27.
TEST(Keys, pairs_of_prefixes_are_checked_as_aws_does) {
    const std::string good_errors = "e/!{firehose:error-output-type}/";
    EXPECT_EQ(rule_of("!{timestamp:yyyy/MM/dd}", ""),
              "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions");
    EXPECT_EQ(rule_of("", ""), "");
    EXPECT_EQ(rule_of("plain/", "errors/"), "");
    EXPECT_EQ(rule_of("!{timestamp:yyyy/MM/dd}/", good_errors), "");
    EXPECT_EQ(rule_of("", "e/!{timestamp:yyyy}/"),
              "ErrorOutputPrefix must contain expression !{firehose:error-output-type} when it contains expressions");
    EXPECT_EQ(rule_of("!{firehose:error-output-type}/", good_errors),
              "Prefix cannot contain expression !{firehose:error-output-type}");
    EXPECT_EQ(rule_of("!{partitionKeyFromQuery:id}/", good_errors), "partition namespace");
    EXPECT_EQ(rule_of("", "!{partitionKeyFromQuery:id}/" + good_errors),
              "ErrorOutputPrefix cannot contain dynamic partitioning namespaces");
    for (const std::string wrong : {"!{timestamp:yyyyb}/", "!{timestamp:}/", "!{timestamp}/", "!{firehose:uuid}/",
                                    "!{}", "!{x:y}", "a!{timestamp:yyyy", "!{timestamp:'year}"}) {
        EXPECT_NE(rule_of(wrong, good_errors), "") << wrong;
    }
    EXPECT_EQ(rule_of("!{timestamp:yyyyb}/", good_errors),
              "!{timestamp:yyyyb} must hold a valid date pattern (Unknown pattern letter: b)");
    EXPECT_EQ(rule_of("a!b{c}}", ""), "");
    EXPECT_EQ(rule_of(std::string(512, 'x'), ""), "");
    EXPECT_NE(rule_of(std::string(513, 'x'), ""), "");
    std::string many;
    for (int i = 0; i < 60; ++i) many += "!{timestamp:EEEE}";
    EXPECT_NE(rule_of(many, good_errors), "");
}

TEST(Keys, an_output_is_identified_by_everything_it_was_made_of) {
    const BatchIdentity batch{.store_id = "s", .account = "1", .stream_uid = 7, .branch = 0, .lane = 0, .number = 3};
    const OutputIdentity output{.version_id = 1, .kind = "main"};
    const std::string first = uuid_of(output_identity(batch, output));
    EXPECT_EQ(first, uuid_of(output_identity(batch, output)));
    EXPECT_EQ(first.size(), 36U);
    EXPECT_EQ(first[14], '4');
    BatchIdentity next = batch;
    next.number = 4;
    EXPECT_NE(uuid_of(output_identity(next, output)), first);
    OutputIdentity error = output;
    error.kind = "error";
    EXPECT_NE(uuid_of(output_identity(batch, error)), first);
}

// Firehose spec 21, item 39: every letter, in every width, in zones of all kinds, against a JDK. Made by
// tests/golden/java_time/JavaTime.java.
TEST(Keys, every_pattern_letter_prints_as_java_prints_it) {
    std::ifstream file("tests/golden/java_time/vectors.tsv");
    ASSERT_TRUE(file);
    std::map<std::string, std::shared_ptr<const core::TimeZone>> zones;
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);) {
        std::vector<std::string> fields;
        std::istringstream stream(line);
        for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
        ++count;
        const auto pattern = formats::JavaTimePattern::parse(fields.at(0));
        if (fields.size() == 2) {
            EXPECT_FALSE(pattern) << "Java refuses " << fields[0];
            continue;
        }
        ASSERT_TRUE(pattern) << fields[0];
        if (fields.size() < 4) fields.emplace_back();
        auto& zone = zones[fields[1]];
        if (zone == nullptr) zone = core::TimeZone::load(fields[1]).value();
        const TimestampMs instant(std::stoll(fields[2]));
        const auto at = zone->at(instant);
        const formats::ZonedTime time{.instant = instant,
                                      .offset_s = at.offset_s,
                                      .is_daylight = at.is_daylight,
                                      .zone_id = zone->name(),
                                      .abbreviation = at.abbreviation};
        EXPECT_EQ(pattern->format(time), fields[3]) << line;
    }
    EXPECT_GT(count, 5'000U);
}

}  // namespace
}  // namespace riacho::firehose
