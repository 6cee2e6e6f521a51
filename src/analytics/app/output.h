// Output: delivers the rows of one in-application stream to one destination, in their order.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/model.h"
#include "base/u128.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "ports/record_sink.h"
#include "ports/stream_directory.h"

namespace riacho::analytics {

// The partition keys of an output's rows, by their ordinals: UUIDs (version 8) in their usual text.
class RowKeys {
public:
    static constexpr std::size_t size = 36;
    RowKeys() = default;
    RowKeys(std::uint64_t high, std::uint64_t low) : high_(high), low_(low) {}
    // Writes `size` characters.
    void write(std::uint64_t ordinal, char* out) const;

private:
    std::uint64_t high_ = 0;
    std::uint64_t low_ = 0;
};

// Rows in the form of their destination, with their keys. Ordinals count the rows of their stream.
struct EncodedRows {
    std::uint64_t first_ordinal = 0;
    std::string bytes;
    std::vector<std::uint32_t> ends;  // end of each row in bytes
    std::string keys;                 // RowKeys::size characters each
    std::vector<U128> hash_keys;      // of the keys, for a destination with shards

    // Called on the thread that encodes the rows, not on a core.
    void make_keys(const RowKeys& of, bool has_shards);
    [[nodiscard]] std::size_t size() const { return bytes.size() + ends.size() * row_overhead; }
    static constexpr std::size_t row_overhead = RowKeys::size + sizeof(U128) + sizeof(std::uint32_t);
    [[nodiscard]] std::string_view row(std::size_t at) const {
        const std::size_t begin = at == 0 ? 0 : ends[at - 1];
        return std::string_view(bytes).substr(begin, ends[at] - begin);
    }
    [[nodiscard]] std::string_view key(std::size_t at) const {
        return std::string_view(keys).substr(at * RowKeys::size, RowKeys::size);
    }
};

// Metrics of an output; written on the application's core, read anywhere.
struct OutputCounters {
    std::string id;
    std::string stream;
    std::atomic<std::uint64_t> records{0};
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> attempts{0};
    std::atomic<std::uint64_t> failed_attempts{0};
    std::atomic<std::uint64_t> too_large{0};  // rows above the destination's record size; they are dropped
};

// The partition key of a row is a UUID (version 8) made from these and its ordinal: readers of the destination can
// recognise a row that was sent twice.
struct RowIdentity {
    std::uint64_t application_uid = 0;
    std::uint64_t run = 0;
    std::uint64_t version = 0;  // another version of the code makes other rows
    std::uint64_t seed = 0;     // of the state in which ordinals are counted
};

// Used on one core.
class Output {
public:
    // Finds the destination; called again by each attempt after it was missing.
    using FindSink = std::function<std::shared_ptr<ports::RecordSink>()>;
    // `moved` is called on the core when rows were delivered; `failing` with the cause of a failure, once until
    // delivery works again.
    Output(core::Core& core, core::Rng& rng, const OutputSettings& settings, FindSink find_sink,
           std::function<void()> moved, std::function<void(std::string_view)> failing);
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    void start();
    // Ends delivery, after the request in progress.
    Task<void> stop();

    void add(EncodedRows rows);
    // No further rows should be made before some were delivered.
    [[nodiscard]] bool is_full() const { return queued_rows_ >= rows_max || queued_bytes_ >= bytes_max; }
    // Size of undelivered rows.
    [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }
    [[nodiscard]] bool is_empty() const { return queue_.empty(); }
    // All rows before this ordinal were delivered.
    [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
    // Sets the next ordinal of a restored state. Called before rows are added.
    void begin_at(const RowIdentity& identity, std::uint64_t ordinal);
    // Valid after begin_at(), which is not called while another thread uses them.
    [[nodiscard]] const RowKeys& keys() const { return keys_; }
    // The ordinal after the last row that was added.
    [[nodiscard]] std::uint64_t added() const { return added_; }

    [[nodiscard]] std::shared_ptr<const OutputCounters> counters() const { return counters_; }

    static constexpr std::size_t rows_max = 10'000;
    static constexpr std::size_t bytes_max = 8 << 20;

private:
    struct Parts;
    Task<void> run();
    Task<bool> send(std::vector<ports::RecordToSend> pending);
    void forget(std::size_t count, std::size_t bytes);

    core::Core& core_;
    core::Rng& rng_;
    const FindSink find_sink_;
    const std::function<void()> moved_;
    const std::function<void(std::string_view)> failing_;
    RowKeys keys_;
    const std::unique_ptr<Parts> parts_;
    const std::shared_ptr<OutputCounters> counters_;
    std::shared_ptr<ports::RecordSink> sink_;
    std::deque<EncodedRows> queue_;
    std::size_t front_at_ = 0;  // number of delivered rows of the first batch
    std::size_t queued_rows_ = 0;
    std::size_t queued_bytes_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t added_ = 0;
    bool is_failing_ = false;
    bool stopping_ = false;
};

}  // namespace riacho::analytics
