// `riacho import`: puts JSON lines into a stream of any endpoint of the Kinesis API. A line needs PartitionKey and Data
// (base64); ExplicitHashKey is used; other members are ignored.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <vector>

#include "base/base64.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/kinesis_client.h"
#include "cli/progress.h"

namespace riacho::cli {
namespace {

constexpr std::size_t batch_records_max = 500;
constexpr std::size_t batch_bytes_max = std::size_t{8} << 20;  // of JSON text: some 6 MiB of data

// Converts a line to an entry of PutRecords. The error is the rest of a sentence that begins with "line N".
Expected<std::string, std::string> entry_of(wire::Document& document, const std::string& line) {
    if (!document.parse(wire::Format::json, line) || document.nodes()[0].kind != wire::NodeKind::object) {
        return fail("is not a JSON object");
    }
    const Nodes nodes = document.nodes();
    const std::string_view key = text_member(nodes, 0, "PartitionKey");
    if (key.empty()) return fail("has no PartitionKey");
    const wire::Node* data = find_member(nodes, 0, "Data");
    if (data == nullptr) return fail("has no Data");
    if (data->kind != wire::NodeKind::text || check_base64(data->view()).fault != Base64Fault::none) {
        return fail("has Data that is not base64");
    }
    const wire::Node* hash = find_member(nodes, 0, "ExplicitHashKey");
    if (hash != nullptr && hash->kind != wire::NodeKind::text)
        return fail("has an ExplicitHashKey that is not a string");
    return fmt::format(R"({{"PartitionKey":{},"Data":"{}"{}}})", json_quoted(key), data->view(),
                       hash == nullptr ? "" : fmt::format(R"(,"ExplicitHashKey":{})", json_quoted(hash->view())));
}

// The index of the entry named by a ValidationException: "Value at 'records.7.member.data' ..." names the seventh.
std::optional<std::size_t> blamed_entry(std::string_view message) {
    constexpr std::string_view mark = "records.";
    const auto at = message.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    const char* begin = message.data() + at + mark.size();
    std::size_t number = 0;
    const auto [end, fault] = std::from_chars(begin, message.data() + message.size(), number);
    if (fault != std::errc() || number == 0) return std::nullopt;
    return number - 1;
}

class Importer {
public:
    Importer(KinesisClient client, const ImportRequest& request, Descriptor in)
        : client_(std::move(client)), request_(request), in_(std::move(in)), progress_("import", request.progress) {
        struct stat status{};
        if (::fstat(in_.get(), &status) == 0 && S_ISREG(status.st_mode)) size_ = static_cast<double>(status.st_size);
    }

    int run() {
        const auto done = copy();
        const bool complete = done && interrupted() == 0;
        progress_.finish(records_, complete ? 1 : part());
        if (complete) {
            fmt::print(stderr, "{} records\n", records_);
            return exit_ok;
        }
        report(done ? "interrupted" : done.error());
        explain_how_to_go_on();
        return done ? exit_interrupted() : exit_failure;
    }

private:
    struct Entry {
        std::string json;
        std::uint64_t line;
    };

    // The error is a sentence, with the number of the offending line if there is one.
    Expected<void, std::string> copy() {
        LineReader lines(in_.get());
        std::string line;
        for (;;) {
            const auto step = lines.next(line);
            if (step == LineReader::Step::end || step == LineReader::Step::interrupted) break;
            if (step == LineReader::Step::failed) {
                return fail(fmt::format("cannot read {}: {}", request_.file, std::generic_category().message(errno)));
            }
            ++line_;
            if (step == LineReader::Step::too_long) return stop_at_line("is longer than 16 MiB");
            read_ = static_cast<double>(lines.offset());
            if (line_ < request_.from_line || line.find_first_not_of(" \t\r") == std::string::npos) continue;
            auto entry = entry_of(document_, line);
            if (!entry) return stop_at_line(entry.error());
            if (entries_.size() == batch_records_max || bytes_ + entry->size() > batch_bytes_max) TRY_VOID(flush());
            if (interrupted() != 0) break;
            bytes_ += entry->size();
            entries_.push_back({*std::move(entry), line_});
        }
        return interrupted() == 0 ? flush() : Expected<void, std::string>();
    }

    // Puts the lines before the bad line, so that the next import can start with the bad line.
    Expected<void, std::string> stop_at_line(std::string_view fault) {
        const std::uint64_t bad = line_;
        TRY_VOID(flush());
        if (interrupted() != 0) return {};  // perhaps before the batch was sent
        next_line_ = bad;
        return fail(fmt::format("line {} {}", bad, fault));
    }

