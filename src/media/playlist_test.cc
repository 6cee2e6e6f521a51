#include "media/playlist.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "media/session_token.h"

namespace riacho::media {
namespace {

using enum PlaylistFold::Push;

PlaylistItem item(std::uint64_t sequence, std::int64_t producer_ms, std::uint64_t config = 1) {
    PlaylistItem result;
    result.number = {.sequence = sequence, .server_ms = static_cast<std::uint64_t>(producer_ms) + 100, .random28 = 0};
    result.producer_ms = producer_ms;
    result.duration_ms = 2'000;
    result.config_id = config;
    result.key_start = true;
    return result;
}

PlaylistOptions on_demand(TimestampSelector selector = TimestampSelector::producer) {
    PlaylistOptions options;
    options.mode = PlaybackMode::on_demand;
    options.selector = selector;
    options.discontinuity = DiscontinuityMode::never;
    options.fragments_max = 1'000;
    options.end_ms = 1'000'000'000;
    return options;
}

PlaylistFold fold_of(PlaylistOptions options) {
    PlaylistFold fold(options);
    fold.add_config(1, true);
    return fold;
}

std::vector<std::uint64_t> sequences(const PlaylistFold& fold) {
    std::vector<std::uint64_t> result;
    for (const auto& segment : fold.segments()) result.push_back(segment.item.number.sequence);
    return result;
}

// video conformance 80, 82: the sample of video spec 4.7 with other numbers.
TEST(Playlist, on_demand_text) {
    PlaylistFold fold = fold_of(on_demand());
    PlaylistItem first = item(732'006, 1'643'353'235'931);
    first.number.server_ms = 1'643'353'247'067;
    first.number.random28 = 0x45FC8EF;
    first.duration_ms = 1'857;
    EXPECT_EQ(fold.push(first), skipped) << "out of range";
    PlaylistOptions options = on_demand();
    options.end_ms = first.producer_ms;
    fold = fold_of(options);
    EXPECT_EQ(fold.push(first), taken);
    MediaPlaylist playlist;
    playlist.token = "T";
    playlist.show_timestamps = true;
    playlist.first_config = 732'006;
    EXPECT_EQ(to_text(fold, playlist),
              "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
              "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"getMP4InitFragment.mp4?SessionToken=T&TrackNumber=1\"\n"
              "#EXT-X-PROGRAM-DATE-TIME:2022-01-28T07:00:35.931Z\n#EXTINF:1.857,\n"
              "getMP4MediaFragment.mp4?FragmentNumber=91343852333185057105875891022195998207386831087&SessionToken=T"
              "&TrackNumber=1\n#EXT-X-ENDLIST\n");
}

TEST(Playlist, live_shows_the_newest_and_counts_what_left) {
    PlaylistOptions options;
    options.fragments_max = 3;
    PlaylistFold fold = fold_of(options);
    for (std::uint64_t i = 1; i <= 5; ++i)
        EXPECT_EQ(fold.push(item(i * 1'000, static_cast<std::int64_t>(i) * 2'000)), taken);
    EXPECT_EQ(sequences(fold), (std::vector<std::uint64_t>{3'000, 4'000, 5'000}));
    EXPECT_EQ(fold.media_sequence(), 2U) << "a count, not a difference of fragment numbers";
    EXPECT_EQ(fold.discontinuity_sequence(), 1U) << "there is none before the very first";
    PlaylistItem late = item(4'500, 9'000);
    late.late = true;
    EXPECT_EQ(fold.push(late), skipped);
    const std::string text = to_text(fold, {.token = "T", .track = 1, .target_s = 2, .first_config = 1'000});
    EXPECT_TRUE(text.contains("#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n")) << text;
    EXPECT_FALSE(text.contains("ENDLIST"));
    EXPECT_FALSE(text.contains("PLAYLIST-TYPE"));
}

// video conformance 81
TEST(Playlist, discontinuities) {
    PlaylistOptions options = on_demand();
    options.discontinuity = DiscontinuityMode::on_discontinuity;
    PlaylistFold fold = fold_of(options);
    std::int64_t at = 10'000;
    std::uint64_t sequence = 1;
    std::vector<bool> marks;
    for (const std::int64_t gap : {0, 49, 51, -50, -51, 50}) {
        at += gap;
        ASSERT_EQ(fold.push(item(sequence++, at)), taken);
        at += 2'000;
        marks.push_back(fold.segments().back().discontinuity);
    }
    EXPECT_EQ(marks, (std::vector<bool>{false, false, true, false, true, false}));
}

// video conformance 85, and collections of video spec 4.4
TEST(Playlist, one_producer_time_is_listed_once) {
    PlaylistFold fold = fold_of(on_demand());
    ASSERT_EQ(fold.push(item(1, 0)), taken);
    ASSERT_EQ(fold.push(item(2, 2'000)), taken);
    PlaylistItem again = item(3, 0);
    again.number.server_ms = 5'000;
    EXPECT_EQ(fold.push(again), skipped);
    EXPECT_EQ(sequences(fold), (std::vector<std::uint64_t>{3, 2}));
    PlaylistItem much_later = item(4, 1'000);
    much_later.number.server_ms = 5'000 + 3'600'001;
    EXPECT_EQ(fold.push(much_later), ended);
    EXPECT_EQ(fold.push(item(5, 4'000)), ended);

    PlaylistOptions live;
    live.selector = TimestampSelector::producer;
    fold = fold_of(live);
    ASSERT_EQ(fold.push(item(1, 2'000)), taken);
    EXPECT_EQ(fold.push(item(2, 2'000)), skipped);
    EXPECT_EQ(fold.push(item(3, 1'000)), skipped);
    EXPECT_EQ(fold.push(item(4, 4'000)), taken);
}

TEST(Playlist, a_clock_that_goes_back_is_a_discontinuity) {
    PlaylistFold fold = fold_of(on_demand());
    std::vector<bool> marks;
    std::uint64_t sequence = 1;
    for (const std::int64_t ms : {10'000, 12'000, 4'000, 6'000, 14'000}) {
        ASSERT_EQ(fold.push(item(sequence++, ms)), taken);
        marks.push_back(fold.segments().back().discontinuity);
    }
    EXPECT_EQ(marks, (std::vector<bool>{false, false, true, false, false}));
}

TEST(Playlist, a_live_list_that_takes_no_more_ends) {
    PlaylistFold fold = fold_of(PlaylistOptions{});
    ASSERT_EQ(fold.push(item(1, 2'000)), taken);
    EXPECT_FALSE(to_text(fold, {}).contains("ENDLIST"));
    fold.add_config(2, false);
    EXPECT_EQ(fold.push(item(2, 4'000, 2)), ended);
    EXPECT_TRUE(to_text(fold, {}).contains("ENDLIST"));
}

TEST(Playlist, on_demand_holds_the_first_of_the_range) {
    PlaylistOptions options = on_demand(TimestampSelector::server);
    options.fragments_max = 2;
    options.start_ms = 2'100;
    PlaylistFold fold = fold_of(options);
    EXPECT_EQ(fold.push(item(1, 1'999)), skipped);
    EXPECT_EQ(fold.push(item(2, 2'000)), taken);
    EXPECT_EQ(fold.push(item(3, 4'000)), taken);
    EXPECT_EQ(fold.push(item(4, 6'000)), ended);
    EXPECT_EQ(sequences(fold), (std::vector<std::uint64_t>{2, 3}));
}

// video conformance 86
TEST(Playlist, another_configuration_has_its_own_map) {
    PlaylistFold fold = fold_of(on_demand());
    ASSERT_EQ(fold.push(item(1, 0)), taken);
    EXPECT_EQ(fold.push(item(2, 2'000, 2)), need_config);
    fold.add_config(2, true);
    EXPECT_EQ(fold.push(item(2, 2'000, 2)), taken);
    EXPECT_EQ(fold.push(item(3, 4'000, 2)), taken);
    const std::string text = to_text(fold, {.token = "T", .track = 1, .first_config = 1});
    EXPECT_TRUE(
        text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"getMP4InitFragment.mp4?SessionToken=T"
                      "&TrackNumber=1&SequenceNumber=2\"\n"));
    EXPECT_EQ(std::ranges::count(text, 'M') > 0, true);
    EXPECT_EQ(text.find("EXT-X-MAP", text.rfind("EXT-X-MAP") + 1), std::string::npos);
    fold.add_config(3, false);
    EXPECT_EQ(fold.push(item(4, 6'000, 3)), ended) << "other tracks or codecs end the list";
}

TEST(Playlist, a_list_is_the_same_whenever_it_is_computed) {
    std::mt19937 random(11);  // NOLINT(cert-msc51-cpp): the same fragments in each run
    std::vector<PlaylistItem> items;
    for (std::uint64_t i = 1; i < 300; ++i) items.push_back(item(i, static_cast<std::int64_t>(random() % 400) * 500));
    for (const PlaybackMode mode : {PlaybackMode::live, PlaybackMode::on_demand}) {
        PlaylistOptions options = on_demand();
        options.mode = mode;
        options.discontinuity = DiscontinuityMode::on_discontinuity;
        options.fragments_max = 40;
        PlaylistFold whole = fold_of(options);
        PlaylistFold copied = fold_of(options);
        for (const PlaylistItem& each : items) {
            whole.push(each);
            PlaylistFold copy = copied;
            copy.push(each);
            copied = copy;
        }
        EXPECT_EQ(to_text(whole, {}), to_text(copied, {}));
    }
}

TEST(Playlist, target_duration_leaves_room) {
    EXPECT_EQ(live_target_duration_s(2'000), 2U);
    EXPECT_EQ(live_target_duration_s(400), 1U);
    EXPECT_EQ(live_target_duration_s(10'000), 12U);
}

TEST(SessionToken, comes_back_as_it_was) {
    SessionToken token;
    token.mode = PlaybackMode::on_demand;
    token.selector = TimestampSelector::producer;
    token.discontinuity = DiscontinuityMode::never;
    token.show_timestamps = true;
    token.fragments_max = 5'000;
    token.target_s = 3;
    token.stream_uid = 7;
    token.created_ms = 8;
    token.expires_ms = 9;
    token.base_sequence = 10;
    token.start_ms = -1;
    token.end_ms = 12;
    token.zero_ms = 13;
    token.config_id = 14;
    const std::string bytes = encode(token);
    ASSERT_EQ(bytes.size(), 80U);
    EXPECT_EQ(decode_session_token(bytes), token);
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_session_token(bytes.substr(0, size)));
    EXPECT_FALSE(decode_session_token(bytes + "x"));
    std::string other = bytes;
    other[0] = 2;
    EXPECT_FALSE(decode_session_token(other));
    other = bytes;
    other[4] = 1;
    EXPECT_FALSE(decode_session_token(other));
}

}  // namespace
}  // namespace riacho::media
