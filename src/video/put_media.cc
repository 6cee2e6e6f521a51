#include "video/put_media.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/clock.h"
#include "core/task.h"
#include "core/task_group.h"
#include "core/timer.h"
#include "media/ack_error.h"
#include "video/service.h"
#include "video/stream_homes.h"

namespace riacho::video {

using media::AckError;

namespace {

// The interval at which a session without new bytes checks its limits.
constexpr std::int64_t look_ms = 1'000;
// AWS: an IDLE acknowledgement from time to time while no media arrive (video spec 3.3).
constexpr std::int64_t idle_ack_ms = 5'000;
// The time for which an open fragment may continue when the server stops.
constexpr std::int64_t stop_grace_ms = 5'000;
// A call at its time limit ends with its fragment, or at the latest after this time.
constexpr std::int64_t age_grace_ms = 20'000;
// The bytes waiting to be stored at which the body is no longer read.
constexpr std::size_t job_bytes_max = std::size_t{4} << 20;
constexpr std::size_t closings_max = 8;
constexpr std::size_t acks_max = 64;
// AWS: five fragments a second (video spec 1.7). More are accepted, but no faster than this after a burst.
constexpr std::int64_t fragment_gap_ns = 1'000'000'000 / 50;
// The header block and the beginning of the Cluster must fit into one record.
constexpr media::MkvLimits mkv_limits{.header_size_max = part_size_max - (64U << 10)};
// The longest wait for memory.
constexpr std::int64_t memory_wait_ms = 20'000;
constexpr std::int64_t memory_step_ms = 50;
// When memory is short, parts of this size are stored early, so that their memory becomes free.
constexpr std::size_t early_part_size = Pieces::block_size;
// Pauses after a write that the log refused as overloaded.
constexpr std::int64_t retry_ms[] = {50, 200, 800};

ByteSpan part_of(ByteSpan bytes, std::uint64_t start, std::uint64_t from, std::uint64_t to) {
    const std::uint64_t end = start + bytes.size();
    from = std::clamp(from, start, end);
    to = std::clamp(to, from, end);
    return bytes.subspan(from - start, to - from);
}

}  // namespace

PutMediaSession::PutMediaSession(core::Core& core, Service& service, std::shared_ptr<StreamHome> home,
                                 std::shared_ptr<Writer> writer, std::shared_ptr<StreamCounters> counters,
                                 PutMediaHead head, aws::BodyReader& body)
    : core_(core),
      service_(service),
      home_(std::move(home)),
      writer_(std::move(writer)),
      counters_(std::move(counters)),
      head_(head),
      body_(body),
      started_(service.clock.monotonic()),
      splitter_(mkv_limits, {}, head.timecode_type, head.start_ms, *this),
      job_alarm_(core),
      room_alarm_(core),
      ack_alarm_(core) {
    ++service_.homes.sessions;
    ++counters_->put_connections;
    part_.memory = core::MemoryLease(service_.memory, core::MemoryUse::media);
    header_memory_ = core::MemoryLease(service_.memory, core::MemoryUse::media);
}

PutMediaSession::~PutMediaSession() {
    home_->leave(writer_);
    --counters_->put_connections;
    --service_.homes.sessions;
}

void PutMediaSession::header(ByteSpan block, const media::HeaderInfo& info) {
    header_.assign(block.begin(), block.end());
    config_id_ = media::config_id(info);
}

void PutMediaSession::cluster(std::uint64_t at) { events_.push_back({.kind = Event::Kind::cluster, .at = at}); }

void PutMediaSession::begin(std::uint64_t raw_timecode, std::int64_t producer_ms) {
    events_.push_back({.kind = Event::Kind::begin, .raw_timecode = raw_timecode, .producer_ms = producer_ms});
}

void PutMediaSession::end(std::uint64_t at, const media::FragmentFacts& facts) {
    events_.push_back({.kind = Event::Kind::end, .at = at, .facts = facts});
}

void PutMediaSession::error(AckError error, bool) { events_.push_back({.kind = Event::Kind::error, .error = error}); }

Task<void> PutMediaSession::run(aws::BodyWriter& out) {
    out_ = &out;
    core::TaskGroup storing(core_);
    core::TaskGroup writing(core_);
    storing.spawn([this] { return store(); });
    writing.spawn([this, &out] { return write_acks(out); });
    co_await read_body(out);
    give_up_fragment();
    no_more_jobs_ = true;
    job_alarm_.wake();
    co_await storing.join();
    if (failure_) {
        ++counters_->error_acks;
        std::string text = R"({"EventType":"ERROR",)";
        if (failed_in_ != nullptr && failed_in_->is_begun) {
            const media::FragmentNumber number{failed_in_->begun.sequence,
                                               static_cast<std::uint64_t>(failed_in_->begun.server_ms),
                                               failed_in_->begun.random};
            text += fmt::format(R"("FragmentTimecode":{},"FragmentNumber":"{}",)", failed_in_->raw_timecode,
                                to_text(number));
        }
        text += fmt::format("\"ErrorId\":{},\"ErrorCode\":\"{}\"}}\n", static_cast<int>(*failure_), to_text(*failure_));
        push_ack(std::move(text));
    } else if (!client_gone_) {
        ++counters_->put_succeeded;
    }
    no_more_acks_ = true;
    ack_alarm_.wake();
    co_await writing.join();
}

std::optional<AckError> PutMediaSession::reason_to_stop() const {
    if (home_->is_finished()) return AckError::stream_deleted;
    const std::int64_t age_max = service_.options.connection_ms_max;
    const std::int64_t age_ms = (service_.clock.monotonic().value() - started_.value()) / 1'000'000;
    if (age_max > 0 && age_ms > age_max + age_grace_ms) return AckError::max_connection_duration_reached;
    return std::nullopt;
}

// Whether too much waits to be stored or acknowledged.
bool PutMediaSession::is_behind() const {
    return job_bytes_ > job_bytes_max || closings_ > closings_max || acks_.size() > acks_max;
}

bool PutMediaSession::is_over() const {
    return failure_ || client_gone_ || writer_->must_end || home_->is_finished() || out_->stopping();
}

void PutMediaSession::fail_with(AckError error) {
    if (failure_) return;
    failure_ = error;
    failed_in_ = open_;
    room_alarm_.wake();
}

Task<void> PutMediaSession::read_body(const aws::BodyWriter& out) {
    std::int64_t quiet_ms = 0;
    std::optional<MonotonicNs> stopping_since;
    while (!failure_ && !client_gone_ && !writer_->must_end) {
        if (const auto reason = reason_to_stop()) {
            fail_with(*reason);
            break;
        }
        if (out.stopping()) {
            const MonotonicNs now = service_.clock.monotonic();
            if (!stopping_since) stopping_since = now;
            const bool is_late = now.value() - stopping_since->value() >= stop_grace_ms * 1'000'000;
            if (open_ == nullptr || !open_->is_begun || is_late) break;
        }
        if (is_behind()) {
            // the server, not the producer, caused the pause
            writer_->last_byte_ns = service_.clock.monotonic().value();
            co_await room_alarm_.sleep(look_ms);
            continue;
        }
        const aws::BodyPiece piece = co_await body_.read(look_ms);
        if (piece.kind == aws::BodyPiece::Kind::idle) {
            quiet_ms += look_ms;
            if (head_.acknowledge && quiet_ms % idle_ack_ms == 0) push_ack("{\"EventType\":\"IDLE\"}\n");
            continue;
        }
        if (piece.kind == aws::BodyPiece::Kind::broken) {
            // The producer has gone or was silent for too long: complete fragments are kept.
            if (quiet_ms < idle_ack_ms) ++counters_->put_connection_errors;
            break;
        }
        if (piece.kind == aws::BodyPiece::Kind::end) {
            splitter_.finish();
            Window nothing;
            nothing.start = splitter_.position();
            co_await act(nothing);
            break;
        }
        quiet_ms = 0;
        writer_->last_byte_ns = service_.clock.monotonic().value();
        counters_->incoming_bytes += piece.data.size();
        if (!co_await take_piece(as_bytes(piece.data))) break;
    }
}

Task<bool> PutMediaSession::take_piece(ByteSpan piece) {
    std::array<std::byte, media::MkvParser::held_size_max> held{};
    const ByteSpan before = splitter_.held();
    std::ranges::copy(before, held.begin());
    Window window;
    window.held = ByteSpan(held.data(), before.size());
    window.piece = piece;
    window.start = splitter_.position() - before.size();
    splitter_.feed(piece);
    if (!co_await act(window)) co_return false;
    if (open_ == nullptr) co_return true;
    co_return co_await keep_through(window, splitter_.position() - splitter_.held().size());
}

Task<bool> PutMediaSession::act(Window window) {
    std::vector<Event> events;
    events.swap(events_);
    for (const Event& event : events) {
        switch (event.kind) {
            case Event::Kind::cluster: {
                const std::int64_t age_max = service_.options.connection_ms_max;
                const std::int64_t age_ms = (service_.clock.monotonic().value() - started_.value()) / 1'000'000;
                if (age_max > 0 && age_ms > age_max) {
                    fail_with(AckError::max_connection_duration_reached);
                    co_return false;
                }
                // The parser has a second copy.
                if (!co_await wait_for_memory(&header_memory_, 2 * header_.size())) co_return false;
                if (!co_await pace()) co_return false;
                open_ = std::make_shared<OpenFragment>();
                open_->cluster_at = event.at;
                open_->started = service_.clock.monotonic();
                next_ = event.at;
                if (!co_await keep(header_)) co_return false;
                break;
            }
            case Event::Kind::begin:
                if (!co_await begin_fragment(event)) co_return false;
                break;
            case Event::Kind::end:
                if (!co_await end_fragment(window, event)) co_return false;
                break;
            case Event::Kind::error:
                fail_with(event.error);
                co_return false;
        }
    }
    co_return true;
}

// One piece of the body may hold thousands of fragments: each waits for room and for the rate limit.
Task<bool> PutMediaSession::pace() {
    while (is_behind() && !is_over()) {
        writer_->last_byte_ns = service_.clock.monotonic().value();
        co_await room_alarm_.sleep(look_ms);
    }
    const std::int64_t now = service_.clock.monotonic().value();
    fragment_due_ns_ = std::max(fragment_due_ns_, now - 1'000'000'000) + fragment_gap_ns;
    while (!is_over() && fragment_due_ns_ > service_.clock.monotonic().value()) {
        writer_->last_byte_ns = service_.clock.monotonic().value();
        const std::int64_t left_ms = (fragment_due_ns_ - service_.clock.monotonic().value()) / 1'000'000;
        co_await core::sleep(core_, std::clamp<std::int64_t>(left_ms, 1, look_ms));
    }
    if (home_->is_finished()) fail_with(AckError::stream_deleted);
    co_return !is_over();
}

Task<bool> PutMediaSession::begin_fragment(Event event) {
    auto begun = co_await home_->begin(core_);
    if (!begun) {
        switch (begun.error()) {
            case PutFault::deleted:
                fail_with(AckError::stream_deleted);
                break;
            case PutFault::not_active:
                fail_with(AckError::stream_not_active);
                break;
            case PutFault::unavailable:
            case PutFault::storage:
                fail_with(AckError::archival_error);
                break;
        }
        co_return false;
    }
    open_->begun = *std::move(begun);
    open_->raw_timecode = event.raw_timecode;
    open_->producer_ms = event.producer_ms;
    open_->is_begun = true;
    acknowledge("BUFFERING", *open_);
    service_.metrics.buffering_ack.record_ns(service_.clock.monotonic().value() - open_->started.value());
    co_return true;
}

Task<bool> PutMediaSession::end_fragment(Window window, Event event) {
    if (!co_await keep_through(window, event.at)) co_return false;
    // Bytes that were first taken for this fragment's may belong to the next one. Parts that were split off already
    // stay stored, but are not part of the fragment.
    if (next_ > event.at) {
        const std::uint64_t surplus = next_ - event.at;
        part_.bytes.truncate(part_.bytes.size() - std::min<std::uint64_t>(surplus, part_.bytes.size()));
    }
    const MonotonicNs received = service_.clock.monotonic();
    const media::FragmentFacts& facts = event.facts;
    Closing closing;
    closing.header_size = static_cast<std::uint32_t>(header_.size());
    closing.cluster_size = static_cast<std::uint32_t>(facts.cluster_end - open_->cluster_at);
    closing.trailing_size = static_cast<std::uint32_t>(event.at - facts.cluster_end);
    FragmentEntry& entry = closing.entry;
    entry.sequence = open_->begun.sequence;
    entry.server_ms = open_->begun.server_ms;
    entry.producer_ms = open_->producer_ms;
    entry.random = open_->begun.random;
    entry.key_start = facts.key_start;
    entry.late = home_->begin_to_end(entry.sequence);
    entry.image_tag = facts.image_tag;
    entry.notify_tag = facts.notify_tag;
    entry.size = closing.header_size + closing.cluster_size + closing.trailing_size;
    entry.span_ms = facts.span_ms;
    entry.duration_ms = facts.duration_ms;
    entry.config_id = config_id_;
    entry.video_bytes = facts.video_bytes;
    entry.video_frames = facts.video_frames;
    entry.audio_frames = facts.audio_frames;
    entry.crc = part_.bytes.crc(open_->chunk_crc);
    const FragmentPointer fragment = std::exchange(open_, nullptr);
    ++counters_->incoming_fragments;
    counters_->incoming_frames += std::uint64_t{facts.video_frames} + facts.audio_frames;
    if (fragment->begun.ring != nullptr) {
        // The rings of other streams may hold all of the rings' memory.
        bool kept = fragment->begun.ring->add(closing, part_.bytes);
        while (!kept && service_.homes.shrink_rings()) kept = fragment->begun.ring->add(closing, part_.bytes);
        home_->end(entry.sequence);
        part_.bytes.clear();
        part_.memory.shrink_to(0);
        if (!kept) {
            failed_in_ = fragment;
            failure_ = AckError::internal_error;
            co_return false;
        }
        acknowledge("RECEIVED", *fragment);
    } else {
        acknowledge("RECEIVED", *fragment);
        Job job;
        job.fragment = fragment;
        job.part = std::move(part_);
        job.closing = std::move(closing);
        job.received = received;
        part_ = Part{};
        part_.memory = core::MemoryLease(service_.memory, core::MemoryUse::media);
        job_bytes_ += job.part.bytes.size();
        ++closings_;
        jobs_.push_back(std::move(job));
        job_alarm_.wake();
    }
    service_.metrics.received_ack.record_ns(service_.clock.monotonic().value() - received.value());
    co_return true;
}

Task<bool> PutMediaSession::keep_through(Window window, std::uint64_t end) {
    if (end <= next_) co_return true;
    const std::uint64_t from = next_;
    next_ = end;
    const ByteSpan first = part_of(window.held, window.start, from, end);
    if (!first.empty() && !co_await keep(first)) co_return false;
    const ByteSpan second = part_of(window.piece, window.start + window.held.size(), from, end);
    co_return second.empty() || co_await keep(second);
}

Task<bool> PutMediaSession::keep(ByteSpan bytes) {
    while (!bytes.empty()) {
        const bool in_memory = open_->begun.ring != nullptr;
        if (!in_memory && part_.bytes.size() >= part_size_max) {
            if (!open_->is_begun || open_->chunks_cut == chunks_max) {
                fail_with(open_->is_begun ? AckError::internal_error : AckError::invalid_mkv_data);
                co_return false;
            }
            cut_chunk();
        }
        // Up to the end of a block, because memory is taken in blocks.
        std::size_t count = std::min(bytes.size(), Pieces::block_size - part_.bytes.size() % Pieces::block_size);
        if (!in_memory) count = std::min(count, part_size_max - part_.bytes.size());
        const std::size_t needed = round_up(part_.bytes.size() + count, Pieces::block_size);
        if (!part_.memory.grow_to(needed) && !co_await make_room()) co_return false;
        if (!part_.memory.grow_to(round_up(part_.bytes.size() + count, Pieces::block_size))) continue;
        part_.bytes.append(bytes.first(count));
        bytes = bytes.subspan(count);
    }
    co_return true;
}

// There is no memory for another block: the open part is stored early, and parts in storage free theirs.
Task<bool> PutMediaSession::make_room() {
    const bool can_cut = open_->is_begun && open_->begun.ring == nullptr && open_->chunks_cut < chunks_max;
    if (can_cut && part_.bytes.size() >= early_part_size && jobs_.empty()) cut_chunk();
    co_return co_await wait_for_memory(&part_.memory, part_.bytes.memory() + Pieces::block_size);
}

Task<bool> PutMediaSession::wait_for_memory(core::MemoryLease* lease, std::size_t bytes) {
    for (std::int64_t waited = 0; waited < memory_wait_ms; waited += memory_step_ms) {
        if (lease->grow_to(bytes)) co_return true;
        if (is_over()) co_return false;
        if (!service_.homes.shrink_rings()) co_await core::sleep(core_, memory_step_ms);
    }
    fail_with(AckError::internal_error);
    co_return false;
}

void PutMediaSession::cut_chunk() {
    Job job;
    job.fragment = open_;
    job.index = open_->chunks_cut++;
    open_->chunk_crc = part_.bytes.crc(open_->chunk_crc);
    open_->chunk_bytes += part_.bytes.size();
    job.part = std::move(part_);
    part_ = Part{};
    part_.memory = core::MemoryLease(service_.memory, core::MemoryUse::media);
    job_bytes_ += job.part.bytes.size();
    jobs_.push_back(std::move(job));
    job_alarm_.wake();
}

// The open fragment will not be completed.
void PutMediaSession::give_up_fragment() {
    if (open_ == nullptr) return;
    if (open_->is_begun) home_->end(open_->begun.sequence);
    counters_->orphan_bytes += open_->chunk_bytes;
    home_->note_orphans(open_->chunk_bytes);
    open_ = nullptr;
    part_.bytes.clear();
    part_.memory.shrink_to(0);
}

Task<void> PutMediaSession::store() {
    bool is_well = true;
    for (;;) {
        if (jobs_.empty()) {
            if (no_more_jobs_) break;
            co_await job_alarm_.sleep(60'000);
            continue;
        }
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        // After a fragment that could not be stored, no later one is: PERSISTED implies that all earlier ones are
        // stored.
        is_well = is_well && co_await store_one(job);
        job_bytes_ -= job.part.bytes.size();
        if (job.closing) {
            --closings_;
            home_->end(job.fragment->begun.sequence);
        }
        const auto archive = job.fragment->begun.archive;
        job = Job{};
        room_alarm_.wake();
        if (is_well) co_await archive->write_index(core_, Archive::Effort::if_open);
    }
}

Task<bool> PutMediaSession::store_one(Job& job) {
    Archive& archive = *job.fragment->begun.archive;
    log::LogError error{};
    for (std::size_t attempt = 0;; ++attempt) {
        if (job.closing) {
            Closing closing = *job.closing;
            closing.chunks = job.fragment->chunks;
            const auto stored = co_await archive.append_closing(core_, std::move(closing), job.part.bytes);
            if (stored) {
                acknowledge("PERSISTED", *job.fragment);
                service_.metrics.persisted_ack.record_ns(service_.clock.monotonic().value() - job.received.value());
                co_return true;
            }
            error = stored.error();
        } else {
            const auto stored =
                co_await archive.append_chunk(core_, job.fragment->begun.sequence, job.index, job.part.bytes);
            if (stored) {
                job.fragment->chunks.push_back(*stored);
                co_return true;
            }
            error = stored.error();
        }
        if (error != log::LogError::overloaded || attempt == std::size(retry_ms)) break;
        co_await core::sleep(core_, retry_ms[attempt]);
    }
    AckError told = AckError::archival_error;
    switch (error) {
        case log::LogError::overloaded:
        case log::LogError::disk_full:
        case log::LogError::poisoned:
        case log::LogError::corrupt:
        case log::LogError::shutting_down:
            break;
        case log::LogError::unknown_shard:
        case log::LogError::sealed:
            told = home_->fault_of_missing_shard() == PutFault::deleted ? AckError::stream_deleted
                                                                        : AckError::stream_not_active;
            break;
    }
    if (!failure_) {
        failure_ = told;
        failed_in_ = job.fragment;
    }
    co_return false;
}

void PutMediaSession::acknowledge(std::string_view type, const OpenFragment& fragment) {
    if (!head_.acknowledge) return;
    const media::FragmentNumber number{fragment.begun.sequence, static_cast<std::uint64_t>(fragment.begun.server_ms),
                                       fragment.begun.random};
    push_ack(fmt::format("{{\"EventType\":\"{}\",\"FragmentTimecode\":{},\"FragmentNumber\":\"{}\"}}\n", type,
                         fragment.raw_timecode, to_text(number)));
}

void PutMediaSession::push_ack(std::string text) {
    acks_.push_back(std::move(text));
    ack_alarm_.wake();
}

// AWS: each acknowledgement is an HTTP chunk of its own, as some producers parse chunks themselves (video spec 3.2).
Task<void> PutMediaSession::write_acks(aws::BodyWriter& out) {
    for (;;) {
        if (acks_.empty()) {
            if (no_more_acks_) co_return;
            co_await ack_alarm_.sleep(60'000);
            continue;
        }
        const std::string text = std::move(acks_.front());
        acks_.pop_front();
        room_alarm_.wake();
        if (client_gone_ || co_await out.write(text)) continue;
        client_gone_ = true;
    }
}

}  // namespace riacho::video
