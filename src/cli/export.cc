// `riacho export`: a stream's records as JSON lines, from any endpoint of the Kinesis API.
//
//   {"PartitionKey":"7","Data":"eyJpZCI6N30=","ShardId":"shardId-000000000000","SequenceNumber":"4968...",
//    "ApproximateArrivalTimestamp":1763900000.123}
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>

#include "base/sequence_number.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/damage.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/shards.h"

namespace riacho::cli {
namespace {

constexpr int export_page_limit = 1'000;

// The content of a file of records. Only complete lines count, because the last line may be cut off.
struct Exported {
    std::uint64_t records = 0;
    std::uint64_t size = 0;                      // bytes
    std::map<std::string, std::string> numbers;  // the last sequence number of each shard
};

// Nothing if a signal came before the end: the records read are then not all there are.
Expected<std::optional<Exported>, std::string> read_exported(const Output& output) {
    using Step = LineReader::Step;
    Exported found;
    LineReader lines(output.fd());
    wire::Document document;
    std::string line;
    for (;;) {
        const Step step = lines.next(line);
        if (step == Step::interrupted) return std::nullopt;
        if (step == Step::failed) {
            return fail(fmt::format("cannot read {}: {}", output.partial(), std::generic_category().message(errno)));
        }
        if (step == Step::too_long) {
            return fail(fmt::format("line {} of {} is longer than 16 MiB", found.records + 1, output.partial()));
        }
        if (step != Step::line) return found;
        const bool is_object = document.parse(wire::Format::json, line).has_value();
        const std::string_view shard = is_object ? text_member(document.nodes(), 0, "ShardId") : "";
        const std::string_view number = is_object ? text_member(document.nodes(), 0, "SequenceNumber") : "";
        if (shard.empty() || number.empty()) {
            return fail(fmt::format("line {} of {} is not one of an export", found.records + 1, output.partial()));
        }
        found.numbers.insert_or_assign(std::string(shard), std::string(number));
        ++found.records;
        found.size = lines.offset();
    }
}

class Exporter {
public:
    Exporter(KinesisClient client, const ExportRequest& request)
        : client_(std::move(client)), request_(request), progress_("export", request.progress) {}

    int run() {
        const auto done = copy();
        progress_.finish(exported_.records, done && interrupted() == 0 ? 1 : done_);
        if (done && interrupted() == 0) {
            fmt::print(stderr, "{}{}\n", count_of(exported_.records, "record"),
                       skipped_ == 0 ? ""
                                     : fmt::format(", {}{} skipped", is_exact_ ? "" : "up to ",
                                                   count_of(skipped_, "damaged one")));
            return exit_ok;
        }
        report(done ? "interrupted" : done.error());
        explain_how_to_go_on();
        return done ? exit_interrupted() : exit_failure;
    }

private:
    // The file is not touched before the stream is known to exist.
    Expected<void, std::string> copy() {
        auto shards = list_shards(client_, request_.stream);
        if (!shards) return fail(shards.error().describe());
        TRY(Output opened, Output::open(request_.file, request_.resume));
        output_.emplace(std::move(opened));
        if (request_.resume) TRY_VOID(resume());
        for (std::size_t i = 0; i < shards->size() && interrupted() == 0; ++i) {
            TRY_VOID(export_shard((*shards)[i], static_cast<double>(i), static_cast<double>(shards->size())));
        }
        return interrupted() == 0 ? output_->commit() : output_->flush();
    }

    Expected<void, std::string> resume() {
        if (output_->partial().empty()) return fail("--resume needs a FILE");
        TRY(auto found, read_exported(*output_));
        if (!found) return {};  // interrupted: the file stays as it is
        exported_ = *std::move(found);
        progress_.begin_at(exported_.records, 0);
        return output_->cut_to(exported_.size);
    }

    // The reply is in document_.
    Expected<void, CallError> call(std::string_view operation, const std::string& body) {
        reply_.clear();
        TRY(reply_, client_.call_patiently(operation, body));
        if (!document_.parse(wire::Format::json, reply_)) return fail(not_json());
        return {};
    }

