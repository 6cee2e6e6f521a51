// CatalogApplier: gives the log's commands to the catalog. The one place where the two meet; neither includes the
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

// Owned by the node; the catalog outlives it. Called by the log's threads as CommandApplier says.
class CatalogApplier final : public log::CommandApplier {
public:
    explicit CatalogApplier(catalog::Catalog& catalog) : catalog_(catalog) {}

    [[nodiscard]] std::size_t effects_max(std::string_view command) const override;
    log::CommandOutcome on_sequenced(log::Lsn lsn, std::string_view command, TimestampMs now,
                                     const log::SequencerView& view) override;
    void on_durable(log::Lsn lsn) override;
    void on_replay(log::Lsn lsn, std::string_view command, TimestampMs now, const log::SequencerView& view) override;
    [[nodiscard]] log::Lsn applied_lsn() const override;
    void request_materialise() override;

    // After LocalLog::open and before the first command: from then on the log knows the retention of every shard.
    // Nobody else sets it: here changes come in journal order, so the last one wins.
    void own_retention(log::RecordLog& log);

    // After LocalLog::open: the journal holds a command that this version cannot read or that does not fit the catalog.
    [[nodiscard]] bool unreadable() const { return unreadable_; }

private:
    const catalog::Prepared& prepare(std::string_view command) const;

    struct Told {
        std::int32_t hours = 0;
        std::uint64_t last_shard_uid = 0;  // shards that come later have greater ones
    };
    void tell_retention(std::uint64_t stream_uid);

    catalog::Catalog& catalog_;
    // The sequencer's thread only, once commands come.
    log::RecordLog* log_ = nullptr;
    std::vector<std::uint64_t> changed_streams_;  // by commands that are not durable yet
    std::unordered_map<std::uint64_t, Told> told_;
    // The command that was decoded last: the log asks about one several times before it places it. The sequencer's own.
    mutable std::string prepared_bytes_;
    mutable catalog::Prepared prepared_;
    bool unreadable_ = false;
};

}  // namespace riacho::server
