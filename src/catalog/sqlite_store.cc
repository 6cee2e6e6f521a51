#include "catalog/sqlite_store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <vector>

#include "base/crc32c.h"
#include "base/try.h"
#include "catalog/detail/legacy.h"
#include "catalog/queue_progress.h"

namespace riacho::catalog {
namespace {

constexpr int application_id = 0x7269'6163;  // "riac"
constexpr int user_version = 2;
constexpr int user_version_min = 1;  // version with resources instead of objects and progress
constexpr const char* new_tables =
    "CREATE TABLE objects(uid INTEGER PRIMARY KEY, state BLOB NOT NULL, crc INTEGER NOT NULL);"
    "CREATE TABLE progress(owner INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, crc INTEGER NOT NULL, "
    "PRIMARY KEY(owner, key)) WITHOUT ROWID;";

struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Close>;

// The error of the newest call, with a message without the path.
StoreError newest_error(sqlite3* db) {
    using Kind = StoreError::Kind;
    const auto kind = [&] {
        switch (sqlite3_errcode(db) & 0xFF) {
            case SQLITE_CORRUPT:
            case SQLITE_NOTADB:
            case SQLITE_ERROR:  // the schema differs from riacho's
                return Kind::damaged;
            case SQLITE_FULL:
                return Kind::full;
            default: {
                // A quota, or a full volume met by a file beside the database.
                const int error = sqlite3_system_errno(db);
                return error == ENOSPC || error == EDQUOT ? Kind::full : Kind::io;
            }
        }
    };
    return {kind(), sqlite3_errmsg(db)};
}

// A connection and the first error since begin(). SQLite reports only the newest call's error, so preparing the next
// statement of a transaction would hide a full disk met by an earlier one.
struct Connection {
    std::string path;
    Database db;
    std::optional<StoreError> first_error;

