// `riacho tail`: prints a stream's records, shard by shard through splits and merges, over the Kinesis API.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <span>

#include "base/base64.h"
#include "base/sequence_number.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/damage.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/position.h"
#include "cli/progress.h"
#include "cli/record_format.h"
#include "cli/shards.h"
#include "core/clock.h"
#include "formats/kpl.h"

namespace riacho::cli {
namespace {

constexpr int page_limit = 1'000;
// AWS: five GetRecords a second for each shard.
constexpr std::int64_t poll_pause_ms = 200;
constexpr std::int64_t ns_per_ms = 1'000'000;

// `roots` and their descendants by splits and merges.
std::vector<ListedShard> with_descendants(const std::vector<ListedShard>& listing, std::set<std::int32_t> roots) {
    const auto is_child = [&](const std::optional<std::int32_t>& parent) { return parent && roots.contains(*parent); };
    std::vector<ListedShard> chosen;
    for (const ListedShard& shard : listing) {  // parents precede their children
        if (is_child(shard.lineage.parent) || is_child(shard.lineage.adjacent_parent))
            roots.insert(shard.lineage.index);
        if (roots.contains(shard.lineage.index)) chosen.push_back(shard);
    }
    return chosen;
}

class Tailer {
public:
    Tailer(KinesisClient client, const TailRequest& request, Position from, Output out)
        : client_(std::move(client)), request_(request), from_(std::move(from)), out_(std::move(out)) {}

    int run() {
        const auto done = follow();
        const auto flushed = out_.flush();
        if (interrupted() != 0) return exit_interrupted();
        if (!done) return report(done.error());
        return flushed ? exit_ok : report(flushed.error());
    }

private:
    // A shard that is being read.
    struct Reading {
        ListedShard shard;
        Position position;     // where to continue when the iterator has expired
        std::string iterator;  // empty: GetShardIterator is needed
        std::int64_t next_ns = 0;
        bool is_caught_up = false;
        bool is_finished = false;
    };

    Expected<void, std::string> follow() {
        const std::int64_t began_ns = clock_.monotonic().value();
        if (request_.seconds != 0) deadline_ns_ = began_ns + request_.seconds * 1'000 * ns_per_ms;
        TRY_VOID(begin());
        while (!is_over()) {
            take_ready();
            if (reading_.empty()) break;
            TRY_VOID(read_due());
            if (std::ranges::any_of(reading_, &Reading::is_finished)) {
                std::erase_if(reading_, &Reading::is_finished);
                TRY_VOID(list_again());
                continue;
            }
            if (!request_.follow && std::ranges::all_of(reading_, &Reading::is_caught_up)) break;
            TRY_VOID(out_.flush());
            pause();
        }
        return {};
    }

    [[nodiscard]] bool is_over() const {
        if (interrupted() != 0) return true;
        if (request_.records != 0 && records_ >= request_.records) return true;
        return deadline_ns_ != 0 && clock_.monotonic().value() >= deadline_ns_;
    }

    // Selects the shards and the start position of each.
    Expected<void, std::string> begin() {
        auto listing = list_shards(client_, request_.stream);
        if (!listing) return fail(listing.error().describe());
        if (request_.follow) client_.wait_for_server();
        TRY_VOID(choose_roots(*listing));
        update(*listing);
        const bool is_numbered =
            from_.kind == Position::Kind::at_sequence_number || from_.kind == Position::Kind::after_sequence_number;
        for (const auto& [index, shard] : shards_) {
            if (is_numbered && index != from_.shard_index) continue;
            first_positions_.emplace(index, from_);
            // LATEST is after all records of a closed shard; its children are read.
            if (from_.kind == Position::Kind::latest && shard.is_closed) lineage_.finish(index);
        }
        return {};
    }

    Expected<void, std::string> choose_roots(const std::vector<ListedShard>& listing) {
        const bool is_numbered =
            from_.kind == Position::Kind::at_sequence_number || from_.kind == Position::Kind::after_sequence_number;
        if (is_numbered) roots_.insert(from_.shard_index);
        for (const std::string& id : request_.shards) {
            const auto found = std::ranges::find(listing, id, &ListedShard::id);
            if (found == listing.end()) return fail(fmt::format("{} has no shard {}", request_.stream, id));
            if (is_numbered && found->lineage.index != from_.shard_index) {
                return fail(fmt::format("the sequence number does not belong to {}", id));
            }
            roots_.insert(found->lineage.index);
        }
        return {};
    }