    // Repeats until every record of the batch is in the stream. Records that fail alone are sent again, and so come
    // after the records that did not fail.
    Expected<void, std::string> flush() {
        if (entries_.empty()) return {};
        next_line_ = entries_.front().line;
        last_line_ = entries_.back().line;
        core::SystemRng rng;
        core::Backoff backoff = call_backoff();
        for (int attempt = 1; !entries_.empty(); ++attempt) {
            if (attempt > 1) sleep_ms(static_cast<int>(backoff.next_ms(rng)));
            if (interrupted() != 0) return {};
            if (attempt > attempts_max) {
                return fail(fmt::format("{} records were refused again and again", entries_.size()));
            }
            const auto reply = client_.call_patiently("PutRecords", request_body());
            if (!reply) return fail(describe(reply.error()));
            TRY_VOID(keep_failed(*reply));
        }
        bytes_ = 0;
        is_split_ = false;
        next_line_ = last_line_ + 1;
        progress_.show(records_, part());
        return {};
    }

    [[nodiscard]] std::string request_body() const {
        std::string body = fmt::format(R"({{"StreamName":{},"Records":[)", json_quoted(request_.stream));
        for (const Entry& entry : entries_) {
            if (&entry != &entries_.front()) body += ',';
            body += entry.json;
        }
        return body + "]}";
    }

    std::string describe(const CallError& error) {
        // Without a reply it is unknown whether the sent records are in the stream.
        if (error.may_have_acted) is_split_ = true;
        const auto blamed = blamed_entry(error.message);
        if (!blamed || *blamed >= entries_.size()) return error.describe();
        return fmt::format("line {} was refused: {}", entries_[*blamed].line, error.describe());
    }

    Expected<void, std::string> keep_failed(const std::string& reply) {
        std::vector<Entry> failed;
        std::size_t answered = 0;
        if (document_.parse(wire::Format::json, reply)) {
            const Nodes nodes = document_.nodes();
            each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
                if (key != "Records") return;
                for (std::size_t i = value + 1; i < node_after(nodes, value); i = node_after(nodes, i), ++answered) {
                    if (answered < entries_.size() && !text_member(nodes, i, "ErrorCode").empty()) {
                        failed.push_back(std::move(entries_[answered]));
                    }
                }
            });
        }
        // For example a proxy's error page. It is unknown which records are in the stream.
        if (answered != entries_.size()) {
            is_split_ = true;
            return fail("the reply does not answer for each record: is this a Kinesis endpoint?");
        }
        if (failed.size() < entries_.size()) is_split_ = true;
        records_ += entries_.size() - failed.size();
        entries_ = std::move(failed);
        return {};
    }

    void explain_how_to_go_on() const {
        if (next_line_ > 1) fmt::print(stderr, "lines 1 to {} are in the stream", next_line_ - 1);
        if (is_split_) {
            fmt::print(stderr, "{}of lines {} to {} some may be, and going on puts them once more",
                       next_line_ > 1 ? "; " : "", next_line_, last_line_);
        }
        if (next_line_ == 1 && !is_split_) fmt::print(stderr, "nothing is in the stream");
        fmt::print(stderr, "\nto go on: riacho import {} {} --from-line {}\n", request_.stream,
                   request_.file == "-" ? "< the same lines" : request_.file, next_line_);
    }

    [[nodiscard]] double part() const { return size_ > 0 ? read_ / size_ : 0; }

    KinesisClient client_;
    const ImportRequest& request_;
    Descriptor in_;
    Progress progress_;
    wire::Document document_;
    std::vector<Entry> entries_;
    std::size_t bytes_ = 0;
    std::uint64_t line_ = 0;                        // number of the last line read
    std::uint64_t next_line_ = request_.from_line;  // all lines before it are in the stream
    std::uint64_t last_line_ = 0;                   // of the batch in progress
    bool is_split_ = false;                         // the batch in progress is, or may be, in the stream in part
    std::uint64_t records_ = 0;
    double read_ = 0;
    double size_ = 0;
};

}  // namespace

int import_records(const ImportRequest& request) {
    auto endpoint = resolve_endpoint(request.client);
    if (!endpoint) {
        report(endpoint.error());
        return exit_usage;
    }
    auto in = open_input(request.file);
    if (!in) return report(in.error());
    watch_interrupts();
    return Importer(KinesisClient(*std::move(endpoint)), request, *std::move(in)).run();
}

}  // namespace riacho::cli