    void begin() { first_error.reset(); }
    void note_error() {
        if (!first_error) first_error = newest_error(db.get());
    }
    [[nodiscard]] bool ok() const { return !first_error; }
    [[nodiscard]] bool execute(const char* sql) {
        if (sqlite3_exec(db.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return true;
        note_error();
        return false;
    }
};

// A prepared statement; parameters count from 1, columns from 0. Errors are recorded in the connection.
class Statement {
public:
    Statement(Connection& connection, const char* sql) : connection_(connection) {
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v2(connection.db.get(), sql, -1, &statement, nullptr) != SQLITE_OK) connection.note_error();
        statement_.reset(statement);
    }
    void bind(int index, std::uint64_t value) { sqlite3_bind_int64(get(), index, static_cast<sqlite3_int64>(value)); }
    void bind_text(int index, std::string_view text) {
        sqlite3_bind_text64(get(), index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    void bind(int index, std::string_view bytes) {
        sqlite3_bind_blob64(get(), index, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    }
    // True while there is a row.
    bool step() {
        if (get() == nullptr) return false;
        const int code = sqlite3_step(get());
        if (code != SQLITE_ROW && code != SQLITE_DONE) connection_.note_error();
        return code == SQLITE_ROW;
    }
    // Runs a statement without rows, unless an earlier statement failed.
    void run() {
        if (connection_.ok()) step();
        sqlite3_reset(get());
    }
    void reset() { sqlite3_reset(get()); }
    [[nodiscard]] std::uint64_t number(int column) const {
        return static_cast<std::uint64_t>(sqlite3_column_int64(get(), column));
    }
    [[nodiscard]] std::string_view bytes(int column) const {
        const auto* data = static_cast<const char*>(sqlite3_column_blob(get(), column));
        return {data, static_cast<std::size_t>(sqlite3_column_bytes(get(), column))};
    }

private:
    [[nodiscard]] sqlite3_stmt* get() const { return statement_.get(); }
    Connection& connection_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

std::uint32_t row_crc(std::string_view state) { return crc32c(as_bytes(state)); }

// A check value and its checksum in one number.
std::uint64_t sealed_check(std::uint32_t value) {
    std::array<std::byte, 4> bytes;
    put_le(bytes.data(), value);
    return std::uint64_t{crc32c(bytes)} << 32 | value;
}

std::string with_crc(std::string_view state) {
    std::string row(4, '\0');
    put_le(reinterpret_cast<std::byte*>(row.data()), row_crc(state));
    return row.append(state);
}

std::uint32_t numbers_crc(std::span<const std::uint64_t> numbers) {
    std::vector<std::byte> bytes(numbers.size() * 8);
    std::byte* at = bytes.data();
    for (const std::uint64_t number : numbers) {
        put_le(at, number);
        at += 8;
    }
    return crc32c(bytes);
}

// Covers the values that no row's checksum covers: the figures of `meta`, and the number of rows.
std::uint32_t meta_crc(std::uint64_t applied_lsn, std::uint64_t next_uid, std::uint64_t next_object_uid,
                       const RowCounts& counts) {
    return numbers_crc(std::array{applied_lsn, next_uid, next_object_uid, counts[0], counts[1], counts[2], counts[3]});
}

// The checksum of version 1: streams, credentials, resources.
std::uint32_t old_meta_crc(std::uint64_t applied_lsn, std::uint64_t next_uid, const RowCounts& counts) {
    return numbers_crc(std::array{applied_lsn, next_uid, counts[0], counts[1], counts[2]});
}

// The checksum of a progress row: covers its value together with its key.
std::uint32_t progress_crc(const ProgressKey& key, std::string_view value) {
    std::string bytes(8, '\0');
    put_le(reinterpret_cast<std::byte*>(bytes.data()), key.owner);
    return row_crc(bytes.append(1, static_cast<char>(key.key.size())).append(key.key).append(value));
}

}  // namespace

struct SqliteStore::Impl : Connection {
    [[nodiscard]] StoreError error(std::string_view doing) const {
        const StoreError first = first_error ? *first_error : newest_error(db.get());
        return {first.kind, fmt::format("the catalog {}: {}: {}", path, doing, first.message)};
    }
    [[nodiscard]] StoreError damaged(std::string_view what) const {
        return {StoreError::Kind::damaged, fmt::format("the catalog {} holds {}", path, what)};
    }
    int version = user_version;  // version of the database on disk

    Expected<void, StoreError> prepare();
    Expected<RowCounts, StoreError> load_tables(State& state);
    Expected<std::uint64_t, StoreError> load_objects(State& state);
    Expected<std::uint64_t, StoreError> load_resources(State& state);
    Expected<std::uint64_t, StoreError> load_progress(State& state);
    void upgrade();
    void write_progress(const StoreUpdate& update);
    void write_meta(const StoreUpdate& update);
    Expected<void, StoreError> load_meta(Loaded& loaded, std::optional<std::uint64_t>& crc);
    // Checks and decodes every row of a table; `columns` begins with state and crc.
    template <class Take>
    Expected<std::uint64_t, StoreError> load_rows(const char* columns, std::string_view what, Take take);
    template <class Rows>
    void write_rows(const char* put, const char* drop, const Rows& rows);
};

Expected<void, StoreError> SqliteStore::Impl::prepare() {
    // Pragmas: storage-and-reliability 1.12. FULL syncs the write-ahead log on every commit.
    static constexpr const char* pragmas =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000;"
        "PRAGMA journal_size_limit=16777216; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF; PRAGMA "
        "cache_size=-512;";
    if (!execute(pragmas)) return fail(error("cannot be opened"));
    Statement statement(*this, "PRAGMA user_version");
    if (!statement.step()) return fail(error("cannot be read"));
    const auto found = static_cast<int>(statement.number(0));
    if (found >= user_version_min && found <= user_version) {
        version = found;
        return {};
    }
    if (found != 0) {
        return fail(
            StoreError{StoreError::Kind::unknown_format,
                       fmt::format("the catalog {} has format {}, this version of riacho reads formats {} to {}: a "
                                   "newer version wrote it",
                                   path, found, user_version_min, user_version)});
    }
    const std::string schema = fmt::format(
        "BEGIN; PRAGMA application_id={}; PRAGMA user_version={};"
        "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE streams(uid INTEGER PRIMARY KEY, state BLOB NOT NULL, crc INTEGER NOT NULL);"
        "CREATE TABLE credentials(access_key BLOB PRIMARY KEY, state BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT "
        "ROWID;"
        "{} COMMIT;",
        application_id, user_version, new_tables);
    if (!execute(schema.c_str())) return fail(error("cannot be made"));
    return {};
}

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteStore::SqliteStore(SqliteStore&&) noexcept = default;
SqliteStore& SqliteStore::operator=(SqliteStore&&) noexcept = default;
SqliteStore::~SqliteStore() = default;

Expected<SqliteStore, StoreError> SqliteStore::open(const std::string& path) {
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    sqlite3* db = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
    impl->db.reset(db);
    if (code != SQLITE_OK) return fail(impl->error("cannot be opened"));
    // Before the first statement: a backup that reads the catalog recovers the write-ahead log of a server that was
    // killed, and empties it when it ends; both lock the database for a moment.
    constexpr int busy_timeout_ms = 5'000;
    sqlite3_busy_timeout(db, busy_timeout_ms);
    TRY_VOID(impl->prepare());
    return SqliteStore(std::move(impl));
}

Expected<void, StoreError> SqliteStore::Impl::load_meta(Loaded& loaded, std::optional<std::uint64_t>& crc) {
    Statement meta(*this, "SELECT name, value FROM meta");
    while (meta.step()) {
        if (meta.bytes(0) == "applied_lsn") loaded.applied_lsn = meta.number(1);
        if (meta.bytes(0) == "next_uid") loaded.state.next_uid = meta.number(1);
        if (meta.bytes(0) == "next_object_uid") loaded.state.next_object_uid = meta.number(1);
        if (meta.bytes(0) == "crc") crc = meta.number(1);
        if (meta.bytes(0) == "key_check") {
            const std::uint64_t value = meta.number(1);
            loaded.key_check = static_cast<std::uint32_t>(value);
            if (value != sealed_check(*loaded.key_check)) return fail(damaged("a key check with a wrong checksum"));
        }
        if (meta.bytes(0) == "ended_names") {
            const std::string_view row = meta.bytes(1);
            if (row.size() < 4 || get_le<std::uint32_t>(as_bytes(row).data()) != row_crc(row.substr(4))) {
                return fail(damaged("ended names with a wrong checksum"));
            }
            auto names = decode_ended_names(row.substr(4));
            if (!names) return fail(damaged(names.error().what));
            loaded.state.snapshot = loaded.state.snapshot->with(*std::move(names));
        }
    }
    return {};
}

template <class Take>
Expected<std::uint64_t, StoreError> SqliteStore::Impl::load_rows(const char* columns, std::string_view what,
                                                                 Take take) {
    std::uint64_t count = 0;
    Statement rows(*this, columns);
    while (rows.step()) {
        ++count;
        if (row_crc(rows.bytes(0)) != rows.number(1)) {
            return fail(damaged(fmt::format("a {} with a wrong checksum", what)));
        }
        const Expected<void, DecodeError> taken = take(rows);
        if (!taken) return fail(damaged(taken.error().what));
    }
    if (!ok()) return fail(error("cannot be read"));
    return count;
}

using Taken = Expected<void, DecodeError>;

Expected<std::uint64_t, StoreError> SqliteStore::Impl::load_objects(State& state) {
    return load_rows("SELECT state, crc, uid FROM objects ORDER BY uid", "object", [&](const Statement& row) -> Taken {
        TRY(auto object, decode_object(row.bytes(0)));
        if (object.uid != row.number(2)) return fail(DecodeError{"an object under another object's number"});
        state.snapshot = state.snapshot->with(std::make_shared<const ObjectState>(std::move(object)));
        return {};
    });
}

// Loads version 1's resources: each becomes an object, and the queue's state becomes progress rows.
Expected<std::uint64_t, StoreError> SqliteStore::Impl::load_resources(State& state) {
    Progress progress;
    TRY(const std::uint64_t count,
        load_rows("SELECT state, crc FROM resources ORDER BY arn", "resource", [&](const Statement& row) -> Taken {
            TRY(auto resource, detail::decode_legacy_resource(row.bytes(0)));
            ObjectState& object = resource.object;
            object.uid = state.next_object_uid++;
            for (const auto& [uid, shard] : resource.queue_shards) {
                for (auto& [key, value] : rows_of(object.uid, uid, shard)) {
                    progress = progress.with(std::move(key), std::move(value));
                }
            }
            state.snapshot = state.snapshot->with(std::make_shared<const ObjectState>(std::move(object)));
            return {};
        }));
    state.snapshot = state.snapshot->with(std::move(progress));
    return count;
}

Expected<std::uint64_t, StoreError> SqliteStore::Impl::load_progress(State& state) {
    std::uint64_t count = 0;
    Progress progress;
    Statement rows(*this, "SELECT owner, key, value, crc FROM progress");
    while (rows.step()) {
        ++count;
        ProgressKey key{rows.number(0), std::string(rows.bytes(1))};
        if (progress_crc(key, rows.bytes(2)) != rows.number(3)) {
            return fail(damaged("a row of progress with a wrong checksum"));
        }
        const auto owner = state.snapshot->find_object(key.owner);
        if (owner == nullptr) return fail(damaged("a row of progress of no object"));
        if (owner->kind == ObjectState::Kind::queue && !is_queue_row(key, rows.bytes(2))) {
            return fail(damaged("a row of a queue that cannot be read"));
        }
        progress = progress.with(std::move(key), std::make_shared<const std::string>(rows.bytes(2)));
    }
    if (!ok()) return fail(error("cannot be read"));
    state.snapshot = state.snapshot->with(std::move(progress));
    return count;
}

Expected<RowCounts, StoreError> SqliteStore::Impl::load_tables(State& state) {
    const auto take_stream = [&](const Statement& row) -> Taken {
        TRY(auto stream, decode_stream(row.bytes(0)));
        if (stream.uid != row.number(2)) return fail(DecodeError{"a stream under another stream's number"});
        state.snapshot = state.snapshot->with(std::make_shared<const StreamState>(std::move(stream)));
        return {};
    };
    const auto take_credential = [&](const Statement& row) -> Taken {
        TRY(auto credential, decode_credential(row.bytes(0)));
        state.snapshot = state.snapshot->with(std::make_shared<const CredentialState>(std::move(credential)));
        return {};
    };
    RowCounts counts{};
    TRY(counts[0], load_rows("SELECT state, crc, uid FROM streams ORDER BY uid", "stream", take_stream));
    TRY(counts[1], load_rows("SELECT state, crc FROM credentials", "credential", take_credential));
    if (version < user_version) {
        TRY(counts[2], load_resources(state));
        return counts;
    }
    TRY(counts[2], load_objects(state));
    TRY(counts[3], load_progress(state));
    return counts;
}

Expected<Loaded, StoreError> SqliteStore::load() {
    impl_->begin();
    Loaded loaded;
    loaded.is_old = impl_->version < user_version;
    std::optional<std::uint64_t> crc;
    TRY_VOID(impl_->load_meta(loaded, crc));
    TRY(const RowCounts counts, impl_->load_tables(loaded.state));
    const State& state = loaded.state;
    const std::uint64_t expected = loaded.is_old
                                       ? old_meta_crc(loaded.applied_lsn, state.next_uid, counts)
                                       : meta_crc(loaded.applied_lsn, state.next_uid, state.next_object_uid, counts);
    // The first versions wrote no such checksum.
    if (crc ? *crc != expected : !loaded.is_old && loaded.applied_lsn != 0) {
        return fail(impl_->damaged("figures with a wrong checksum, or too few rows"));
    }
    return loaded;
}

template <class Rows>
void SqliteStore::Impl::write_rows(const char* put, const char* drop, const Rows& rows) {
    if (rows.empty()) return;
    Statement put_row(*this, put);
    Statement drop_row(*this, drop);
    for (const auto& [key, value] : rows) {
        if (!ok()) return;
        Statement& statement = value != nullptr ? put_row : drop_row;
        statement.bind(1, key);
        if (value != nullptr) {
            const std::string state = encode(*value);
            statement.bind(2, state);
            statement.bind(3, row_crc(state));
        }
        statement.run();
    }
}

// Replaces the tables of an older version; the update contains their content.
void SqliteStore::Impl::upgrade() {
    static_cast<void>(execute("DROP TABLE resources") && execute(new_tables) &&
                      execute(fmt::format("PRAGMA user_version={}", user_version).c_str()));
}

void SqliteStore::Impl::write_progress(const StoreUpdate& update) {
    if (!update.ended_owners.empty()) {
        Statement drop_owner(*this, "DELETE FROM progress WHERE owner = ?");
        for (const std::uint64_t owner : update.ended_owners) {
            drop_owner.bind(1, owner);
            drop_owner.run();
        }
    }
    if (update.progress.empty()) return;
    Statement put_row(*this, "INSERT OR REPLACE INTO progress(owner, key, value, crc) VALUES(?, ?, ?, ?)");
    Statement drop_row(*this, "DELETE FROM progress WHERE owner = ? AND key = ?");
    for (const auto& [key, value] : update.progress) {
        Statement& statement = value != nullptr ? put_row : drop_row;
        statement.bind(1, key.owner);
        statement.bind(2, std::string_view(key.key));
        if (value != nullptr) {
            statement.bind(3, std::string_view(*value));
            statement.bind(4, std::uint64_t{progress_crc(key, *value)});
        }
        statement.run();
    }
}

void SqliteStore::Impl::write_meta(const StoreUpdate& update) {
    Statement meta(*this, "INSERT OR REPLACE INTO meta(name, value) VALUES(?, ?)");
    const auto put = [&](std::string_view name, auto value) {
        meta.bind_text(1, name);
        meta.bind(2, value);
        meta.run();
    };
    put("applied_lsn", update.applied_lsn);
    put("next_uid", update.next_uid);
    put("next_object_uid", update.next_object_uid);
    put("crc", std::uint64_t{meta_crc(update.applied_lsn, update.next_uid, update.next_object_uid, update.counts)});
    if (update.key_check) put("key_check", sealed_check(*update.key_check));
    if (update.ended_names) put("ended_names", std::string_view(with_crc(*update.ended_names)));
}

Expected<void, StoreError> SqliteStore::write(const StoreUpdate& update) {
    Impl& db = *impl_;
    db.begin();
    const bool has_begun = db.execute("BEGIN IMMEDIATE");
    if (has_begun && db.version < user_version) db.upgrade();
    if (db.ok()) {
        db.write_rows("INSERT OR REPLACE INTO streams(uid, state, crc) VALUES(?, ?, ?)",
                      "DELETE FROM streams WHERE uid = ?", update.streams);
        db.write_rows("INSERT OR REPLACE INTO credentials(access_key, state, crc) VALUES(?, ?, ?)",
                      "DELETE FROM credentials WHERE access_key = ?", update.credentials);
        db.write_rows("INSERT OR REPLACE INTO objects(uid, state, crc) VALUES(?, ?, ?)",
                      "DELETE FROM objects WHERE uid = ?", update.objects);
    }
    if (db.ok()) db.write_progress(update);
    if (db.ok()) db.write_meta(update);
    if (db.ok()) static_cast<void>(db.execute("COMMIT"));
    if (db.ok()) {
        db.version = user_version;
        return {};
    }
    const StoreError error = db.error("cannot be written");
    sqlite3_exec(db.db.get(), "ROLLBACK", nullptr, nullptr, nullptr);  // fails if SQLite has rolled back itself
    return fail(error);
}

Expected<void, StoreError> SqliteStore::check() {
    impl_->begin();
    Statement statement(*impl_, "PRAGMA quick_check");
    if (!statement.step()) return fail(impl_->error("cannot be checked"));
    if (statement.bytes(0) != "ok") return fail(impl_->damaged(statement.bytes(0)));
    return {};
}

}  // namespace riacho::catalog
