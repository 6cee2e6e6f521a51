// Output: what an application sends. Rows of one in-application stream go to one destination, in their order, until it
// has them.
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
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "ports/record_sink.h"
#include "ports/stream_directory.h"

namespace riacho::analytics {

// Rows as their destination gets them. Ordinals count the rows of their stream.
struct EncodedRows {
    std::uint64_t first_ordinal = 0;
    std::string bytes;
    std::vector<std::uint32_t> ends;  // of each row in bytes
};

// What metrics and log lines show; written on the application's core, read anywhere.
struct OutputCounters {
    std::string id;
    std::string stream;
    std::atomic<std::uint64_t> records{0};
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> attempts{0};
    std::atomic<std::uint64_t> failed_attempts{0};
    std::atomic<std::uint64_t> too_large{0};  // rows that the destination does not take; they are left out
};

// The partition key of a row is a UUID (version 8) made from these and its ordinal: whoever reads the destination can
// tell a row that was sent twice.
struct RowIdentity {
    std::uint64_t application_uid = 0;
    std::uint64_t run = 0;
    std::uint64_t version = 0;  // other code makes other rows
    std::uint64_t seed = 0;     // of the state that counts the ordinals
};

// On one core.
class Output {
public:
    // Finds the destination; again at each attempt after it was gone.
    using FindSink = std::function<std::shared_ptr<ports::RecordSink>()>;
    // `moved` is called on the core when rows were delivered; `failing` with what is wrong, once until it is well
    // again.
    Output(core::Core& core, core::Rng& rng, const OutputSettings& settings, FindSink find_sink,
           std::function<void()> moved, std::function<void(std::string_view)> failing);
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    void start();
    // Ends delivery, after a request that is under way.
    Task<void> stop();

    void add(EncodedRows rows);
    // No further rows should be made before some have left.
    [[nodiscard]] bool is_full() const { return queued_rows_ >= rows_max || queued_bytes_ >= bytes_max; }
    // Of rows that wait.
    [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }
    [[nodiscard]] bool is_empty() const { return queue_.empty(); }
    // Rows before this ordinal are at the destination.
    [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
    // Begins with a state in which this is the next ordinal. Before anything is added.
    void begin_at(const RowIdentity& identity, std::uint64_t ordinal);
    // The ordinal after the last row that was added.
    [[nodiscard]] std::uint64_t added() const { return added_; }

    [[nodiscard]] std::shared_ptr<const OutputCounters> counters() const { return counters_; }

    static constexpr std::size_t rows_max = 10'000;
    static constexpr std::size_t bytes_max = 8 << 20;

private:
    struct Parts;
    struct Pending;
    Task<void> run();
    Task<bool> send(std::vector<Pending>& pending);

    core::Core& core_;
    core::Rng& rng_;
    const FindSink find_sink_;
    const std::function<void()> moved_;
    const std::function<void(std::string_view)> failing_;
    std::uint64_t key_high_ = 0;
    std::uint64_t key_low_ = 0;
    const std::unique_ptr<Parts> parts_;
    const std::shared_ptr<OutputCounters> counters_;
    std::shared_ptr<ports::RecordSink> sink_;
    std::deque<EncodedRows> queue_;
    std::size_t front_at_ = 0;  // rows of the first batch that were delivered
    std::size_t queued_rows_ = 0;
    std::size_t queued_bytes_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t added_ = 0;
    bool is_failing_ = false;
    bool stopping_ = false;
};

// The key of a row, as a UUID in its usual text: 36 characters.
std::string row_key(std::uint64_t key_high, std::uint64_t key_low, std::uint64_t ordinal);

}  // namespace riacho::analytics
