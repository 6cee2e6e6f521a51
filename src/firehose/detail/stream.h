// Stream: the pipeline of one delivery stream: source, lanes, figures.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "catalog/model.h"
#include "catalog/snapshot.h"
#include "firehose/detail/home.h"
#include "firehose/detail/lane.h"
#include "firehose/metrics.h"
#include "firehose/plan.h"

namespace riacho::firehose::detail {

// Used on its core, from make() to stop(); coroutines of its lanes keep it alive until they have noticed the stop.
class Stream final : public std::enable_shared_from_this<Stream> {
public:
    // Reads the rows of the object. Null, with a log line, for rows or settings that this version cannot read.
    static std::shared_ptr<Stream> make(Home& home, const catalog::ObjectState& object,
                                        const catalog::Snapshot& snapshot);
    explicit Stream(Home& home, const catalog::ObjectState& object);

    [[nodiscard]] Home& home() const { return home_; }
    [[nodiscard]] const Needs& needs() const { return home_.needs(); }
    [[nodiscard]] const std::shared_ptr<const Plan>& plan() const { return plan_; }
    [[nodiscard]] const std::shared_ptr<ports::RecordSource>& source() const { return source_; }
    [[nodiscard]] Counters& counters() const { return *counters_; }
    [[nodiscard]] std::uint64_t uid() const { return uid_; }
    [[nodiscard]] bool is_direct_put() const { return is_direct_put_; }
    [[nodiscard]] bool is_stopped() const { return is_stopped_; }
    [[nodiscard]] std::uint64_t version() const { return object_version_; }
    [[nodiscard]] std::vector<std::unique_ptr<Lane>>& lanes() { return lanes_; }

    // Starts reading.
    void start();
    // The settings have changed.
    void update(const catalog::ObjectState& object);
    // The shards of its source, or its rights on the source, may have changed.
    void on_source_change();
    // No new work is started. Idempotent.
    void stop();
    // After an inconsistency: stops, and logs the reason.
    void stop_broken(std::string_view reason);
    // An error line for the operator; at most ten a second.
    void error(const Plan& plan, std::string_view code, std::string_view message);

    // Makes rows for the children of shards that were read to their ends. False: again later.
    Task<bool> adopt_children();
    // Whether a parent of the shard is not read to its end.
    [[nodiscard]] bool has_unread_parent(const ports::SourceShard& shard) const;
    // After whatever may have changed them; wakes whoever watches.
    void show_figures();
    // To be woken by it; on the core.
    void watch(core::Alarm& alarm) { watchers_.push_back(&alarm); }
    void unwatch(core::Alarm& alarm) { std::erase(watchers_, &alarm); }
    // How much of the disk its own records take, now and then: puts go by it. True: too much, look again.
    Task<bool> look_at_backlog();
    void forget_backlog() { looked_at_ = TimestampMs(0); }

    // A change of the rows of shards is in progress; there is only one at a time.
    bool is_changing_rows = false;

private:
    bool load(const catalog::Snapshot& snapshot);
    void load_own_shards(const catalog::ObjectState& object);
    Lane& lane(std::uint32_t number);
    struct Adoption {
        Lane* lane;
        std::unique_ptr<Cursor> cursor;
    };
    struct Known {
        Lane* lane = nullptr;
        Cursor* cursor = nullptr;
    };
    [[nodiscard]] Known find(std::int32_t index) const;
    [[nodiscard]] bool is_orphaned(const ports::SourceShard& shard,
                                   const std::vector<ports::SourceShard>& listing) const;
    // The shards that can be followed now.
    std::vector<Adoption> adoptable(const std::vector<ports::SourceShard>& listing);
    // A lane with room for another shard; `preferred` if it has room.
    Lane& lane_with_room(Lane& preferred, const std::vector<Adoption>& planned);
    std::unique_ptr<Cursor> make_cursor(const ports::SourceShard& shard, const Lane& lane,
                                        const std::vector<Adoption>& planned) const;
    // Parents all of whose listed children have rows, if the planned ones are counted.
    std::vector<Known> settled_parents(const std::vector<ports::SourceShard>& listing,
                                       const std::vector<Adoption>& planned) const;

    Home& home_;
    const std::uint64_t uid_;
    std::uint64_t object_version_;
    bool is_direct_put_ = true;
    std::shared_ptr<const Plan> plan_;
    std::shared_ptr<ports::RecordSource> source_;
    std::shared_ptr<Counters> counters_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::vector<core::Alarm*> watchers_;
    TimestampMs looked_at_{0};  // at the backlog
    TimestampMs errors_since_{0};
    std::uint32_t errors_ = 0;  // lines since then
    bool is_started_ = false;
    bool is_stopped_ = false;
};

}  // namespace riacho::firehose::detail
