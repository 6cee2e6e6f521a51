// `riacho export` and `riacho import`: a stream's records as JSON lines, from and to any endpoint of the Kinesis API.
//
//   {"PartitionKey":"7","Data":"eyJpZCI6N30=","ShardId":"shardId-000000000000","SequenceNumber":"4968...",
//    "ApproximateArrivalTimestamp":1763900000.123}
//
// Import needs PartitionKey and Data (base64); ExplicitHashKey is honoured; the rest is ignored.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "base/try.h"
#include "core/clock.h"
#include "server/commands.h"
#include "server/exit_code.h"
#include "server/kinesis_client.h"

namespace riacho::server {
namespace {

using wire::Node;
using Nodes = std::span<const Node>;

constexpr int page_limit = 1'000;
constexpr std::size_t batch_records_max = 500;
constexpr std::size_t batch_bytes_max = std::size_t{8} << 20;  // of JSON text: some 6 MiB of data
constexpr int attempts_max = 30;
constexpr std::size_t line_size_max = std::size_t{16} << 20;

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// "-" is standard input or output.
File open_file(const std::string& path, bool writing) {
    if (path != "-") return File(std::fopen(path.c_str(), writing ? "w" : "r"));
    const int copy = ::dup(writing ? STDOUT_FILENO : STDIN_FILENO);
    return File(copy < 0 ? nullptr : ::fdopen(copy, writing ? "w" : "r"));
}

// One line on a terminal, rewritten four times a second; nothing elsewhere.
class Progress {
public:
    Progress(std::string_view verb, bool forced) : verb_(verb), shown_(forced || ::isatty(STDERR_FILENO) != 0) {}

    // done: between 0 and 1, as far as it is known.
    void show(std::uint64_t records, double done, bool last = false) {
        const std::int64_t now = clock_.monotonic().value();
        if (!shown_ || (!last && now - shown_at_ < 250'000'000)) return;
        shown_at_ = now;
        if (began_ == 0) began_ = now;
        constexpr std::size_t width = 30;
        const auto filled = static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * width);
        const double seconds = static_cast<double>(now - began_) / 1e9;
        const double rate = seconds > 0 ? static_cast<double>(records) / seconds : 0;
        fmt::print(stderr, "\r{} [{}{}] {:3.0f} %  {} records  {:.0f}/s ", verb_, std::string(filled, '#'),
                   std::string(width - filled, '.'), std::clamp(done, 0.0, 1.0) * 100, records, rate);
        if (last) fmt::print(stderr, "\n");
        std::fflush(stderr);
    }

private:
    std::string verb_;
    bool shown_;
    core::SystemClock clock_;
    std::int64_t began_ = 0;
    std::int64_t shown_at_ = 0;
};

int report(const std::string& problem) {
    fmt::print(stderr, "riacho: {}\n", problem);
    return exit_failure;
}

// Throttled and momentarily failing calls are made again, as an SDK would.
Expected<std::string, CallError> call_patiently(KinesisClient& client, std::string_view operation,
                                                std::string_view body) {
    for (int attempt = 1;; ++attempt) {
        auto reply = client.call(operation, body);
        if (reply || attempt == attempts_max) return reply;
        const std::string& type = reply.error().type;
        const bool passing = type.empty() || type == "ProvisionedThroughputExceededException" ||
                             type == "LimitExceededException" || type == "InternalFailure" ||
                             type == "ServiceUnavailable";
        if (!passing || (type.empty() && attempt > 3)) return reply;
        ::usleep(static_cast<useconds_t>(std::min(attempt * 50, 1'000)) * 1'000);
    }
}

// The shards' ids, parents before their children.
Expected<std::vector<std::string>, CallError> list_shards(KinesisClient& client, const std::string& stream) {
    std::vector<std::string> ids;
    std::string body = fmt::format(R"({{"StreamName":{}}})", json_quoted(stream));
    while (!body.empty()) {
        TRY(const std::string reply, call_patiently(client, "ListShards", body));
        body.clear();
        wire::Document document;
        if (!document.parse(wire::Format::json, reply)) return fail(CallError{"", "the reply is not JSON"});
        const Nodes nodes = document.nodes();
        each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
            if (key == "NextToken") body = fmt::format(R"({{"NextToken":{}}})", json_quoted(nodes[value].view()));
            if (key != "Shards") return;
            for (std::size_t i = value + 1; i < node_after(nodes, value); i = node_after(nodes, i)) {
                ids.emplace_back(text_member(nodes, i, "ShardId"));
            }
        });
    }
    return ids;
}

class Exporter {
public:
    Exporter(KinesisClient& client, const TransferRequest& request, std::FILE* out)
        : client_(client), request_(request), out_(out), progress_("export", request.progress) {}

