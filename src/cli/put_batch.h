// PutBatch: records on their way into a stream, up to what one PutRecords call takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/kinesis_client.h"
#include "wire/document.h"

namespace riacho::cli {

// The JSON text of a record of PutRecords. data: base64.
std::string put_entry(std::string_view partition_key, std::string_view data,
                      const std::optional<std::string_view>& hash_key);

class PutBatch {
public:
    // The client outlives the batch.
    PutBatch(KinesisClient& client, std::string stream) : client_(client), stream_(std::move(stream)) {}

    [[nodiscard]] bool has_room_for(std::size_t entry_size) const;
    // number: where the record comes from, for messages: the number of its line, or what name_entries() says.
    void add(std::string entry, std::uint64_t number);
    // Repeats until every record is in the stream; records that fail alone are sent again, and so come after those that
    // did not. Ends without an error, with records left, when a signal comes. The error is a sentence.
    Expected<void, std::string> send();

    // Messages call the entries so: "record" 3 instead of "line" 3.
    void name_entries(std::string noun) { noun_ = std::move(noun); }

    [[nodiscard]] bool empty() const { return entries_.empty(); }
    // Some of the records are in the stream, or may be, and some are not.
    [[nodiscard]] bool is_split() const { return is_split_; }
    // Records that this object has put into the stream.
    [[nodiscard]] std::uint64_t records() const { return records_; }
    // Called with shard id and sequence number of each record that is in the stream.
    void on_put(std::function<void(std::string_view shard, std::string_view number)> callback) {
        on_put_ = std::move(callback);
    }

private:
    struct Entry {
        std::string json;
        std::uint64_t number;
    };
    [[nodiscard]] std::string request_body() const;
    std::string describe(const CallError& error);
    Expected<void, std::string> keep_failed(const std::string& reply);

    KinesisClient& client_;
    std::string stream_;
    std::string noun_ = "line";
    std::function<void(std::string_view, std::string_view)> on_put_;
    wire::Document document_;
    std::vector<Entry> entries_;
    std::size_t bytes_ = 0;
    bool is_split_ = false;
    std::uint64_t records_ = 0;
};

}  // namespace riacho::cli
