// `riacho import`: puts JSON lines into a stream of any endpoint of the Kinesis API. A line needs PartitionKey and Data
// (base64); ExplicitHashKey is used; other members are ignored.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <system_error>

#include "base/base64.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/kinesis_client.h"
#include "cli/progress.h"
#include "cli/put_batch.h"

namespace riacho::cli {
namespace {

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
    return put_entry(key, data->view(), hash == nullptr ? std::nullopt : std::optional(hash->view()));
}

class Importer {
public:
    Importer(KinesisClient client, const ImportRequest& request, Descriptor in)
        : client_(std::move(client)),
          request_(request),
          in_(std::move(in)),
          batch_(client_, request.stream),
          progress_("import", request.progress) {
        struct stat status{};
        if (::fstat(in_.get(), &status) == 0 && S_ISREG(status.st_mode)) size_ = static_cast<double>(status.st_size);
    }

    int run() {
        const auto done = copy();
        const bool complete = done && interrupted() == 0;
        progress_.finish(batch_.records(), complete && size_ > 0 ? 1 : part());
        if (complete) {
            fmt::print(stderr, "{}\n", count_of(batch_.records(), "record"));
            return exit_ok;
        }
        report(done ? "interrupted" : done.error());
        explain_how_to_go_on();
        return done ? exit_interrupted() : exit_failure;
    }

private:
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
            if (line_ == request_.from_line) progress_.begin_at(0, part());
            if (line_ < request_.from_line || line.find_first_not_of(" \t\r") == std::string::npos) continue;
            auto entry = entry_of(document_, line);
            if (!entry) return stop_at_line(entry.error());
            if (!batch_.has_room_for(entry->size())) TRY_VOID(flush());
            if (interrupted() != 0) break;
            if (batch_.empty()) next_line_ = line_;
            last_line_ = line_;
            batch_.add(*std::move(entry), line_);
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

    Expected<void, std::string> flush() {
        if (batch_.empty()) return {};
        TRY_VOID(batch_.send());
        if (!batch_.empty()) return {};  // interrupted
        next_line_ = last_line_ + 1;
        progress_.show(batch_.records(), part());
        return {};
    }

    void explain_how_to_go_on() const {
        if (next_line_ == 2) fmt::print(stderr, "line 1 is in the stream");
        if (next_line_ > 2) fmt::print(stderr, "lines 1 to {} are in the stream", next_line_ - 1);
        if (batch_.is_split()) {
            const std::string lines = next_line_ == last_line_
                                          ? fmt::format("line {} may be", next_line_)
                                          : fmt::format("of lines {} to {} some may be", next_line_, last_line_);
            fmt::print(stderr, "{}{}, and going on puts them once more", next_line_ > 1 ? "; " : "", lines);
        }
        if (next_line_ == 1 && !batch_.is_split()) {
            fmt::print(stderr, "no line was taken\n");
            return;
        }
        fmt::print(stderr, "\nto go on: riacho import {} {} --from-line {}\n", request_.stream,
                   request_.file == "-" ? "< the same lines" : request_.file, next_line_);
    }

    [[nodiscard]] double part() const { return size_ > 0 ? read_ / size_ : -1; }

    KinesisClient client_;
    const ImportRequest& request_;
    Descriptor in_;
    PutBatch batch_;
    Progress progress_;
    wire::Document document_;
    std::uint64_t line_ = 0;                        // number of the last line read
    std::uint64_t next_line_ = request_.from_line;  // all lines before it are in the stream
    std::uint64_t last_line_ = 0;                   // of the batch in progress
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