    void update(const std::vector<ListedShard>& listing) {
        const auto chosen = roots_.empty() ? listing : with_descendants(listing, roots_);
        std::vector<LineageShard> lineage;
        for (const ListedShard& shard : chosen) {
            lineage.push_back(shard.lineage);
            shards_.insert_or_assign(shard.lineage.index, shard);
        }
        lineage_.update(lineage);
    }

    Expected<void, std::string> list_again() {
        auto listing = list_shards(client_, request_.stream);
        if (!listing) return fail(listing.error().describe());
        update(*listing);
        return {};
    }

    void take_ready() {
        for (const std::int32_t index : lineage_.take_ready()) {
            Reading reading;
            reading.shard = shards_.at(index);
            // Shards that are created later are read from their first record.
            if (const auto first = first_positions_.find(index); first != first_positions_.end()) {
                reading.position = first->second;
            }
            reading_.push_back(std::move(reading));
        }
    }

    Expected<void, std::string> read_due() {
        for (Reading& reading : reading_) {
            if (is_over()) return {};
            if (!request_.follow && reading.is_caught_up) continue;
            if (reading.next_ns <= clock_.monotonic().value()) TRY_VOID(read_page(reading));
        }
        return {};
    }

    Expected<void, std::string> open_iterator(Reading& reading) {
        const auto reply = client_.call_patiently(
            "GetShardIterator", fmt::format(R"({{"StreamName":{},"ShardId":{},{}}})", json_quoted(request_.stream),
                                            json_quoted(reading.shard.id), position_members(reading.position)));
        if (!reply) return skip(reading, reply.error());
        if (!document_.parse(wire::Format::json, *reply)) return fail(not_json().describe());
        reading.iterator = text_member(document_.nodes(), 0, "ShardIterator");
        return {};
    }

    // The position of the record before the one with this number.
    static std::string number_before(const std::string& text) {
        auto number = parse_sequence_number(text);
        if (!number || number->seq_ix == 0) return text;
        --number->seq_ix;
        return std::string(format_sequence_number(*number).view());
    }

    // Moves behind damaged records, if that was asked for; else it is the error that was met.
    Expected<void, std::string> skip(Reading& reading, const CallError& error) {
        const bool is_numbered = reading.position.kind == Position::Kind::after_sequence_number ||
                                 reading.position.kind == Position::Kind::at_sequence_number;
        const bool has_place = is_numbered || reading.position.kind == Position::Kind::trim_horizon;
        if (!is_damage(error) || !has_place) return fail(error.describe());
        if (!request_.skip_damaged) return fail(error.describe() + " (--skip-damaged goes on behind them)");
        const std::string last_read = reading.position.kind == Position::Kind::at_sequence_number
                                          ? number_before(reading.position.sequence_number)
                                          : reading.position.sequence_number;
        auto skipped = skip_damaged(client_, request_.stream, reading.shard, last_read);
        if (!skipped) return fail(skipped.error().describe());
        report(describe(*skipped, reading.shard.id));
        reading.position.kind = Position::Kind::at_sequence_number;
        reading.position.sequence_number = skipped->sequence_number;
        reading.iterator = std::move(skipped->iterator);
        return {};
    }

    Expected<void, std::string> read_page(Reading& reading) {
        if (reading.iterator.empty()) TRY_VOID(open_iterator(reading));
        const TimestampMs asked_at = clock_.now();
        const auto reply = client_.call_patiently(
            "GetRecords", fmt::format(R"({{"ShardIterator":"{}","Limit":{}}})", reading.iterator, page_limit));
        if (!reply && reply.error().type == "ExpiredIteratorException") {  // this process was suspended for minutes
            reading.iterator.clear();
            return {};
        }
        if (!reply) return interrupted() != 0 ? Expected<void, std::string>() : skip(reading, reply.error());
        if (!document_.parse(wire::Format::json, *reply)) return fail(not_json().describe());
        const Nodes nodes = document_.nodes();
        std::int64_t behind_ms = 0;
        std::size_t list = 0;
        each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
            const wire::NodeKind kind = nodes[value].kind;
            if (key == "MillisBehindLatest" && kind == wire::NodeKind::integer) behind_ms = nodes[value].integer;
            if (key == "Records" && kind == wire::NodeKind::array) list = value;
        });
        if (reading.position.kind == Position::Kind::latest) {
            reading.position.kind = Position::Kind::at_timestamp;
            reading.position.time = asked_at;
        }
        if (list != 0) TRY_VOID(print_records(reading, nodes, list));
        reading.iterator = text_member(nodes, 0, "NextShardIterator");
        if (reading.iterator.empty()) {
            reading.is_finished = true;
            lineage_.finish(reading.shard.lineage.index);
        }
        reading.is_caught_up = behind_ms == 0;
        reading.next_ns = behind_ms == 0 ? clock_.monotonic().value() + poll_pause_ms * ns_per_ms : 0;
        return {};
    }

