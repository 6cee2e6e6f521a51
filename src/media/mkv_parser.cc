#include "media/mkv_parser.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "media/mkv_block.h"

namespace riacho::media {
namespace {

// Ids that end a Cluster of unknown size.
bool is_segment_level(std::uint32_t id) {
    switch (id) {
        case mkv::ebml:
        case mkv::segment:
        case mkv::seek_head:
        case mkv::info:
        case mkv::tracks:
        case mkv::cluster:
        case mkv::cues:
        case mkv::chapters:
        case mkv::attachments:
        case mkv::tags:
            return true;
        default:
            return false;
    }
}

}  // namespace

std::string_view to_text(MkvFault fault) {
    switch (fault) {
        case MkvFault::bad_element:
            return "an element is malformed or longer than its parent";
        case MkvFault::size_too_large:
            return "an element claims too large a size";
        case MkvFault::unknown_size:
            return "an element has no size that must have one";
        case MkvFault::misplaced_element:
            return "an element stands where it may not";
        case MkvFault::too_many_elements:
            return "too many elements";
        case MkvFault::no_timecode:
            return "a cluster has no timecode before its blocks, or two";
        case MkvFault::bad_block:
            return "a block is malformed";
        case MkvFault::truncated:
            return "the stream ends inside an element";
        case MkvFault::no_cluster:
            return "the stream has no cluster";
        case MkvFault::stopped:
            return "stopped";
    }
    return "";
}

bool MkvParser::between_clusters() const { return state_ == State::body; }

Expected<void, MkvFault> MkvParser::feed(ByteSpan piece, MkvEvents& events) {
    if (!failed_) return failed_;
    position_ += piece.size();
    failed_ = run(piece, events);
    if (failed_ && !events.progress(at_)) failed_ = riacho::fail(MkvFault::stopped);
    return failed_;
}

Expected<void, MkvFault> MkvParser::finish(MkvEvents& events) {
    if (!failed_ || position_ == 0) return failed_;
    const bool inside = carry_size_ > 0 || skip_ > 0 || collect_ > 0 || state_ == State::group ||
                        (state_ == State::cluster && cluster_known_);
    if (inside) {
        failed_ = riacho::fail(MkvFault::truncated);
    } else if (state_ == State::cluster) {
        failed_ = end_cluster(events);
    } else if (state_ != State::body) {
        failed_ = riacho::fail(MkvFault::no_cluster);
    }
    return failed_;
}

Expected<void, MkvFault> MkvParser::run(ByteSpan rest, MkvEvents& events) {
    for (;;) {
        if (collect_ > 0) {
            const std::size_t size = std::min<std::uint64_t>(collect_, rest.size());
            auto& into = element_id_ == mkv::tags ? tags_ : header_;
            into.insert(into.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
            take(rest, size);
            collect_ -= size;
            if (collect_ > 0) return {};
        }
        if (skip_ > 0) {
            const std::size_t size = std::min<std::uint64_t>(skip_, rest.size());
            take(rest, size);
            skip_ -= size;
            if (skip_ > 0) return {};
        }
        TRY_VOID(close_complete(events));
        if (rest.empty()) return {};
        // A head that the previous piece cut in two is completed in carry_, which is longer than any step needs.
        const std::size_t held = carry_size_;
        const std::size_t added = held == 0 ? 0 : std::min(carry_.size() - held, rest.size());
        if (added > 0) std::memcpy(carry_.data() + held, rest.data(), added);
        const ByteSpan whole = held == 0 ? rest : ByteSpan(carry_.data(), held + added);
        ByteSpan view = whole;
        TRY(const Step step_made, step(view, events));
        if (step_made == Step::more) {
            RIACHO_CHECK(whole.size() < carry_.size());
            if (held == 0) std::memcpy(carry_.data(), rest.data(), rest.size());
            carry_size_ = whole.size();
            return {};
        }
        const std::size_t consumed = whole.size() - view.size();
        RIACHO_CHECK(consumed > held);
        rest = rest.subspan(consumed - held);
        carry_size_ = 0;
    }
}

void MkvParser::take(ByteSpan& view, std::size_t size) {
    view = view.subspan(size);
    at_ += size;
}

// Closes the elements that end at the parser's position.
Expected<void, MkvFault> MkvParser::close_complete(MkvEvents& events) {
    if (element_id_ != 0) {
        const bool on = element_id_ == mkv::tags ? events.tags(element_at_, at_, tags_)
                                                 : events.other(element_at_, at_, element_id_);
        element_id_ = 0;
        if (!on) return fail(MkvFault::stopped);
    }
    if (state_ == State::group && at_ == group_end_) {
        state_ = State::cluster;
        if (!group_block_) return fail(MkvFault::bad_block);
        if (!group_reference_) block_.flags |= block_key_frame;
        if (!events.block(block_)) return fail(MkvFault::stopped);
    }
    if (state_ == State::cluster && cluster_known_ && at_ == cluster_end_) return end_cluster(events);
    return {};
}

Expected<void, MkvFault> MkvParser::end_cluster(MkvEvents& events) {
    state_ = State::body;
    if (!timecode_seen_) return fail(MkvFault::no_timecode);
    if (!events.cluster_end(at_)) return fail(MkvFault::stopped);
    return {};
}

Expected<void, MkvFault> MkvParser::check_size(const ElementHead& head) const {
    if (head.unknown) {
        if (head.id != mkv::segment && head.id != mkv::cluster) return fail(MkvFault::unknown_size);
        return {};
    }
    if (head.id == mkv::segment) return {};
    if (head.size > (head.id == mkv::cluster ? limits_.cluster_size_max : limits_.element_size_max)) {
        return fail(MkvFault::size_too_large);
    }
    std::uint64_t parent_end = std::numeric_limits<std::uint64_t>::max();
    if (segment_known_) parent_end = segment_end_;
    if ((state_ == State::cluster || state_ == State::group) && cluster_known_) parent_end = cluster_end_;
    if (state_ == State::group) parent_end = group_end_;
    if (at_ + head.head_size + head.size > parent_end) return fail(MkvFault::bad_element);
    return {};
}

MkvParser::Result MkvParser::step(ByteSpan& view, MkvEvents& events) {
    ElementHead head;
    switch (read_element_head(view, head)) {
        case HeadState::bad:
            return fail(MkvFault::bad_element);
        case HeadState::short_of_bytes:
            return Step::more;
        case HeadState::ok:
            break;
    }
    if (state_ == State::cluster && !cluster_known_ && is_segment_level(head.id)) TRY_VOID(end_cluster(events));
    TRY_VOID(check_size(head));
    Result result = Step::done;
    switch (state_) {
        case State::ebml:
        case State::segment:
            result = step_before_segment(view, head);
            break;
        case State::header:
            result = step_header(view, head, events);
            break;
        case State::body:
            result = step_body(view, head, events);
            break;
        case State::cluster:
            result = step_cluster(view, head, events);
            break;
        case State::group:
            result = step_group(view, head);
            break;
    }
    if (result && *result == Step::done) {
        const bool before = state_ == State::ebml || state_ == State::segment || state_ == State::header;
        if (++elements_ > (before ? limits_.header_elements_max : limits_.elements_per_fragment_max)) {
            return fail(MkvFault::too_many_elements);
        }
    }
    return result;
}

MkvParser::Result MkvParser::step_before_segment(ByteSpan& view, const ElementHead& head) {
    if (state_ == State::ebml) {
        if (head.id != mkv::ebml) return fail(MkvFault::bad_element);
        state_ = State::segment;
        return keep_header_element(view, head);
    }
    if (head.id == mkv::void_element || head.id == mkv::crc_32) return keep_header_element(view, head);
    if (head.id != mkv::segment) return fail(MkvFault::misplaced_element);
    state_ = State::header;
    segment_known_ = !head.unknown;
    segment_end_ = at_ + head.head_size + head.size;
    // AWS: readers get a Segment of unknown size, whatever the producer wrote (video spec 4.1).
    Buffer segment;
    put_element_id(segment, mkv::segment);
    put_unknown_size(segment);
    const ByteSpan bytes = as_bytes(segment.view());
    header_.insert(header_.end(), bytes.begin(), bytes.end());
    take(view, head.head_size);
    return Step::done;
}

MkvParser::Result MkvParser::keep_header_element(ByteSpan& view, const ElementHead& head) {
    if (header_.size() + head.head_size + head.size > limits_.header_size_max) return fail(MkvFault::size_too_large);
    header_.insert(header_.end(), view.begin(), view.begin() + head.head_size);
    take(view, head.head_size);
    collect_ = head.size;
    return Step::done;
}

MkvParser::Result MkvParser::step_header(ByteSpan& view, const ElementHead& head, MkvEvents& events) {
    switch (head.id) {
        case mkv::ebml:
        case mkv::segment:
            return fail(MkvFault::misplaced_element);
        case mkv::info:
            if (std::exchange(info_seen_, true)) return fail(MkvFault::misplaced_element);
            break;
        case mkv::tracks:
            if (std::exchange(tracks_seen_, true)) return fail(MkvFault::misplaced_element);
            break;
        case mkv::cluster: {
            if (!info_seen_ || !tracks_seen_) return fail(MkvFault::misplaced_element);
            const bool on = events.header_end(at_, header_);
            header_ = {};
            if (!on) return fail(MkvFault::stopped);
            return begin_cluster(view, head, events);
        }
        default:
            break;
    }
    return keep_header_element(view, head);
}

MkvParser::Result MkvParser::begin_cluster(ByteSpan& view, const ElementHead& head, MkvEvents& events) {
    if (!events.cluster_begin(at_, head.unknown ? 0 : head.head_size + head.size)) return fail(MkvFault::stopped);
    state_ = State::cluster;
    elements_ = 0;
    timecode_seen_ = false;
    cluster_known_ = !head.unknown;
    take(view, head.head_size);
    cluster_end_ = at_ + head.size;
    return Step::done;
}

MkvParser::Result MkvParser::step_body(ByteSpan& view, const ElementHead& head, MkvEvents& events) {
    switch (head.id) {
        case mkv::cluster:
            return begin_cluster(view, head, events);
        case mkv::ebml:
        case mkv::segment:
        case mkv::info:
        case mkv::tracks:
        case mkv::timecode:
        case mkv::simple_block:
        case mkv::block_group:
            return fail(MkvFault::misplaced_element);
        case mkv::tags:
            if (head.size > limits_.tags_size_max) return fail(MkvFault::size_too_large);
            tags_.clear();
            collect_ = head.size;
            break;
        default:
            skip_ = head.size;
            break;
    }
    element_id_ = head.id;
    element_at_ = at_;
    take(view, head.head_size);
    return Step::done;
}

MkvParser::Result MkvParser::take_number(ByteSpan& view, const ElementHead& head, std::uint64_t& value) {
    if (head.size > 8) return fail(MkvFault::bad_element);
    const std::size_t whole = head.head_size + static_cast<std::size_t>(head.size);
    if (view.size() < whole) return Step::more;
    value = *read_unsigned(view.subspan(head.head_size, static_cast<std::size_t>(head.size)));
    take(view, whole);
    return Step::done;
}

// Parses the heads of element and block; the frames are skipped. Fills block_ but for its offset.
MkvParser::Result MkvParser::take_block(ByteSpan& view, const ElementHead& head) {
    const ByteSpan payload = view.subspan(head.head_size);
    BlockStart start;
    switch (read_block_start(payload.first(std::min<std::uint64_t>(payload.size(), head.size)), head.size, start)) {
        case BlockState::bad:
            return fail(MkvFault::bad_block);
        case BlockState::short_of_bytes:
            return Step::more;
        case BlockState::ok:
            break;
    }
    const std::size_t lace_count = (start.flags & block_lacing) != 0 ? 1 : 0;
    block_.track = start.track;
    block_.relative = start.relative;
    block_.flags = start.flags;
    block_.frames = start.frames;
    block_.size = static_cast<std::uint32_t>(head.size - start.head_size);
    take(view, head.head_size + start.head_size + lace_count);
    skip_ = head.size - start.head_size - lace_count;
    return Step::done;
}

MkvParser::Result MkvParser::step_cluster(ByteSpan& view, const ElementHead& head, MkvEvents& events) {
    if (is_segment_level(head.id)) return fail(MkvFault::misplaced_element);
    switch (head.id) {
        case mkv::timecode: {
            if (timecode_seen_) return fail(MkvFault::no_timecode);
            std::uint64_t value = 0;
            TRY(const Step made, take_number(view, head, value));
            if (made == Step::more) return made;
            timecode_seen_ = true;
            if (!events.cluster_time(value)) return fail(MkvFault::stopped);
            return made;
        }
        case mkv::simple_block: {
            if (!timecode_seen_) return fail(MkvFault::no_timecode);
            block_ = {};
            block_.at = at_;
            TRY(const Step made, take_block(view, head));
            if (made == Step::more) return made;
            if (!events.block(block_)) return fail(MkvFault::stopped);
            return made;
        }
        case mkv::block_group:
            if (!timecode_seen_) return fail(MkvFault::no_timecode);
            block_ = {};
            block_.at = at_;
            state_ = State::group;
            group_block_ = group_reference_ = false;
            take(view, head.head_size);
            group_end_ = at_ + head.size;
            return Step::done;
        default:
            take(view, head.head_size);
            skip_ = head.size;
            return Step::done;
    }
}

MkvParser::Result MkvParser::step_group(ByteSpan& view, const ElementHead& head) {
    switch (head.id) {
        case mkv::block: {
            if (group_block_) return fail(MkvFault::bad_block);
            TRY(const Step made, take_block(view, head));
            if (made == Step::more) return made;
            // AWS: a frame of a BlockGroup is a key frame if the group has no ReferenceBlock (video spec 3.5).
            block_.flags &= static_cast<std::uint8_t>(~block_key_frame);
            group_block_ = true;
            return made;
        }
        case mkv::block_duration:
            return take_number(view, head, block_.duration);
        case mkv::reference_block:
            group_reference_ = true;
            [[fallthrough]];
        default:
            take(view, head.head_size);
            skip_ = head.size;
            return Step::done;
    }
}

}  // namespace riacho::media
