#include "firehose/detail/stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "catalog/progress.h"
#include "core/log.h"
#include "core/task.h"
#include "firehose/own_source.h"
#include "firehose/put.h"
#include "firehose/row.h"
#include "firehose/settings.h"
#include "log/record_log.h"
#include "ports/object_store.h"
#include "ports/record_source.h"
#include "ports/stream_directory.h"

namespace riacho::firehose::detail {

Stream::Stream(Home& home, const catalog::ObjectState& object)
    : home_(home),
      uid_(object.uid),
      object_version_(object.version),
      counters_(home.needs().metrics.of(object.uid, object.account, object.region, object.name)) {}

std::shared_ptr<Stream> Stream::make(Home& home, const catalog::ObjectState& object,
                                     const catalog::Snapshot& snapshot) {
    const auto settings = decode_settings(object.settings);
    if (!settings) {
        core::log_line(core::LogLevel::error, "a delivery stream of an unknown format is not delivered",
                       {{"delivery_stream", object.arn}});
        return nullptr;  // puts cannot read the settings either
    }
    auto stream = std::make_shared<Stream>(home, object);
    stream->plan_ = make_plan(object, *settings);
    if (!stream->plan_->kms_key_id.empty() && home.needs().store.host_of(stream->plan_->bucket) == "local") {
        core::log_line(core::LogLevel::warn, "folders do not encrypt what a delivery stream writes",
                       {{"delivery_stream", object.arn}});
    }
    stream->is_direct_put_ = !settings->source;
    stream->counters_->is_direct_put = stream->is_direct_put_;
    if (settings->source) {
        const ports::StreamUser user{object.account, settings->source->user};
        stream->source_ = home.needs().streams.source(settings->source->stream_uid, user);
    } else {
        const Needs& needs = home.needs();
        stream->source_ = make_own_source(needs.log, needs.clock, needs.data_keys, needs.snapshot, object.uid);
    }
    if (stream->load(snapshot)) {
        if (stream->is_direct_put_) stream->load_own_shards(object);
        return stream;
    }
    core::log_line(core::LogLevel::error, "a delivery stream with rows of an unknown format is not delivered",
                   {{"delivery_stream", object.arn}});
    stream->counters_->is_broken = true;
    return nullptr;
}

bool Stream::load(const catalog::Snapshot& snapshot) {
    const auto listing = source_->shards();
    bool is_readable = true;
    const auto visit = [&](const catalog::ProgressKey& key, const catalog::ProgressValue& value) {
        if (key.owner != uid_) return false;
        const auto row_key = decode_row_key(key.key);
        if (row_key && row_key->kind == RowKey::Kind::batch) {
            auto row = decode_batch_row(*value);
            is_readable = row.has_value();
            if (row) lane(row_key->lane).add_batch(row_key->number, *std::move(row), *value);
            return is_readable;
        }
        const auto row = row_key ? decode_cursor_row(*value) : std::nullopt;
        is_readable = row.has_value();
        if (!row) return false;
        auto cursor = std::make_unique<Cursor>();
        cursor->shard.uid = row_key->number;
        cursor->shard.index = row->index;
        const auto listed = std::ranges::find(listing, row_key->number, &ports::SourceShard::uid);
        if (listed != listing.end()) cursor->shard = *listed;
        cursor->row = *row;
        cursor->row_bytes = *value;
        lane(row_key->lane).add_cursor(std::move(cursor));
        return true;
    };
    snapshot.progress().for_each_from(catalog::ProgressKey{uid_, {}}, visit);
    return is_readable;
}

// A shard of the stream's own has a row only after a delivery.
void Stream::load_own_shards(const catalog::ObjectState& object) {
    for (std::size_t i = 0; i < object.shards.size(); ++i) {
        const log::ShardUid uid(object.shards[i].uid);
        needs().log.set_retention(uid, own_retention_ms);
        auto& cursors = lane(0).cursors();
        const auto has_row = [&](const auto& cursor) { return cursor->shard.uid == uid.value(); };
        if (std::ranges::any_of(cursors, has_row)) continue;
        auto cursor = std::make_unique<Cursor>();
        cursor->shard.uid = uid.value();
        cursor->shard.index = static_cast<std::int32_t>(i);
        cursor->row.ordinal = static_cast<std::uint32_t>(i);
        cursor->row.index = static_cast<std::int32_t>(i);
        lane(0).add_cursor(std::move(cursor));
    }
}

Lane& Stream::lane(std::uint32_t number) {
    const auto found = std::ranges::find_if(lanes_, [&](const auto& lane) { return lane->number() == number; });
    if (found != lanes_.end()) return **found;
    lanes_.push_back(std::make_unique<Lane>(*this, number));
    return *lanes_.back();
}

void Stream::start() {
    if (std::exchange(is_started_, true) || is_stopped_) return;
    for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i]->resume();
    show_figures();
}

