#include "catalog/store.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/crc32c.h"
#include "base/try.h"

namespace riacho::catalog {
namespace {

constexpr int application_id = 0x7269'6163;  // "riac"
constexpr int user_version = 1;

struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Close>;

StoreError error_of(sqlite3* db, const std::string& path, std::string_view doing) {
    using Kind = StoreError::Kind;
    const auto kind = [&] {
        switch (sqlite3_errcode(db) & 0xFF) {
            case SQLITE_CORRUPT:
            case SQLITE_NOTADB:
            case SQLITE_ERROR:  // a schema that is not the one that was made
                return Kind::damaged;
            case SQLITE_FULL:
                return Kind::full;
            default: {
                // A quota, or a file beside the database for which there was no room.
                const int error = sqlite3_system_errno(db);
                return error == ENOSPC || error == EDQUOT ? Kind::full : Kind::io;
            }
        }
    };
    return {kind(), fmt::format("the catalog {}: {}: {}", path, doing, sqlite3_errmsg(db))};
}

// A prepared statement; parameters count from 1, columns from 0.
class Statement {
public:
    Statement(sqlite3* db, const char* sql) {
        sqlite3_stmt* statement = nullptr;
        sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);  // a failure shows in step()
        statement_.reset(statement);
    }
    void bind(int index, std::uint64_t value) { sqlite3_bind_int64(get(), index, static_cast<sqlite3_int64>(value)); }
    void bind(int index, std::string_view bytes) {
        sqlite3_bind_blob64(get(), index, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    }
    // True while there is a row.
    bool step() { return (last_ = get() == nullptr ? SQLITE_ERROR : sqlite3_step(get())) == SQLITE_ROW; }
    // Runs a statement without rows.
    bool run() {
        step();
        const bool done = last_ == SQLITE_DONE;
        sqlite3_reset(get());
        return done;
    }
    void reset() { sqlite3_reset(get()); }
    [[nodiscard]] bool finished() const { return last_ == SQLITE_DONE; }
    [[nodiscard]] std::uint64_t number(int column) const {
        return static_cast<std::uint64_t>(sqlite3_column_int64(get(), column));
    }
    [[nodiscard]] std::string_view bytes(int column) const {
        const auto* data = static_cast<const char*>(sqlite3_column_blob(get(), column));
        return {data, static_cast<std::size_t>(sqlite3_column_bytes(get(), column))};
    }

private:
    [[nodiscard]] sqlite3_stmt* get() const { return statement_.get(); }
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    int last_ = SQLITE_OK;
};

std::uint32_t row_crc(std::string_view state) { return crc32c(as_bytes(state)); }

// Over what no row's checksum covers: the figures of `meta`, and that no row is missing.
std::uint32_t meta_crc(std::uint64_t applied_lsn, std::uint64_t next_uid, const std::array<std::uint64_t, 3>& counts) {
    std::array<std::byte, 40> bytes;
    std::byte* at = bytes.data();
    for (const std::uint64_t value : {applied_lsn, next_uid, counts[0], counts[1], counts[2]}) {
        put_le(at, value);
        at += 8;
    }
    return crc32c(bytes);
}

}  // namespace

struct Store::Impl {
    std::string path;
    Database db;

