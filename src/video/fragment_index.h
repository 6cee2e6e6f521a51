// The records of a stream's index shard (docs/formats/video.md). The index is derived from the media shard: entries
// that are missing are read there.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "video/fragment.h"

namespace riacho::video {

// A page: entries in the order of their sequences.
using Page = std::vector<FragmentEntry>;
inline constexpr std::size_t page_entries = 512;
inline constexpr std::size_t directory_pages = 512;

// The summary of a page, kept in memory and in directories.
struct PageSummary {
    std::uint64_t first_sequence = 0;
    std::uint64_t position = 0;  // the record's number in the index shard
    std::int64_t first_server_ms = 0;
    std::int64_t last_server_ms = 0;
    std::int64_t min_producer_ms = 0;
    std::int64_t max_producer_ms = 0;

    friend bool operator==(const PageSummary&, const PageSummary&) = default;
};

// entries: at least one.
PageSummary summary_of(const Page& entries, std::uint64_t position);
// The summary of a directory of these pages, at least one.
PageSummary summary_of(std::span<const PageSummary> pages, std::uint64_t position);

struct IndexRecord {
    enum class Kind : std::uint8_t { increment = 1, page = 2, directory = 3, root = 4 };
    Kind kind = Kind::increment;
    std::uint64_t root = 0;           // number of the newest root record before this one; 0: none
    std::uint64_t media_through = 0;  // all closing records up to this number are in this record or in an earlier one
    std::vector<FragmentEntry> entries;    // increment: in order of position; page: in order of sequence
    std::uint64_t first_increment = 0;     // root: increments from here on have entries that are in no page
    std::vector<PageSummary> directories;  // root: those that are within retention
    std::vector<PageSummary> pages;        // root: those beyond the directories; directory: 512
};

std::string encode(const IndexRecord& record);
// Nothing for records that this version does not write.
std::optional<IndexRecord> parse_index_record(std::string_view bytes);

}  // namespace riacho::video