void Stream::update(const catalog::ObjectState& object) {
    if (object.version == object_version_ || is_stopped_) return;
    object_version_ = object.version;
    const auto settings = decode_settings(object.settings);
    // Other changes of the object do not concern the files.
    if (!settings || settings->version == plan_->version) return;
    plan_ = make_plan(object, *settings);
    for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i]->on_update();
}

void Stream::on_source_change() {
    if (!is_started_ || is_stopped_) return;
    for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i]->pump();
}

void Stream::stop() {
    if (std::exchange(is_stopped_, true)) return;
    for (const auto& lane : lanes_) lane->stop();
}

void Stream::stop_broken(std::string_view reason) {
    const auto object = needs().snapshot()->find_object(uid_);
    const bool is_deleted = object == nullptr || object->transition == catalog::StreamStatus::deleting;
    if (!is_deleted) {
        core::log_line(core::LogLevel::error, "a delivery stream stops until the next start",
                       {{"delivery_stream", plan_->arn}, {"reason", reason}});
        counters_->is_broken = true;
    }
    stop();
}

void Stream::error(const Plan& plan, std::string_view code, std::string_view message) {
    constexpr std::uint32_t lines_max = 10;
    const TimestampMs now = home_.now();
    if (now.value() - errors_since_.value() >= 1'000) {
        errors_since_ = now;
        errors_ = 0;
    }
    if (++errors_ <= lines_max) needs().errors(plan, {code, message});
}

void Stream::show_figures() {
    std::optional<TimestampMs> oldest;
    std::optional<TimestampMs> behind;
    std::size_t batches = 0;
    std::size_t failing = 0;
    for (const auto& lane : lanes_) {
        if (const auto at = lane->oldest()) oldest = std::min(oldest.value_or(*at), *at);
        if (const auto at = lane->behind_at()) behind = std::min(behind.value_or(*at), *at);
        batches += lane->batch_count();
        failing += lane->failing_count();
    }
    counters_->oldest_ms = oldest ? oldest->value() : 0;
    counters_->source_oldest_ms = behind ? behind->value() : 0;
    counters_->batches = batches;
    counters_->batches_failing = failing;
    for (core::Alarm* alarm : watchers_) alarm->wake();
}

Task<bool> Stream::look_at_backlog() {
    constexpr std::int64_t interval_ms = 10'000;
    if (!is_direct_put_) co_return false;
    if (home_.now().value() - looked_at_.value() < interval_ms) co_return is_backlogged(*counters_);
    looked_at_ = home_.now();
    std::uint64_t stored = 0;
    for (const ports::SourceShard& shard : source_->shards()) {
        const auto bytes = co_await needs().log.stored_bytes(home_.core(), log::ShardUid(shard.uid));
        if (!bytes) co_return is_backlogged(*counters_);
        stored += *bytes;
    }
    counters_->stored_bytes = stored;
    co_return is_backlogged(*counters_);
}

Stream::Known Stream::find(std::int32_t index) const {
    for (const auto& lane : lanes_) {
        for (const auto& cursor : lane->cursors()) {
            if (cursor->shard.index == index) return {lane.get(), cursor.get()};
        }
    }
    return {};
}

bool Stream::has_unread_parent(const ports::SourceShard& shard) const {
    for (const auto& parent : std::array{shard.parent, shard.adjacent_parent}) {
        const Cursor* cursor = parent ? find(*parent).cursor : nullptr;
        if (cursor != nullptr && !cursor->is_ended) return true;
    }
    return false;
}

Lane& Stream::lane_with_room(Lane& preferred, const std::vector<Adoption>& planned) {
    const auto has_room = [&](const Lane& lane) {
        const auto more = std::ranges::count(planned, &lane, [](const Adoption& a) { return a.lane; });
        return const_cast<Lane&>(lane).cursors().size() + static_cast<std::size_t>(more) < lane_shards_max;
    };
    if (has_room(preferred)) return preferred;
    for (const auto& lane : lanes_) {
        if (has_room(*lane)) return *lane;
    }
    std::uint32_t number = 0;
    for (const auto& lane : lanes_) number = std::max(number, lane->number() + 1);
    return lane(number);
}

std::unique_ptr<Cursor> Stream::make_cursor(const ports::SourceShard& shard, const Lane& lane,
                                            const std::vector<Adoption>& planned) const {
    std::vector<std::uint32_t> taken;
    for (const Adoption& adoption : planned) {
        if (adoption.lane == &lane) taken.push_back(adoption.cursor->row.ordinal);
    }
    auto cursor = std::make_unique<Cursor>();
    cursor->shard = shard;
    cursor->row.ordinal = lane.free_ordinal(taken);
    cursor->row.index = shard.index;
    cursor->row_bytes = encode(cursor->row);
    return cursor;
}

