#include "log/detail/reader.h"

#include <algorithm>
#include <utility>

namespace riacho::log::detail {
namespace {

// Frames of the tail, from the one that contains `from`, without those before the horizon, up to the limits or the next
// gap in the numbers.
std::vector<FramePtr> collect(const Shard& shard, SeqIx from, ReadLimits limits, TimestampMs horizon)
    REQUIRES(shard.mutex) {
    auto at = std::ranges::partition_point(
        shard.tail, [&](const FramePtr& frame) { return frame->next() <= from || frame->arrival() < horizon; });
    std::vector<FramePtr> frames;
    std::size_t records = 0;
    std::size_t bytes = 0;
    // Only a gap left by the horizon may be skipped; any other gap means lost records.
    const bool has_jumped = at != shard.tail.begin() && (*std::prev(at))->arrival() < horizon;
    for (SeqIx next = from; at != shard.tail.end(); next = (*at++)->next()) {
        if ((*at)->first() > next && !(frames.empty() && has_jumped)) break;
        frames.push_back(*at);
        // The first frame may be used in part only, so it does not count; one frame beyond the limits is included for
        // its arrival time.
        if (records > limits.records_max || bytes > limits.bytes_max) break;
        if (frames.size() > 1) {
            records += (*at)->record_count();
            bytes += (*at)->payload_bytes();
        }
    }
    return frames;
}

bool fits(const ReadResult& result, ReadLimits limits, std::size_t records, std::size_t bytes) {
    if (result.record_count == 0 && records == 1) return true;
    return result.record_count + records <= limits.records_max && result.payload_bytes + bytes <= limits.bytes_max;
}

// Adds part of a frame, record by record. False when the limits cut it.
bool select_part(const FramePtr& frame, ReadLimits limits, ReadResult& result) {
    FrameSlice slice;
    bool is_cut = false;
    const RecordRange range = frame->records();
    for (RecordIterator at = range.begin(); at != RecordRange::end(); ++at) {
        if (at->seq < result.next) continue;
        const std::size_t size = at->partition_key.size() + at->data.size();
        if (!fits(result, limits, 1, size)) {
            is_cut = true;
            break;
        }
        if (slice.count++ == 0) {
            slice.frame = frame;
            slice.at = at.position();
            slice.first = at->seq;
        }
        ++result.record_count;
        result.payload_bytes += size;
        result.next = at->seq.plus(1);
    }
    if (slice.count > 0) result.slices.push_back(std::move(slice));
    return !is_cut;
}

SeqIx first_available(const Shard& shard) {
    const MutexLock lock(shard.mutex);
    return shard.first_available;
}

}  // namespace

void select_records(const std::vector<FramePtr>& frames, ReadLimits limits, ReadResult& result) {
    limits.records_max = std::max<std::size_t>(limits.records_max, 1);
    for (const FramePtr& frame : frames) {
        // A gap here was left by the horizon.
        result.next = std::max(result.next, frame->first());
        const bool is_whole = result.next == frame->first();
        if (is_whole && fits(result, limits, frame->record_count(), frame->payload_bytes())) {
            result.slices.push_back({.frame = frame,
                                     .at = frame->records().begin().position(),
                                     .first = frame->first(),
                                     .count = frame->record_count()});
            result.record_count += frame->record_count();
            result.payload_bytes += frame->payload_bytes();
            result.next = frame->next();
        } else if (!select_part(frame, limits, result)) {
            result.next_arrival = frame->arrival();
            return;
        }
    }
}

TailRead read_tail(Shard& shard, SeqIx from, ReadLimits limits, TimestampMs horizon) {
    TailRead read;
    ReadResult result;
    std::vector<FramePtr> frames;
    SeqIx end;
    {
        const MutexLock lock(shard.mutex);
        if (shard.dropped) {
            read.answer = fail(LogError::unknown_shard);
            return read;
        }
        from = std::max(from, shard.first_available);
        end = shard.next;
        result.next = from;
        result.at_tip = from >= shard.next || shard.last_arrival < horizon;
        result.closed = shard.closed;
        if (result.at_tip) {
            result.next = std::max(from, shard.next);
            read.answer = std::move(result);
            return read;
        }
        const bool is_cached = !shard.tail.empty() && shard.tail.front()->first() <= from;
        if (!is_cached) {
            read.from = from;
            read.stop = shard.tail.empty() ? end : std::min(end, shard.tail.front()->first());
            return read;
        }
        frames = collect(shard, from, limits, horizon);
    }
    if (frames.empty()) {
        read.answer = fail(LogError::corrupt);
        return read;
    }
    select_records(frames, limits, result);
    result.at_tip = result.next >= end;
    result.closed = result.closed && result.at_tip;
    read.answer = std::move(result);
    return read;
}

Expected<ReadResult, LogError> read_cold(Store& store, Shard& shard, const TailRead& where, ReadLimits limits,
                                         TimestampMs horizon) {
    auto cold = store.segments.read(shard, where.from, where.stop, limits, horizon);
    if (!cold) {
        // Retention may have deleted the file meanwhile: then the read moved before the first available record and
        // there is no damage.
        const SeqIx first = first_available(shard);
        if (first <= where.from) return fail(store.report(shard, cold.error()));
        ReadResult moved;
        moved.next = first;
        return moved;
    }
    ReadResult result;
    result.next = where.from;
    select_records(cold->frames, limits, result);
    const bool is_complete = cold->frames.empty() || result.next == cold->frames.back()->next();
    if (is_complete) {
        result.next = cold->next;
        result.next_arrival = cold->next_arrival;
    }
    const MutexLock lock(shard.mutex);
    result.at_tip = result.next >= shard.next;
    result.closed = shard.closed && result.at_tip;
    if (result.at_tip) {
        result.next_arrival.reset();
    } else if (!result.next_arrival && !shard.tail.empty() && shard.tail.front()->first() == result.next) {
        result.next_arrival = shard.tail.front()->arrival();
    }
    if (!result.at_tip && !result.next_arrival && !result.slices.empty()) {
        result.next_arrival = result.slices.back().frame->arrival();
    }
    return result;
}

TailSearch search_tail(Shard& shard, TimestampMs at) {
    const MutexLock lock(shard.mutex);
    TailSearch search{.answer = {}, .from = shard.first_available, .stop = shard.next};
    if (shard.next == shard.first_available || shard.last_arrival < at) {
        search.answer = shard.next;
        return search;
    }
    if (shard.tail.empty()) return search;
    search.stop = std::max(shard.tail.front()->first(), shard.first_available);
    const auto found =
        std::ranges::partition_point(shard.tail, [&](const FramePtr& frame) { return frame->arrival() < at; });
    // If even the oldest frame in memory arrived late enough, older frames on disk may have as well.
    if (found == shard.tail.begin() && search.stop > shard.first_available) return search;
    search.answer = found == shard.tail.end() ? shard.next : std::max((*found)->first(), shard.first_available);
    return search;
}

Expected<std::uint64_t, LogError> measure(Store& store, Shard& shard) {
    SeqIx end;
    const auto stored = store.segments.stored_bytes(shard, end);
    const MutexLock lock(shard.mutex);
    if (shard.dropped) return fail(LogError::unknown_shard);
    if (!stored) return fail(stored.error().is_out_of_descriptors() ? LogError::overloaded : LogError::corrupt);
    std::uint64_t size = *stored;
    const auto first = std::ranges::partition_point(shard.tail, [&](const FramePtr& f) { return f->first() < end; });
    for (auto at = first; at != shard.tail.end(); ++at) size += (*at)->header().size_on_disk();
    return size;
}

Expected<SeqIx, LogError> search_cold(Store& store, Shard& shard, const TailSearch& where, TimestampMs at) {
    for (SeqIx from = where.from;;) {
        const auto found = store.segments.find_by_time(shard, at, from, where.stop);
        if (found) return *found;
        // Retention may have deleted the file meanwhile, as in read_cold; the remaining records are younger.
        const SeqIx first = first_available(shard);
        if (first <= from) return fail(store.report(shard, found.error()));
        if (first >= where.stop) return first;
        from = first;
    }
}

}  // namespace riacho::log::detail
