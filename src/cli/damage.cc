#include "cli/damage.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "cli/json.h"
#include "cli/progress.h"

namespace riacho::cli {
namespace {

// An iterator at the position; empty if the record there is damaged.
Expected<std::string, CallError> find_iterator(KinesisClient& client, const std::string& stream,
                                               const std::string& shard_id, const std::string& number) {
    const auto reply = client.call_patiently(
        "GetShardIterator", fmt::format(R"({{"StreamName":{},"ShardId":{},"ShardIteratorType":"AT_SEQUENCE_NUMBER",)"
                                        R"("StartingSequenceNumber":"{}"}})",
                                        json_quoted(stream), json_quoted(shard_id), number));
    if (!reply && is_damage(reply.error())) return std::string();
    if (!reply) return fail(reply.error());
    wire::Document document;
    if (!document.parse(wire::Format::json, *reply)) return fail(not_json());
    return std::string(text_member(document.nodes(), 0, "ShardIterator"));
}

}  // namespace

// Its time is before every record's: of two numbers with the same seq_ix the earlier one comes first.
std::string number_at(const SequenceNumber& of_shard, std::uint64_t seq_ix) {
    SequenceNumber number = of_shard;
    number.seq_ix = seq_ix;
    number.time_s = 0;
    return std::string(format_sequence_number(number).view());
}

bool is_damage(const CallError& error) {
    return error.type == "InternalFailure" && error.message.ends_with("are damaged on disk and cannot be read.");
}

Expected<Skipped, CallError> skip_damaged(KinesisClient& client, const std::string& stream, const ListedShard& shard,
                                          std::string_view last_read) {
    const auto of_shard = parse_sequence_number(shard.first_number);
    const auto before = last_read.empty() ? of_shard : parse_sequence_number(last_read);
    if (!of_shard || !before) return fail(CallError{"", "the server's sequence numbers are not understood"});
    const std::uint64_t first = before->seq_ix + 1;
    std::uint64_t bad = first;
    std::uint64_t good = bad;
    Skipped skipped;
    for (std::uint64_t step = 1; skipped.iterator.empty(); step *= 2) {
        good = bad + step;
        if (good >= closed_seq_ix) return fail(CallError{"", "no record of " + shard.id + " can be read"});
        TRY(skipped.iterator, find_iterator(client, stream, shard.id, number_at(*of_shard, good)));
        if (skipped.iterator.empty()) bad = good;
    }
    while (good - bad > 1) {
        const std::uint64_t middle = bad + (good - bad) / 2;
        TRY(std::string iterator, find_iterator(client, stream, shard.id, number_at(*of_shard, middle)));
        (iterator.empty() ? bad : good) = middle;
        if (!iterator.empty()) skipped.iterator = std::move(iterator);
    }
    skipped.records = good - first;
    skipped.is_exact = !last_read.empty();
    skipped.sequence_number = number_at(*of_shard, good);
    return skipped;
}

std::string describe(const Skipped& skipped, const std::string& shard_id) {
    return fmt::format("{}: {}{} skipped; reading goes on at {}", shard_id, skipped.is_exact ? "" : "up to ",
                       count_of(skipped.records, "damaged record"), skipped.sequence_number);
}

}  // namespace riacho::cli
