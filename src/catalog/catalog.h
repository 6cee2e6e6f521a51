// Catalog: the streams and credentials of a node. Fed with commands in one order, read by everyone as snapshots, kept
// on disk by a thread of its own.
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

// A command as it was decoded, once, and what its effects can name.
struct Prepared {
    std::optional<Command> command;  // nothing: undecodable
    std::size_t effects_max = 0;     // shards, if it is applied to the state it was prepared for
};

// What became visible at once: uids, each once, also of what was removed. Progress is not among it; who waits for it
// has moved it.
struct Feed {
    std::vector<std::uint64_t> streams;
    std::vector<std::uint64_t> objects;
    [[nodiscard]] bool empty() const { return streams.empty() && objects.empty(); }
};

// Owned by the composition root. prepare, apply and publish are called by one thread at a time, in the order of the
// commands; everything else from any thread.
class Catalog {
public:
    // Loads what the directory's catalog.sqlite holds; nothing is written before the first command.
    // on_failure is called once, from the catalog's thread, when the database cannot be written any more.
    static Expected<std::unique_ptr<Catalog>, StoreError> open(const std::string& directory,
                                                               std::function<void(std::string_view)> on_failure);
    ~Catalog();
    Catalog(const Catalog&) = delete;
    Catalog& operator=(const Catalog&) = delete;

    [[nodiscard]] Prepared prepare(std::string_view command) const;
    // Brings the bound of a prepared command up to the newest state.
    void prepare_again(Prepared& prepared) const;
    // Applies a command to the newest state, which nobody sees before publish. An undecodable command is rejected with
    // stream_missing; only a newer version could have written it, and replay() reports that.
    Outcome apply(std::uint64_t lsn, const Prepared& prepared, TimestampMs now);
    // The same for a command from the journal; those up to applied_lsn were loaded already. False: this version cannot
    // read the command.
    bool replay(std::uint64_t lsn, std::string_view command, TimestampMs now);
    // Everything applied so far is durable in the journal: show it, and have it written to disk.
    void publish();

    // Hot path: no lock unless something was published since this thread last asked.
    [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;

    // The check value of the keyring that sealed what is here (Keyring::check_value), if one was ever set.
    [[nodiscard]] std::optional<std::uint32_t> key_check() const;
    void set_key_check(std::uint32_t value);

    // Commands up to here are durable in the database.
    [[nodiscard]] std::uint64_t applied_lsn() const;
    // Writes what is published soon, instead of when it is convenient.
    void request_materialise();
    // Called after each publish that has changed something, on the publishing thread; must not block. Set before the
    // first command.
    void on_publish(std::function<void(const Feed&)> callback);
    // Writes everything that is published and ends the thread. Idempotent.
    void close();

private:
    struct Impl;
    explicit Catalog(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
    std::uint64_t id_;
    std::atomic<std::uint64_t> version_{1};
};

}  // namespace riacho::catalog