    [[nodiscard]] StoreError error(std::string_view doing) const { return error_of(db.get(), path, doing); }
    [[nodiscard]] bool execute(const char* sql) const {
        return sqlite3_exec(db.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK;
    }
    [[nodiscard]] StoreError damaged(std::string_view what) const {
        return {StoreError::Kind::damaged, fmt::format("the catalog {} holds {}", path, what)};
    }
    Expected<void, StoreError> prepare();
};

Expected<void, StoreError> Store::Impl::prepare() {
    // Pragmas: storage-and-reliability 1.12. FULL syncs the write-ahead log on every commit.
    static constexpr const char* pragmas =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; PRAGMA wal_autocheckpoint=1000;"
        "PRAGMA journal_size_limit=16777216; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF; PRAGMA "
        "cache_size=-512;";
    if (!execute(pragmas)) return fail(error("cannot be opened"));
    Statement version(db.get(), "PRAGMA user_version");
    if (!version.step()) return fail(error("cannot be read"));
    const auto found = static_cast<int>(version.number(0));
    if (found == user_version) return {};
    if (found != 0) {
        return fail(
            StoreError{StoreError::Kind::unknown_format,
                       fmt::format("the catalog {} has format {}, this version reads {}", path, found, user_version)});
    }
    const std::string schema = fmt::format(
        "BEGIN; PRAGMA application_id={}; PRAGMA user_version={};"
        "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE streams(uid INTEGER PRIMARY KEY, state BLOB NOT NULL, crc INTEGER NOT NULL);"
        "CREATE TABLE credentials(access_key BLOB PRIMARY KEY, state BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT "
        "ROWID;"
        "CREATE TABLE resources(arn BLOB PRIMARY KEY, state BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;"
        "COMMIT;",
        application_id, user_version);
    if (!execute(schema.c_str())) return fail(error("cannot be made"));
    return {};
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

bool Store::exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Expected<Store, StoreError> Store::open(const std::string& path) {
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    sqlite3* db = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
    impl->db.reset(db);
    if (code != SQLITE_OK) return fail(impl->error("cannot be opened"));
    TRY_VOID(impl->prepare());
    return Store(std::move(impl));
}

Expected<Loaded, StoreError> Store::load() {
    Loaded loaded;
    std::optional<std::uint64_t> crc;
    std::array<std::uint64_t, 3> counts{};
    Statement meta(impl_->db.get(), "SELECT name, value FROM meta");
    while (meta.step()) {
        if (meta.bytes(0) == "applied_lsn") loaded.applied_lsn = meta.number(1);
        if (meta.bytes(0) == "next_uid") loaded.state.next_uid = meta.number(1);
        if (meta.bytes(0) == "crc") crc = meta.number(1);
    }
    Statement streams(impl_->db.get(), "SELECT state, crc, uid FROM streams ORDER BY uid");
    while (streams.step()) {
        ++counts[0];
        if (row_crc(streams.bytes(0)) != streams.number(1))
            return fail(impl_->damaged("a stream with a wrong checksum"));
        auto stream = decode_stream(streams.bytes(0));
        if (!stream) return fail(impl_->damaged(stream.error().what));
        if (stream->uid != streams.number(2)) return fail(impl_->damaged("a stream under another stream's number"));
        loaded.state.snapshot = loaded.state.snapshot->with(std::make_shared<const StreamState>(*std::move(stream)));
    }
    Statement credentials(impl_->db.get(), "SELECT state, crc FROM credentials");
    while (credentials.step()) {
        ++counts[1];
        if (row_crc(credentials.bytes(0)) != credentials.number(1)) {
            return fail(impl_->damaged("a credential with a wrong checksum"));
        }
        auto credential = decode_credential(credentials.bytes(0));
        if (!credential) return fail(impl_->damaged(credential.error().what));
        loaded.state.snapshot =
            loaded.state.snapshot->with(std::make_shared<const CredentialState>(*std::move(credential)));
    }
    Statement resources(impl_->db.get(), "SELECT state, crc FROM resources");
    while (resources.step()) {
        ++counts[2];
        if (row_crc(resources.bytes(0)) != resources.number(1)) {
            return fail(impl_->damaged("a resource with a wrong checksum"));
        }
        auto resource = decode_resource(resources.bytes(0));
        if (!resource) return fail(impl_->damaged(resource.error().what));
        loaded.state.snapshot =
            loaded.state.snapshot->with(std::make_shared<const ResourceState>(*std::move(resource)));
    }
    if (!meta.finished() || !streams.finished() || !credentials.finished() || !resources.finished()) {
        return fail(impl_->error("cannot be read"));
    }
    // Absent in what older versions wrote.
    if (crc && *crc != meta_crc(loaded.applied_lsn, loaded.state.next_uid, counts)) {
        return fail(impl_->damaged("figures with a wrong checksum, or too few rows"));
    }
    return loaded;
}

Expected<void, StoreError> Store::write(const StoreUpdate& update) {
    sqlite3* db = impl_->db.get();
    bool ok = impl_->execute("BEGIN IMMEDIATE");
    Statement put_stream(db, "INSERT OR REPLACE INTO streams(uid, state, crc) VALUES(?, ?, ?)");
    Statement drop_stream(db, "DELETE FROM streams WHERE uid = ?");
    for (const auto& [uid, stream] : update.streams) {
        Statement& statement = stream != nullptr ? put_stream : drop_stream;
        statement.bind(1, uid);
        if (stream != nullptr) {
            const std::string state = encode(*stream);
            statement.bind(2, state);
            statement.bind(3, row_crc(state));
        }
        ok = ok && statement.run();
    }
    Statement put_credential(db, "INSERT OR REPLACE INTO credentials(access_key, state, crc) VALUES(?, ?, ?)");
    Statement drop_credential(db, "DELETE FROM credentials WHERE access_key = ?");
    for (const auto& [access_key, credential] : update.credentials) {
        Statement& statement = credential != nullptr ? put_credential : drop_credential;
        statement.bind(1, access_key);
        if (credential != nullptr) {
            const std::string state = encode(*credential);
            statement.bind(2, state);
            statement.bind(3, row_crc(state));
        }
        ok = ok && statement.run();
    }
    Statement put_resource(db, "INSERT OR REPLACE INTO resources(arn, state, crc) VALUES(?, ?, ?)");
    Statement drop_resource(db, "DELETE FROM resources WHERE arn = ?");
    for (const auto& [arn, resource] : update.resources) {
        Statement& statement = resource != nullptr ? put_resource : drop_resource;
        statement.bind(1, arn);
        if (resource != nullptr) {
            const std::string state = encode(*resource);
            statement.bind(2, state);
            statement.bind(3, row_crc(state));
        }
        ok = ok && statement.run();
    }
    Statement count(db,
                    "SELECT (SELECT COUNT(*) FROM streams), (SELECT COUNT(*) FROM credentials), (SELECT COUNT(*) FROM "
                    "resources)");
    ok = ok && count.step();
    const std::array<std::uint64_t, 3> counts{count.number(0), count.number(1), count.number(2)};
    count.reset();
    Statement put_meta(
        db, "INSERT OR REPLACE INTO meta(name, value) VALUES('applied_lsn', ?), ('next_uid', ?), ('crc', ?)");
    put_meta.bind(1, update.applied_lsn);
    put_meta.bind(2, update.next_uid);
    put_meta.bind(3, meta_crc(update.applied_lsn, update.next_uid, counts));
    ok = ok && put_meta.run();
    ok = ok && impl_->execute("COMMIT");
    if (ok) return {};
    const StoreError error = impl_->error("cannot be written");
    static_cast<void>(impl_->execute("ROLLBACK"));
    return fail(error);
}

Expected<void, StoreError> Store::check() {
    Statement statement(impl_->db.get(), "PRAGMA quick_check");
    if (!statement.step()) return fail(impl_->error("cannot be checked"));
    if (statement.bytes(0) != "ok") return fail(impl_->damaged(statement.bytes(0)));
    return {};
}

}  // namespace riacho::catalog
