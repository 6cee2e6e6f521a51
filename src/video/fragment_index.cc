#include "video/fragment_index.h"

#include <algorithm>

namespace riacho::video {
namespace {

constexpr std::uint8_t index_format_version = 1;
constexpr std::size_t head_size = 24;
constexpr std::size_t root_head_size = 16;
constexpr std::size_t summary_size = 48;

void put_summary(std::byte* at, const PageSummary& page) {
    put_le(at, page.first_sequence);
    put_le(at + 8, page.position);
    put_le(at + 16, static_cast<std::uint64_t>(page.first_server_ms));
    put_le(at + 24, static_cast<std::uint64_t>(page.last_server_ms));
    put_le(at + 32, static_cast<std::uint64_t>(page.min_producer_ms));
    put_le(at + 40, static_cast<std::uint64_t>(page.max_producer_ms));
}

PageSummary get_summary(const std::byte* at) {
    PageSummary page;
    page.first_sequence = get_le<std::uint64_t>(at);
    page.position = get_le<std::uint64_t>(at + 8);
    page.first_server_ms = static_cast<std::int64_t>(get_le<std::uint64_t>(at + 16));
    page.last_server_ms = static_cast<std::int64_t>(get_le<std::uint64_t>(at + 24));
    page.min_producer_ms = static_cast<std::int64_t>(get_le<std::uint64_t>(at + 32));
    page.max_producer_ms = static_cast<std::int64_t>(get_le<std::uint64_t>(at + 40));
    return page;
}

}  // namespace

PageSummary summary_of(const Page& entries, std::uint64_t position) {
    PageSummary page;
    page.first_sequence = entries.front().sequence;
    page.position = position;
    page.first_server_ms = entries.front().server_ms;
    page.last_server_ms = entries.back().server_ms;
    const auto [least, most] = std::ranges::minmax(entries, {}, &FragmentEntry::producer_ms);
    page.min_producer_ms = least.producer_ms;
    page.max_producer_ms = most.producer_ms;
    return page;
}

PageSummary summary_of(std::span<const PageSummary> pages, std::uint64_t position) {
    PageSummary all = pages.front();
    all.position = position;
    all.last_server_ms = pages.back().last_server_ms;
    for (const PageSummary& page : pages) {
        all.min_producer_ms = std::min(all.min_producer_ms, page.min_producer_ms);
        all.max_producer_ms = std::max(all.max_producer_ms, page.max_producer_ms);
    }
    return all;
}

std::string encode(const IndexRecord& record) {
    const bool is_root = record.kind == IndexRecord::Kind::root;
    const std::size_t count = record.entries.size() + (is_root ? 0 : record.pages.size());
    const std::size_t summaries = record.directories.size() + record.pages.size();
    std::string bytes(
        head_size + (is_root ? root_head_size : 0) + summaries * summary_size + record.entries.size() * entry_size,
        '\0');
    std::byte* at = reinterpret_cast<std::byte*>(bytes.data());
    at[0] = std::byte{index_format_version};
    at[1] = std::byte{static_cast<std::uint8_t>(record.kind)};
    put_le(at + 2, static_cast<std::uint16_t>(count));
    put_le(at + 4, std::uint32_t{0});
    put_le(at + 8, record.root);
    put_le(at + 16, record.media_through);
    at += head_size;
    if (is_root) {
        put_le(at, static_cast<std::uint32_t>(record.directories.size()));
        put_le(at + 4, static_cast<std::uint32_t>(record.pages.size()));
        put_le(at + 8, record.first_increment);
        at += root_head_size;
    }
    for (const auto* list : {&record.directories, &record.pages}) {
        for (const PageSummary& page : *list) {
            put_summary(at, page);
            at += summary_size;
        }
    }
    for (const FragmentEntry& entry : record.entries) {
        put_entry(at, entry);
        at += entry_size;
    }
    return bytes;
}

std::optional<IndexRecord> parse_index_record(std::string_view bytes) {
    if (bytes.size() < head_size || static_cast<std::uint8_t>(bytes[0]) != index_format_version) return std::nullopt;
    const std::byte* at = as_bytes(bytes).data();
    IndexRecord record;
    record.kind = static_cast<IndexRecord::Kind>(at[1]);
    const std::size_t count = get_le<std::uint16_t>(at + 2);
    record.root = get_le<std::uint64_t>(at + 8);
    record.media_through = get_le<std::uint64_t>(at + 16);
    at += head_size;
    const std::size_t left = bytes.size() - head_size;
    switch (record.kind) {
        case IndexRecord::Kind::increment:
        case IndexRecord::Kind::page:
            if (left != count * entry_size || count == 0) return std::nullopt;
            for (std::size_t i = 0; i < count; ++i) record.entries.push_back(get_entry(at + i * entry_size));
            if (record.kind == IndexRecord::Kind::page &&
                !std::ranges::is_sorted(record.entries, {}, &FragmentEntry::sequence)) {
                return std::nullopt;
            }
            return record;
        case IndexRecord::Kind::directory:
            if (left != count * summary_size || count == 0) return std::nullopt;
            for (std::size_t i = 0; i < count; ++i) record.pages.push_back(get_summary(at + i * summary_size));
            return record;
        case IndexRecord::Kind::root: {
            if (left < root_head_size) return std::nullopt;
            const std::size_t directories = get_le<std::uint32_t>(at);
            const std::size_t pages = get_le<std::uint32_t>(at + 4);
            record.first_increment = get_le<std::uint64_t>(at + 8);
            if (left - root_head_size != (directories + pages) * summary_size) return std::nullopt;
            at += root_head_size;
            for (std::size_t i = 0; i < directories + pages; ++i) {
                (i < directories ? record.directories : record.pages).push_back(get_summary(at + i * summary_size));
            }
            return record;
        }
    }
    return std::nullopt;
}

}  // namespace riacho::video