    Expected<void, std::string> print_records(Reading& reading, Nodes nodes, std::size_t list) {
        for (std::size_t i = list + 1; i < node_after(nodes, list); i = node_after(nodes, i)) {
            RecordView record;
            record.shard_id = reading.shard.id;
            record.sequence_number = text_member(nodes, i, "SequenceNumber");
            record.partition_key = text_member(nodes, i, "PartitionKey");
            record.arrival = arrival_of(nodes, i);
            const auto data = decode_base64(text_member(nodes, i, "Data"));
            record.data = data ? std::string_view(*data) : std::string_view();
            reading.position.kind = Position::Kind::after_sequence_number;
            reading.position.sequence_number = record.sequence_number;
            const auto aggregate = formats::parse_kpl(record.data);
            if (!aggregate) {
                TRY_VOID(print_record(record));
                continue;
            }
            for (std::size_t place = 0; place < aggregate->size(); ++place) {
                const formats::KplRecord& user = (*aggregate)[place];
                // AWS: the KCL skips records of a neighbouring shard, because the producer sends them again.
                const U128 hash = user.hash_key();
                if (hash < reading.shard.first_hash_key || hash > reading.shard.last_hash_key) continue;
                record.partition_key = user.partition_key;
                record.data = user.data;
                record.sub_sequence = place;
                record.explicit_hash_key.reset();
                if (user.explicit_hash_key) record.explicit_hash_key = format_u128(*user.explicit_hash_key);
                TRY_VOID(print_record(record));
            }
        }
        return {};
    }

    Expected<void, std::string> print_record(const RecordView& record) {
        if (request_.records != 0 && records_ >= request_.records) return {};
        ++records_;
        text_.clear();
        append_record(text_, record, request_.format);
        return out_.write(text_);
    }

    static TimestampMs arrival_of(Nodes nodes, std::size_t record) {
        const wire::Node* arrival = find_member(nodes, record, "ApproximateArrivalTimestamp");
        if (arrival == nullptr || !arrival->is_number()) return {};
        if (arrival->kind == wire::NodeKind::integer) return TimestampMs(arrival->integer * 1'000);
        return TimestampMs(static_cast<std::int64_t>(arrival->real * 1'000 + 0.5));
    }

    // Sleeps until the next shard is due, the time is over, or a signal comes.
    void pause() {
        std::int64_t until_ns = deadline_ns_ != 0 ? deadline_ns_ : INT64_MAX;
        for (const Reading& reading : reading_) {
            if (request_.follow || !reading.is_caught_up) until_ns = std::min(until_ns, reading.next_ns);
        }
        const std::int64_t span_ns = until_ns - clock_.monotonic().value();
        if (span_ns > 0) sleep_ms(static_cast<int>(std::min(span_ns / ns_per_ms + 1, poll_pause_ms)));
    }

    KinesisClient client_;
    const TailRequest& request_;
    Position from_;
    Output out_;
    core::SystemClock clock_;
    wire::Document document_;
    Lineage lineage_;
    std::map<std::int32_t, ListedShard> shards_;
    std::map<std::int32_t, Position> first_positions_;
    std::set<std::int32_t> roots_;  // empty: the whole stream
    std::vector<Reading> reading_;
    std::string text_;
    std::uint64_t records_ = 0;
    std::int64_t deadline_ns_ = 0;  // 0: none
};

}  // namespace

int tail(const TailRequest& request) {
    const auto fail_usage = [](const std::string& problem) {
        report(problem);
        return exit_usage;
    };
    const std::string from = !request.from.empty() ? request.from : request.follow ? "latest" : "trim-horizon";
    auto position = parse_position(from, core::SystemClock().now());
    if (!position) return fail_usage(fmt::format("--from = '{}' {}", from, position.error()));
    auto endpoint = resolve_endpoint(request.client);
    if (!endpoint) return fail_usage(endpoint.error());
    auto out = Output::open("-", false);
    if (!out) return report(out.error());
    watch_interrupts();
    return Tailer(KinesisClient(*std::move(endpoint)), request, *std::move(position), *std::move(out)).run();
}

}  // namespace riacho::cli
