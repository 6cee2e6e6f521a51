// CatalogApplier: applies the log's commands to the catalog. It is the only connection of the two; neither includes the
// other.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "catalog/catalog.h"
#include "log/applier.h"
#include "log/fwd.h"

namespace riacho::server {

// Owned by the node; the catalog outlives it. Called by the log's threads as CommandApplier describes.
class CatalogApplier final : public log::CommandApplier {
public:
    explicit CatalogApplier(catalog::Catalog& catalog) : catalog_(catalog) {}

    [[nodiscard]] std::size_t effects_max(std::string_view command) const override;
    [[nodiscard]] bool may_end_shards(std::string_view command) const override;
    log::CommandOutcome on_sequenced(log::Lsn lsn, std::string_view command, TimestampMs now,
                                     const log::SequencerView& view) override;
    void on_durable(log::Lsn lsn) override;
    void on_replay(log::Lsn lsn, std::string_view command, TimestampMs now, const log::SequencerView& view) override;
    [[nodiscard]] log::Lsn applied_lsn() const override;
    void request_materialise() override;

    // Sets the retention of every shard in the log. Call it after LocalLog::open and before the first command. No other
    // component sets retention: here changes come in journal order, so the last one wins.
    void own_retention(log::RecordLog& log);

    // Valid after LocalLog::open: the journal holds a command that this version cannot read or that does not fit the
    // catalog.
    [[nodiscard]] bool unreadable() const { return unreadable_; }

private:
    const catalog::Prepared& prepare(std::string_view command) const;

    struct Told {
        std::int32_t hours = 0;
        std::uint64_t last_shard_uid = 0;  // later shards have greater uids
    };
    void tell_retention(std::uint64_t stream_uid);

    catalog::Catalog& catalog_;
    // Used by the sequencer's thread only, once commands come.
    log::RecordLog* log_ = nullptr;
    std::vector<std::uint64_t> changed_streams_;  // by commands that are not durable yet
    std::unordered_map<std::uint64_t, Told> told_;
    // The command decoded last: the log asks about a command several times before it places it. Used by the sequencer's
    // thread.
    mutable std::string prepared_bytes_;
    mutable catalog::Prepared prepared_;
    bool unreadable_ = false;
};

}  // namespace riacho::server