    Expected<std::uint64_t, CallError> run() {
        TRY(const auto shards, list_shards(client_, request_.stream));
        for (std::size_t i = 0; i < shards.size(); ++i) {
            TRY_VOID(export_shard(shards[i], static_cast<double>(i), static_cast<double>(shards.size())));
        }
        progress_.show(records_, 1, true);
        return records_;
    }

private:
    Expected<void, CallError> export_shard(const std::string& shard, double before, double shards) {
        TRY(const std::string first,
            call_patiently(client_, "GetShardIterator",
                           fmt::format(R"({{"StreamName":{},"ShardId":"{}","ShardIteratorType":"TRIM_HORIZON"}})",
                                       json_quoted(request_.stream), shard)));
        wire::Document document;
        if (!document.parse(wire::Format::json, first)) return fail(CallError{"", "the reply is not JSON"});
        std::string iterator(text_member(document.nodes(), 0, "ShardIterator"));
        std::int64_t behind_first = -1;
        while (!iterator.empty()) {
            TRY(const std::string reply,
                call_patiently(client_, "GetRecords",
                               fmt::format(R"({{"ShardIterator":"{}","Limit":{}}})", iterator, page_limit)));
            if (!document.parse(wire::Format::json, reply)) return fail(CallError{"", "the reply is not JSON"});
            const Nodes nodes = document.nodes();
            iterator = text_member(nodes, 0, "NextShardIterator");
            std::int64_t behind = 0;
            each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
                if (key == "MillisBehindLatest") behind = nodes[value].integer;
                if (key == "Records") write_records(nodes, value, shard);
            });
            if (std::ferror(out_) != 0) return fail(CallError{"", "the output cannot be written"});
            if (behind_first < 0) behind_first = std::max<std::int64_t>(behind, 1);
            const double part = 1 - static_cast<double>(behind) / static_cast<double>(behind_first);
            progress_.show(records_, (before + part) / shards);
            if (behind == 0) break;  // what comes from now on is not part of this export
        }
        return {};
    }

    void write_records(Nodes nodes, std::size_t list, std::string_view shard) {
        for (std::size_t i = list + 1; i < node_after(nodes, list); i = node_after(nodes, i)) {
            double arrival = 0;
            each_member(nodes, i, [&](std::string_view key, std::size_t value) {
                if (key != "ApproximateArrivalTimestamp") return;
                arrival = nodes[value].kind == wire::NodeKind::integer ? static_cast<double>(nodes[value].integer)
                                                                       : nodes[value].real;
            });
            fmt::print(out_,
                       R"({{"PartitionKey":{},"Data":"{}","ShardId":"{}","SequenceNumber":"{}",)"
                       R"("ApproximateArrivalTimestamp":{:.3f}}})"
                       "\n",
                       json_quoted(text_member(nodes, i, "PartitionKey")), text_member(nodes, i, "Data"), shard,
                       text_member(nodes, i, "SequenceNumber"), arrival);
            ++records_;
        }
    }

    KinesisClient& client_;
    const TransferRequest& request_;
    std::FILE* out_;
    Progress progress_;
    std::uint64_t records_ = 0;
};

class Importer {
public:
    Importer(KinesisClient& client, const TransferRequest& request, std::FILE* in)
        : client_(client), request_(request), in_(in), progress_("import", request.progress) {
        struct stat status{};
        if (::fstat(::fileno(in), &status) == 0 && S_ISREG(status.st_mode)) size_ = static_cast<double>(status.st_size);
    }

