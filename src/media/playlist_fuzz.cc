// Fuzzes the fold of a session's list: its bounds, its order, and its counters of removed segments.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "media/playlist.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho::media;
    if (size < 2) return 0;
    PlaylistOptions options;
    options.mode = (data[0] & 1) != 0 ? PlaybackMode::on_demand : PlaybackMode::live;
    options.selector = (data[0] & 2) != 0 ? TimestampSelector::producer : TimestampSelector::server;
    options.discontinuity = static_cast<DiscontinuityMode>(data[0] / 4 % 3);
    options.fragments_max = 1 + data[1] % 20;
    options.end_ms = 100'000;
    PlaylistFold fold(options);
    std::uint64_t taken = 0;
    std::uint64_t marks = 0;
    std::uint64_t server_ms = 1;
    for (std::size_t i = 2; i + 1 < size; i += 2) {
        PlaylistItem item;
        server_ms += data[i] % 8U == 0 ? 4'000'000U : data[i];
        item.number = {.sequence = i, .server_ms = server_ms, .random28 = 0};
        item.producer_ms = data[i + 1] * 100;
        item.duration_ms = 100;
        item.config_id = data[i] % 16 == 1 ? 2 : 1;
        item.late = data[i] % 16 == 2;
        PlaylistFold::Push push = fold.push(item);
        if (push == PlaylistFold::Push::need_config) {
            fold.add_config(item.config_id, data[i] != 1);
            push = fold.push(item);
            RIACHO_CHECK(push != PlaylistFold::Push::need_config);
        }
        if (push == PlaylistFold::Push::taken) {
            ++taken;
            marks += fold.segments().back().discontinuity ? 1U : 0U;
        }
        RIACHO_CHECK(fold.segments().size() <= options.fragments_max);
        RIACHO_CHECK(fold.media_sequence() + fold.segments().size() == taken);
    }
    std::uint64_t shown = 0;
    for (const auto& segment : fold.segments()) shown += segment.discontinuity ? 1U : 0U;
    RIACHO_CHECK(fold.discontinuity_sequence() + shown == marks);
    RIACHO_CHECK(!to_text(fold, {}).empty());
    return 0;
}