// Open, and none of its ancestors is followed: those in between have expired unread. (Every shard that was open when
// the delivery stream was made has a row, and so have the children of every shard that was read.)
bool Stream::is_orphaned(const ports::SourceShard& shard, const std::vector<ports::SourceShard>& listing) const {
    if (shard.is_closed) return false;
    std::vector<std::int32_t> ancestors;
    const auto add_parents = [&](const ports::SourceShard& of) {
        for (const auto& index : std::array{of.parent, of.adjacent_parent}) {
            if (index && std::ranges::find(ancestors, *index) == ancestors.end()) ancestors.push_back(*index);
        }
    };
    add_parents(shard);
    if (ancestors.empty()) return false;
    for (std::size_t i = 0; i < ancestors.size(); ++i) {
        const std::int32_t index = ancestors[i];
        if (find(index).cursor != nullptr) return false;
        const auto listed = std::ranges::find(listing, index, &ports::SourceShard::index);
        if (listed != listing.end()) add_parents(*listed);
    }
    return true;
}

std::vector<Stream::Adoption> Stream::adoptable(const std::vector<ports::SourceShard>& listing) {
    std::vector<Adoption> planned;
    for (const ports::SourceShard& shard : listing) {
        if (find(shard.index).cursor != nullptr) continue;
        Known parent;
        bool is_ready = true;
        for (const auto& index : std::array{shard.parent, shard.adjacent_parent}) {
            const Known known = index ? find(*index) : Known();
            // A shard whose children have rows was read to its end before.
            if (known.cursor == nullptr || known.cursor->row.has_children) continue;
            parent = known;
            is_ready = is_ready && known.cursor->is_ended;
        }
        const bool is_orphan = parent.cursor == nullptr && is_orphaned(shard, listing);
        if (is_orphan) {
            error(*plan_, "DataReadFromKinesisStream.Lost",
                  "Shards between one that was read and one that is open have expired.");
        } else if (parent.cursor == nullptr || !is_ready) {
            continue;
        }
        Lane& home = lane_with_room(is_orphan ? lane(0) : *parent.lane, planned);
        auto cursor = make_cursor(shard, home, planned);
        planned.push_back({&home, std::move(cursor)});
    }
    return planned;
}

std::vector<Stream::Known> Stream::settled_parents(const std::vector<ports::SourceShard>& listing,
                                                   const std::vector<Adoption>& planned) const {
    std::vector<Known> settled;
    for (const auto& lane : lanes_) {
        for (const auto& cursor : lane->cursors()) {
            if (!cursor->is_ended || cursor->row.has_children) continue;
            // A parent that is listed as open has children which this listing does not show yet.
            const auto listed = std::ranges::find(listing, cursor->shard.uid, &ports::SourceShard::uid);
            if (listing.empty() || (listed != listing.end() && !listed->is_closed)) continue;
            const bool all_known = std::ranges::all_of(listing, [&](const ports::SourceShard& shard) {
                const std::int32_t index = cursor->shard.index;
                if (shard.parent != index && shard.adjacent_parent != index) return true;
                const auto is_planned = [&](const Adoption& a) { return a.cursor->shard.uid == shard.uid; };
                return find(shard.index).cursor != nullptr || std::ranges::any_of(planned, is_planned);
            });
            if (all_known) settled.push_back({lane.get(), cursor.get()});
        }
    }
    return settled;
}

Task<bool> Stream::adopt_children() {
    if (is_direct_put_) co_return true;
    if (is_changing_rows) co_return false;
    const auto listing = source_->shards();
    std::vector<Adoption> planned = adoptable(listing);
    const std::vector<Known> parents = settled_parents(listing, planned);
    if (planned.empty() && parents.empty()) co_return true;
    catalog::MoveProgress::OwnerMoves moves;
    moves.owner = uid_;
    for (const Adoption& adoption : planned) {
        moves.moves.push_back(
            {adoption.lane->cursor_key(adoption.cursor->shard.uid), std::string(), adoption.cursor->row_bytes});
    }
    std::vector<std::string> parent_rows;
    for (const Known& parent : parents) {
        CursorRow row = parent.cursor->row;
        row.has_children = true;
        parent_rows.push_back(encode(row));
        moves.moves.push_back(
            {parent.lane->cursor_key(parent.cursor->shard.uid), parent.cursor->row_bytes, parent_rows.back()});
    }
    is_changing_rows = true;
    const MoveResult result = co_await home_.move(std::move(moves));
    is_changing_rows = false;
    if (is_stopped_ || result == MoveResult::unavailable) co_return false;
    if (result == MoveResult::refused) {
        stop_broken("the rows of new shards were refused");
        co_return false;
    }
    for (std::size_t i = 0; i < parents.size(); ++i) {
        parents[i].cursor->row.has_children = true;
        parents[i].cursor->row_bytes = parent_rows[i];
    }
    for (Adoption& adoption : planned) adoption.lane->add_cursor(std::move(adoption.cursor));
    // Another lane may have waited for the end of these shards, or got a new shard.
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        lanes_[i]->complete();
        lanes_[i]->pump();
    }
    co_return true;
}

}  // namespace riacho::firehose::detail