    // Moves the iterator behind damaged records, if that was asked for; else it is the error that was met.
    Expected<void, std::string> skip(const ListedShard& shard, const CallError& error, std::string& iterator) {
        if (!is_damage(error)) return fail(error.describe());
        if (!request_.skip_damaged) return fail(error.describe() + " (--skip-damaged goes on behind them)");
        const auto before = exported_.numbers.find(shard.id);
        const std::string_view last_read = before == exported_.numbers.end() ? std::string_view() : before->second;
        auto skipped = skip_damaged(client_, request_.stream, shard, last_read);
        if (!skipped) return fail(skipped.error().describe());
        skipped_ += skipped->records;
        is_exact_ = is_exact_ && skipped->is_exact;
        progress_.note(describe(*skipped, shard.id));
        iterator = std::move(skipped->iterator);
        return {};
    }

    [[nodiscard]] std::string first_position(const std::string& shard) const {
        const auto found = exported_.numbers.find(shard);
        if (found == exported_.numbers.end()) return R"("ShardIteratorType":"TRIM_HORIZON")";
        return fmt::format(R"("ShardIteratorType":"AFTER_SEQUENCE_NUMBER","StartingSequenceNumber":{})",
                           json_quoted(found->second));
    }

    static double part_of(std::uint64_t at, std::uint64_t begin, std::uint64_t end) {
        return at >= end ? 1 : static_cast<double>(at - begin) / static_cast<double>(end - begin);
    }

    // Whether a record has this number or a later one; nothing if that is unknown.
    std::optional<bool> is_before_end(const ListedShard& shard, const std::string& number) {
        auto reply =
            client_.call("GetShardIterator",
                         fmt::format(R"({{"StreamName":{},"ShardId":{},"ShardIteratorType":"AT_SEQUENCE_NUMBER",)"
                                     R"("StartingSequenceNumber":"{}"}})",
                                     json_quoted(request_.stream), json_quoted(shard.id), number));
        wire::Document document;
        if (reply && document.parse(wire::Format::json, *reply)) {
            reply = client_.call("GetRecords", fmt::format(R"({{"ShardIterator":"{}","Limit":1}})",
                                                           text_member(document.nodes(), 0, "ShardIterator")));
        }
        if (!reply) return is_damage(reply.error()) ? std::optional(true) : std::nullopt;
        if (!document.parse(wire::Format::json, *reply)) return std::nullopt;
        const wire::Node* records = find_member(document.nodes(), 0, "Records");
        const wire::Node* behind = find_member(document.nodes(), 0, "MillisBehindLatest");
        const bool has_record = records != nullptr && records->kind == wire::NodeKind::array && records->size > 0;
        return has_record || (behind != nullptr && behind->kind == wire::NodeKind::integer && behind->integer > 0);
    }

    // One more than the number of the shard's last record, for the progress. The API has no count of records, but
    // riacho numbers them without gaps; AWS does not, and counts the calls that this takes.
    std::optional<std::uint64_t> find_end(const ListedShard& shard) {
        const auto of_shard = parse_sequence_number(shard.first_number);
        if (!of_shard || client_.is_of_aws()) return std::nullopt;
        const auto found = exported_.numbers.find(shard.id);
        const auto last = found == exported_.numbers.end() ? of_shard : parse_sequence_number(found->second);
        std::uint64_t inside = last ? last->seq_ix : of_shard->seq_ix;  // not after the end
        std::uint64_t step = 1;
        while (interrupted() == 0 && inside + step < closed_seq_ix) {
            const auto is_inside = is_before_end(shard, number_at(*of_shard, inside + step));
            if (!is_inside) return std::nullopt;
            if (*is_inside) {
                inside += step;
                step *= 2;
            } else {
                return narrow_end(shard, *of_shard, inside, inside + step);
            }
        }
        return std::nullopt;
    }

    // inside: before the end; outside: not before it.
    std::optional<std::uint64_t> narrow_end(const ListedShard& shard, const SequenceNumber& of_shard,
                                            std::uint64_t inside, std::uint64_t outside) {
        while (outside - inside > 1) {
            const std::uint64_t middle = inside + (outside - inside) / 2;
            const auto is_inside = is_before_end(shard, number_at(of_shard, middle));
            if (!is_inside) return std::nullopt;
            (*is_inside ? inside : outside) = middle;
        }
        return outside;
    }

