#include "cli/put_batch.h"

#include <fmt/format.h>

#include <charconv>

#include "base/try.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "core/rng.h"

namespace riacho::cli {
namespace {

constexpr std::size_t batch_records_max = 500;
constexpr std::size_t batch_bytes_max = std::size_t{8} << 20;  // of JSON text: some 6 MiB of data

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

}  // namespace

std::string put_entry(std::string_view partition_key, std::string_view data,
                      const std::optional<std::string_view>& hash_key) {
    return fmt::format(R"({{"PartitionKey":{},"Data":"{}"{}}})", json_quoted(partition_key), data,
                       hash_key ? fmt::format(R"(,"ExplicitHashKey":{})", json_quoted(*hash_key)) : "");
}

bool PutBatch::has_room_for(std::size_t entry_size) const {
    return entries_.empty() || (entries_.size() < batch_records_max && bytes_ + entry_size <= batch_bytes_max);
}

void PutBatch::add(std::string entry, std::uint64_t number) {
    bytes_ += entry.size();
    entries_.push_back({std::move(entry), number});
}

Expected<void, std::string> PutBatch::send() {
    core::SystemRng rng;
    core::Backoff backoff = call_backoff();
    for (int attempt = 1; !entries_.empty(); ++attempt) {
        if (attempt > 1) sleep_ms(static_cast<int>(backoff.next_ms(rng)));
        if (interrupted() != 0) return {};
        if (attempt > attempts_max) {
            return fail(
                fmt::format("{} refused again and again",
                            entries_.size() == 1 ? "1 record was" : fmt::format("{} records were", entries_.size())));
        }
        const auto reply = client_.call_patiently("PutRecords", request_body());
        if (!reply) return fail(describe(reply.error()));
        TRY_VOID(keep_failed(*reply));
    }
    bytes_ = 0;
    is_split_ = false;
    return {};
}

std::string PutBatch::request_body() const {
    std::string body = fmt::format(R"({{"StreamName":{},"Records":[)", json_quoted(stream_));
    for (const Entry& entry : entries_) {
        if (&entry != &entries_.front()) body += ',';
        body += entry.json;
    }
    return body + "]}";
}

std::string PutBatch::describe(const CallError& error) {
    // Without a reply it is unknown whether the sent records are in the stream.
    if (error.may_have_acted) is_split_ = true;
    const auto blamed = blamed_entry(error.message);
    if (!blamed || *blamed >= entries_.size()) return error.describe();
    return fmt::format("{} {} was refused: {}", noun_, entries_[*blamed].number, error.describe());
}

Expected<void, std::string> PutBatch::keep_failed(const std::string& reply) {
    std::vector<Entry> failed;
    std::size_t answered = 0;
    if (document_.parse(wire::Format::json, reply)) {
        const Nodes nodes = document_.nodes();
        each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
            if (key != "Records") return;
            for (std::size_t i = value + 1; i < node_after(nodes, value); i = node_after(nodes, i), ++answered) {
                if (answered >= entries_.size()) continue;
                if (!text_member(nodes, i, "ErrorCode").empty()) {
                    failed.push_back(std::move(entries_[answered]));
                } else if (on_put_) {
                    on_put_(text_member(nodes, i, "ShardId"), text_member(nodes, i, "SequenceNumber"));
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

}  // namespace riacho::cli
