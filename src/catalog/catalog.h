// Catalog: the streams, objects and credentials of a node. Commands are applied in one order, readers use snapshots,
// and a thread of the catalog writes it to disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/apply.h"
#include "catalog/command.h"
#include "catalog/snapshot.h"
#include "catalog/sqlite_store.h"

namespace riacho::catalog {

// A decoded command and what is known of its effects on the log.
struct Prepared {
    std::optional<Command> command;  // nothing: the command cannot be decoded
    bool may_end_shards = false;     // its effects may close or drop shards, whatever the state
    std::size_t effects_max = 0;     // number of shards, if the command is applied to the state it was prepared for
};

// Uids of the streams and objects changed by one publish, including removed ones, each once. Changes of progress are
// not included, because the component that waits for progress has moved it.
struct Feed {
    std::vector<std::uint64_t> streams;
    std::vector<std::uint64_t> objects;
    [[nodiscard]] bool empty() const { return streams.empty() && objects.empty(); }
};

// Owned by the composition root. prepare, apply and publish are called by one thread at a time, in the order of the
// commands; all other functions may be called from any thread.
class Catalog {
public:
    // Loads the directory's catalog.sqlite; nothing is written before the first command. on_failure is called once,
    // from the catalog's thread, when the database cannot be written any more.
    static Expected<std::unique_ptr<Catalog>, StoreError> open(const std::string& directory,
                                                               std::function<void(std::string_view)> on_failure);
    ~Catalog();
    Catalog(const Catalog&) = delete;
    Catalog& operator=(const Catalog&) = delete;

    [[nodiscard]] Prepared prepare(std::string_view command) const;
    // Recomputes the bound of a prepared command for the newest state.
    void prepare_again(Prepared& prepared) const;
    // Applies a command to the newest state, which is invisible until publish. A command that cannot be decoded is
    // rejected with stream_missing; only a newer version could have written it, and replay() reports that.
    Outcome apply(std::uint64_t lsn, const Prepared& prepared, TimestampMs now);
    // As apply(), for a command from the journal; commands up to applied_lsn are skipped, because they were loaded.
    // False: this version cannot read the command.
    bool replay(std::uint64_t lsn, std::string_view command, TimestampMs now);
    // Makes all applied commands, which are durable in the journal, visible, and schedules their write to disk.
    void publish();

    // Hot path: takes no lock unless a publish has happened since this thread's last call.
    [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;

    // The check value of the keyring that sealed the catalog's secrets (Keyring::check_value), if it was ever set.
    [[nodiscard]] std::optional<std::uint32_t> key_check() const;
    void set_key_check(std::uint32_t value);

    // Commands up to this Lsn are durable in the database.
    [[nodiscard]] std::uint64_t applied_lsn() const;
    // Writes published changes soon instead of after the usual delay.
    void request_materialise();
    // Sets the callback for each publish that changed a stream or an object; it runs on the publishing thread and must
    // not block. Set before the first command.
    void on_publish(std::function<void(const Feed&)> callback);
    // Writes all published changes and ends the thread. Idempotent.
    void close();

private:
    struct Impl;
    explicit Catalog(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
    std::uint64_t id_;
    std::atomic<std::uint64_t> version_{1};
};

}  // namespace riacho::catalog
