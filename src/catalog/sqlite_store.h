// SqliteStore: the catalog on disk, one SQLite database that holds the effects of the commands up to applied_lsn.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "catalog/apply.h"

namespace riacho::catalog {

struct StoreError {
    enum class Kind : std::uint8_t {
        damaged,
        io,
        full,  // the volume is full: nothing was written, try again
        unknown_format
    } kind;
    std::string message;  // one sentence, with the path
};

// Number of streams, credentials, objects and progress rows.
using RowCounts = std::array<std::uint64_t, 4>;

// The content of one transaction; rows with a null value are deleted.
struct StoreUpdate {
    std::vector<std::pair<std::uint64_t, std::shared_ptr<const StreamState>>> streams;
    std::vector<std::pair<std::string, std::shared_ptr<const CredentialState>>> credentials;
    std::vector<std::pair<std::uint64_t, std::shared_ptr<const ObjectState>>> objects;
    std::vector<std::uint64_t> ended_owners;  // owners all of whose progress rows are deleted
    std::vector<std::pair<ProgressKey, ProgressValue>> progress;
    std::optional<std::string> ended_names;  // encoded; absent: unchanged
    std::optional<std::uint32_t> key_check;  // absent: unchanged
    std::uint64_t next_uid = 1;
    std::uint64_t next_object_uid = first_object_uid;
    std::uint64_t applied_lsn = 0;
    RowCounts counts{};  // number of rows after the transaction
};

struct Loaded {
    State state;
    std::uint64_t applied_lsn = 0;
    std::optional<std::uint32_t> key_check;
    bool is_old = false;  // database of the previous format: the next write must contain every object and all progress
};

// Not thread-safe.
class SqliteStore {
public:
    // Opens the database, or creates it.
    static Expected<SqliteStore, StoreError> open(const std::string& path);
    SqliteStore(SqliteStore&&) noexcept;
    SqliteStore& operator=(SqliteStore&&) noexcept;
    ~SqliteStore();

    // Loads everything and verifies every row's checksum.
    Expected<Loaded, StoreError> load();
    // Durable when it returns.
    Expected<void, StoreError> write(const StoreUpdate& update);
    // SQLite's own consistency check, for `riacho verify`.
    Expected<void, StoreError> check();

private:
    struct Impl;
    explicit SqliteStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho::catalog
