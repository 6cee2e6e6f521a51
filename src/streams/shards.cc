#include "streams/shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "aws/gen/kinesis/errors.gen.h"
#include "aws/gen/kinesis/types_shared.gen.h"
#include "base/check.h"
#include "base/sequence_number.h"
#include "core/clock.h"
#include "streams/shard_id.h"

namespace riacho::streams {

namespace errors = api::errors;

namespace {

api::HashKeyRange hash_key_range(const catalog::ShardState& shard) {
    api::HashKeyRange range;
    range.starting_hash_key = format_u128(shard.starting_hash_key);
    range.ending_hash_key = format_u128(shard.ending_hash_key);
    return range;
}

}  // namespace

std::string shard_id(std::int32_t index) { return fmt::format("shardId-{:012}", index); }

wire::FixedText<24> shard_id_text(std::int32_t index) {
    RIACHO_CHECK(index >= 0);
    std::array<char, 20> text{'s', 'h', 'a', 'r', 'd', 'I', 'd', '-'};
    std::ranges::fill(text.begin() + 8, text.end(), '0');
    const fmt::format_int digits(index);
    std::copy_n(digits.data(), digits.size(), text.end() - static_cast<std::ptrdiff_t>(digits.size()));
    return std::string_view(text.data(), text.size());
}

std::optional<std::int32_t> parse_shard_id(std::string_view text) {
    const auto dash = text.find('-');
    const std::string_view digits = dash == std::string_view::npos ? text : text.substr(dash + 1);
    if (digits.empty() || digits.front() == '-') return std::nullopt;
    std::int32_t index = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return index;
}

api::Shard describe_shard(const catalog::ShardState& shard) {
    api::Shard out;
    out.shard_id = shard_id(shard.index);
    if (shard.parent) out.parent_shard_id = shard_id(*shard.parent);
    if (shard.adjacent_parent) out.adjacent_parent_shard_id = shard_id(*shard.adjacent_parent);
    out.hash_key_range = hash_key_range(shard);
    SequenceNumber number;
    number.created_s = shard.created_s;
    number.shard_index = shard.index;
    number.time_s = shard.created_s;
    out.sequence_number_range.starting_sequence_number = format_sequence_number(number).view();
    if (shard.closed_at) {
        number.seq_ix = closed_seq_ix;
        number.time_s = shard.closed_at->value() / 1000;
        out.sequence_number_range.ending_sequence_number = format_sequence_number(number).view();
    }
    return out;
}

std::vector<api::ChildShard> child_shards(const catalog::StreamState& stream, const catalog::ShardState& shard) {
    std::vector<api::ChildShard> children;
    for (const catalog::ShardState& child : stream.shards) {
        if (child.parent != shard.index && child.adjacent_parent != shard.index) continue;
        api::ChildShard& out = children.emplace_back();
        out.shard_id = shard_id(child.index);
        if (child.parent) out.parent_shards.push_back(shard_id(*child.parent));
        if (child.adjacent_parent) out.parent_shards.push_back(shard_id(*child.adjacent_parent));
        out.hash_key_range = hash_key_range(child);
    }
    return children;
}

TimestampMs retention_horizon(const catalog::StreamState& stream, const core::Clock& clock) {
    return clock.ago(std::int64_t{stream.retention_hours} * 3'600'000);
}

bool is_expired(const catalog::StreamState& stream, const catalog::ShardState& shard, const core::Clock& clock) {
    return shard.closed_at && *shard.closed_at < retention_horizon(stream, clock);
}

aws::ApiError read_error(log::LogError error, const ShardRef& shard) {
    switch (error) {
        case log::LogError::unknown_shard:
            return errors::shard_does_not_exist(shard_id(shard.shard->index), shard.stream->name,
                                                shard.stream->account);
        case log::LogError::overloaded:
        case log::LogError::shutting_down:
        case log::LogError::disk_full:
            return errors::read_unavailable();
        case log::LogError::sealed:
        case log::LogError::poisoned:
            return errors::internal_failure();
        case log::LogError::corrupt:  // the log has logged the place
            return errors::records_damaged(shard_id(shard.shard->index), shard.stream->name, shard.stream->account);
    }
    RIACHO_CHECK(false, "an unknown LogError");
}

}  // namespace riacho::streams
