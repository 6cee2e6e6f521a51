// PutMediaSession: one PutMedia call, which receives media and sends acknowledgements.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/streaming.h"
#include "core/alarm.h"
#include "core/memory_budget.h"
#include "media/fragment_rules.h"
#include "video/metrics.h"
#include "video/stream_home.h"

namespace riacho::video {

// The parameters in the head of the request.
struct PutMediaHead {
    media::TimecodeType timecode_type = media::TimecodeType::absolute;
    std::int64_t start_ms = 0;
    bool acknowledge = true;  // false: ERROR is the only acknowledgement sent
};

// Three coroutines on the core of the connection: one reads the body and splits it into fragments, one stores them in
// their order, one writes the acknowledgements. A fragment is acknowledged as PERSISTED when it is durable and visible
// to every lookup. Bounded: the body is not read while too much waits to be stored or acknowledged, so that TCP slows
// the producer down.
class PutMediaSession final : public media::RuleSink {
public:
    PutMediaSession(core::Core& core, Service& service, std::shared_ptr<StreamHome> home,
                    std::shared_ptr<Writer> writer, std::shared_ptr<StreamCounters> counters, PutMediaHead head,
                    aws::BodyReader& body);
    ~PutMediaSession() override;
    PutMediaSession(const PutMediaSession&) = delete;
    PutMediaSession& operator=(const PutMediaSession&) = delete;

    // Returns when the reply is complete.
    Task<void> run(aws::BodyWriter& out);

    void header(ByteSpan block, const media::HeaderInfo& info) override;
    void cluster(std::uint64_t at) override;
    void begin(std::uint64_t raw_timecode, std::int64_t producer_ms) override;
    void end(std::uint64_t at, const media::FragmentFacts& facts) override;
    void error(media::AckError error, bool fragment_open) override;

private:
    // A call of the rules for a piece of the body, carried out after the whole piece was parsed.
    struct Event {
        enum class Kind : std::uint8_t { cluster, begin, end, error };
        Kind kind = Kind::cluster;
        std::uint64_t at = 0;
        std::uint64_t raw_timecode = 0;
        std::int64_t producer_ms = 0;
        media::FragmentFacts facts;
        media::AckError error = media::AckError::internal_error;
    };
    // Bytes that wait to be stored, and the memory taken for them.
    struct Part {
        Pieces bytes;
        core::MemoryLease memory;
    };
    struct OpenFragment {
        StreamHome::Begun begun;
        std::uint64_t cluster_at = 0;  // offset in the body
        std::uint64_t raw_timecode = 0;
        std::int64_t producer_ms = 0;
        std::uint16_t chunks_cut = 0;
        std::uint32_t chunk_crc = 0;        // of the parts that were split off
        std::uint64_t chunk_bytes = 0;      // of those
        std::vector<std::uint64_t> chunks;  // numbers of the chunk records, once stored
        MonotonicNs started;                // arrival of its first byte
        bool is_begun = false;
    };
    using FragmentPointer = std::shared_ptr<OpenFragment>;
    struct Job {
        FragmentPointer fragment;
        Part part;
        std::uint16_t index = 0;
        std::optional<Closing> closing;  // absent: a chunk
        MonotonicNs received;
    };
    // A piece of the body, preceded by the bytes that the parser had held back.
    struct Window {
        std::uint64_t start = 0;  // offset of the first byte
        ByteSpan held;
        ByteSpan piece;
    };

    Task<void> read_body(const aws::BodyWriter& out);
    // False: the body is not read any further.
    Task<bool> take_piece(ByteSpan piece);
    Task<bool> act(Window window);
    // Waits until another fragment may begin.
    Task<bool> pace();
    Task<bool> begin_fragment(Event event);
    Task<bool> end_fragment(Window window, Event event);
    // The bytes up to that offset belong to the open fragment.
    Task<bool> keep_through(Window window, std::uint64_t end);
    Task<bool> keep(ByteSpan bytes);
    Task<bool> make_room();
    // False: there was no memory for so long that the call ends.
    Task<bool> wait_for_memory(core::MemoryLease* lease, std::size_t bytes);
    void cut_chunk();
    void give_up_fragment();
    void fail_with(media::AckError error);
    [[nodiscard]] std::optional<media::AckError> reason_to_stop() const;
    [[nodiscard]] bool is_behind() const;
    // Whether a wait within a piece of the body ends, because the rest of the piece is not needed.
    [[nodiscard]] bool is_over() const;

    Task<void> store();
    Task<bool> store_one(Job& job);
    void acknowledge(std::string_view type, const OpenFragment& fragment);
    void push_ack(std::string text);
    Task<void> write_acks(aws::BodyWriter& out);

    core::Core& core_;
    Service& service_;
    const std::shared_ptr<StreamHome> home_;
    const std::shared_ptr<Writer> writer_;
    const std::shared_ptr<StreamCounters> counters_;
    const PutMediaHead head_;
    aws::BodyReader& body_;
    const MonotonicNs started_;
    media::FragmentSplitter splitter_;

    const aws::BodyWriter* out_ = nullptr;
    std::vector<std::byte> header_;
    core::MemoryLease header_memory_;
    std::int64_t fragment_due_ns_ = 0;  // see pace()
    std::uint64_t config_id_ = 0;
    std::vector<Event> events_;
    FragmentPointer open_;                    // from cluster() to end()
    Part part_;                               // its bytes that are not split off yet
    std::uint64_t next_ = 0;                  // offset of the next byte to keep
    std::optional<media::AckError> failure_;  // the error that ends the call
    FragmentPointer failed_in_;               // the fragment that was open then

    std::deque<Job> jobs_;
    std::size_t job_bytes_ = 0;
    std::size_t closings_ = 0;  // number of closings among the jobs, including the one in progress
    bool no_more_jobs_ = false;
    core::Alarm job_alarm_;   // there are jobs, or no more will follow
    core::Alarm room_alarm_;  // fewer jobs or acknowledgements wait

    std::deque<std::string> acks_;
    bool no_more_acks_ = false;
    bool client_gone_ = false;
    core::Alarm ack_alarm_;
};

}  // namespace riacho::video