    // The error is a sentence, with the line if one is to blame.
    Expected<std::uint64_t, std::string> run() {
        std::string line;
        std::uint64_t number = 0;
        for (;;) {
            line.clear();
            int c = 0;
            while ((c = std::getc(in_)) != EOF && c != '\n') {
                line += static_cast<char>(c);
                if (line.size() > line_size_max) return fail(fmt::format("line {} is longer than 16 MiB", number + 1));
            }
            if (c == EOF && line.empty()) break;
            ++number;
            read_ += static_cast<double>(line.size() + 1);
            if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
            TRY(std::string entry, entry_of(line, number));
            if (entries_.size() == batch_records_max || bytes_ + entry.size() > batch_bytes_max) TRY_VOID(flush());
            bytes_ += entry.size();
            entries_.push_back(std::move(entry));
        }
        TRY_VOID(flush());
        progress_.show(records_, 1, true);
        return records_;
    }

private:
    // The record as an entry of PutRecords.
    Expected<std::string, std::string> entry_of(const std::string& line, std::uint64_t number) {
        if (!document_.parse(wire::Format::json, line) || document_.nodes()[0].kind != wire::NodeKind::object) {
            return fail(fmt::format("line {} is not a JSON object", number));
        }
        const Nodes nodes = document_.nodes();
        const std::string_view key = text_member(nodes, 0, "PartitionKey");
        if (key.empty()) return fail(fmt::format("line {} has no PartitionKey", number));
        const std::string_view hash = text_member(nodes, 0, "ExplicitHashKey");
        return fmt::format(R"({{"PartitionKey":{},"Data":{}{}}})", json_quoted(key),
                           json_quoted(text_member(nodes, 0, "Data")),
                           hash.empty() ? "" : fmt::format(R"(,"ExplicitHashKey":{})", json_quoted(hash)));
    }

    // Until every record of the batch is written. Records that failed alone are sent again, after those that did not.
    Expected<void, std::string> flush() {
        for (int attempt = 1; !entries_.empty(); ++attempt) {
            if (attempt > attempts_max)
                return fail(fmt::format("{} records were refused again and again", entries_.size()));
            if (attempt > 1) ::usleep(static_cast<useconds_t>(std::min(attempt * 50, 1'000)) * 1'000);
            const std::string body = fmt::format(R"({{"StreamName":{},"Records":[{}]}})", json_quoted(request_.stream),
                                                 fmt::join(entries_, ","));
            const auto reply = call_patiently(client_, "PutRecords", body);
            if (!reply) return fail(reply.error().describe());
            keep_failed(*reply);
        }
        bytes_ = 0;
        progress_.show(records_, size_ > 0 ? read_ / size_ : 0);
        return {};
    }

    void keep_failed(const std::string& reply) {
        std::vector<std::string> failed;
        if (document_.parse(wire::Format::json, reply)) {
            const Nodes nodes = document_.nodes();
            each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
                if (key != "Records") return;
                std::size_t place = 0;
                for (std::size_t i = value + 1; i < node_after(nodes, value); i = node_after(nodes, i), ++place) {
                    if (!text_member(nodes, i, "ErrorCode").empty()) failed.push_back(std::move(entries_[place]));
                }
            });
        }
        records_ += entries_.size() - failed.size();
        entries_ = std::move(failed);
    }

    KinesisClient& client_;
    const TransferRequest& request_;
    std::FILE* in_;
    Progress progress_;
    wire::Document document_;
    std::vector<std::string> entries_;
    std::size_t bytes_ = 0;
    std::uint64_t records_ = 0;
    double read_ = 0;
    double size_ = 0;
};

}  // namespace

int transfer(const TransferRequest& request) {
    auto endpoint = parse_endpoint(request.endpoint);
    if (!endpoint) {
        fmt::print(stderr, "riacho: {}\n", endpoint.error());
        return exit_usage;
    }
    if (!request.region.empty()) endpoint->region = request.region;
    const bool writing = request.direction == TransferRequest::Direction::to_file;
    const File file = open_file(request.file, writing);
    if (file == nullptr) return report(fmt::format("{} cannot be opened", request.file));
    KinesisClient client(*std::move(endpoint));
    std::uint64_t records = 0;
    if (writing) {
        const auto done = Exporter(client, request, file.get()).run();
        if (!done) return report(done.error().describe());
        if (std::fflush(file.get()) != 0) return report("the output cannot be written");
        records = *done;
    } else {
        const auto done = Importer(client, request, file.get()).run();
        if (!done) return report(done.error());
        records = *done;
    }
    fmt::print(stderr, "{} records\n", records);
    return exit_ok;
}

}  // namespace riacho::server
