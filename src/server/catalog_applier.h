// Feeds the catalog from the log: the one place where the two meet (neither includes the other).
#pragma once

#include "catalog/fwd.h"
#include "log/applier.h"

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

    // After LocalLog::open: the journal holds a command that this version cannot read or that does not fit the catalog.
    [[nodiscard]] bool unreadable() const { return unreadable_; }

private:
    catalog::Catalog& catalog_;
    bool unreadable_ = false;
};

}  // namespace riacho::server