    Expected<void, std::string> export_shard(const ListedShard& shard, double before, double shards) {
        const std::string request = fmt::format(R"({{"StreamName":{},"ShardId":{},{}}})", json_quoted(request_.stream),
                                                json_quoted(shard.id), first_position(shard.id));
        std::string iterator;
        if (const auto called = call("GetShardIterator", request); !called) {
            TRY_VOID(skip(shard, called.error(), iterator));
        } else {
            iterator = text_member(document_.nodes(), 0, "ShardIterator");
            if (iterator.empty()) return fail("the reply has no ShardIterator: is this a Kinesis endpoint?");
        }
        const std::optional<std::uint64_t> end = progress_.is_shown() ? find_end(shard) : std::nullopt;
        std::optional<std::uint64_t> begin;  // number of the first record that was read
        while (!iterator.empty() && interrupted() == 0) {
            const std::string page = fmt::format(R"({{"ShardIterator":"{}","Limit":{}}})", iterator, export_page_limit);
            if (const auto called = call("GetRecords", page); !called) {
                TRY_VOID(skip(shard, called.error(), iterator));
                continue;
            }
            const Nodes nodes = document_.nodes();
            iterator = text_member(nodes, 0, "NextShardIterator");
            std::optional<std::int64_t> behind;
            std::size_t list = 0;
            each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
                const wire::NodeKind kind = nodes[value].kind;
                if (key == "MillisBehindLatest" && kind == wire::NodeKind::integer) behind = nodes[value].integer;
                if (key == "Records" && kind == wire::NodeKind::array) list = value;
            });
            // Taken for the end, it would make an export that lacks records look complete.
            if (list == 0 || !behind)
                return fail("the reply has no Records or no MillisBehindLatest: is this a Kinesis endpoint?");
            TRY_VOID(write_records(nodes, list, shard.id));
            const auto last = parse_sequence_number(last_.second);
            if (last && last_.first == shard.id) {
                if (!begin) begin = last->seq_ix + 1 - nodes[list].size;
                done_ = end && begin ? (before + part_of(last->seq_ix + 1, *begin, *end)) / shards : -1;
            }
            progress_.show(exported_.records, done_);
            if (*behind == 0) break;  // records that arrive later are not part of this export
        }
        return {};
    }

    Expected<void, std::string> write_records(Nodes nodes, std::size_t list, const std::string& shard) {
        std::string line;
        for (std::size_t i = list + 1; i < node_after(nodes, list); i = node_after(nodes, i)) {
            const wire::Node* arrival = find_member(nodes, i, "ApproximateArrivalTimestamp");
            double seconds = 0;
            if (arrival != nullptr && arrival->is_number()) {
                seconds =
                    arrival->kind == wire::NodeKind::integer ? static_cast<double>(arrival->integer) : arrival->real;
            }
            line.clear();
            fmt::format_to(std::back_inserter(line),
                           R"({{"PartitionKey":{},"Data":"{}","ShardId":"{}","SequenceNumber":"{}",)"
                           R"("ApproximateArrivalTimestamp":{:.3f}}})"
                           "\n",
                           json_quoted(text_member(nodes, i, "PartitionKey")), text_member(nodes, i, "Data"), shard,
                           text_member(nodes, i, "SequenceNumber"), seconds);
            TRY_VOID(output_->write(line));
            ++exported_.records;
            last_ = {shard, std::string(text_member(nodes, i, "SequenceNumber"))};
        }
        // Where a damaged record would be, and where --resume would go on.
        if (last_.first == shard) {
            exported_.numbers.insert_or_assign(last_.first, last_.second);
        }
        return {};
    }

    void explain_how_to_go_on() {
        if (!output_ || exported_.records == 0) return;
        // Complete lines that still fit are kept; a full disk has been reported already.
        static_cast<void>(output_->flush());
        if (output_->partial().empty()) {
            fmt::print(stderr, "{} read; the last one has SequenceNumber {} in {}\n",
                       count_of(exported_.records, "record"), last_.second, last_.first);
            return;
        }
        fmt::print(stderr, "{} read, into {}; {} is as it was\nto go on: riacho export {} {} --resume\n",
                   count_of(exported_.records, "record"), output_->partial(), request_.file, request_.stream,
                   request_.file);
    }

    KinesisClient client_;
    const ExportRequest& request_;
    Progress progress_;
    std::optional<Output> output_;
    wire::Document document_;
    std::string reply_;  // document_ has views into it
    Exported exported_;
    std::uint64_t skipped_ = 0;
    bool is_exact_ = true;                      // skipped_ is
    std::pair<std::string, std::string> last_;  // shard and sequence number of the last record read
    double done_ = 0;
};

}  // namespace

int export_records(const ExportRequest& request) {
    auto endpoint = resolve_endpoint(request.client);
    if (!endpoint) {
        report(endpoint.error());
        return exit_usage;
    }
    watch_interrupts();
    return Exporter(KinesisClient(*std::move(endpoint)), request).run();
}

}  // namespace riacho::cli
