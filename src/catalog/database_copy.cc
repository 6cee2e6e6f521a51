#include "catalog/database_copy.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <memory>
#include <optional>
#include <utility>

#include "base/try.h"

namespace riacho::catalog {
namespace {

constexpr int busy_timeout_ms = 10'000;

struct Close {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
};
struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Close>;
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

CopyError error(sqlite3* db, const std::string& path) {
    const int code = sqlite3_errcode(db) & 0xFF;
    return {code == SQLITE_CORRUPT || code == SQLITE_NOTADB,
            fmt::format("the catalog {} cannot be copied: {}", path, sqlite3_errmsg(db))};
}

Statement prepare(sqlite3* db, const char* sql) {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);
    return Statement(statement);
}

// The first column of the first row; 0 without a row; nothing if the statement failed.
std::optional<std::uint64_t> number(sqlite3* db, const char* sql) {
    const Statement statement = prepare(db, sql);
    const int step = statement ? sqlite3_step(statement.get()) : SQLITE_ERROR;
    if (step == SQLITE_DONE) return 0;
    if (step != SQLITE_ROW) return std::nullopt;
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement.get(), 0));
}

// The database, open; or why it is not.
Expected<Database, CopyError> open_database(const std::string& path) {
    sqlite3* opened = nullptr;
    // A reader of a write-ahead log takes part in its shared memory, so it has to open for writing.
    const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    Database db(opened);
    if (code != SQLITE_OK) return fail(error(opened, path));
    sqlite3_busy_timeout(db.get(), busy_timeout_ms);
    return db;
}

constexpr const char* select_applied_lsn = "SELECT value FROM meta WHERE name = 'applied_lsn'";

}  // namespace

std::uint64_t read_applied_lsn(const std::string& path) {
    const auto db = open_database(path);
    return db ? number(db->get(), select_applied_lsn).value_or(0) : 0;
}

Expected<std::uint64_t, CopyError> copy_database(const std::string& from, const std::string& to) {
    TRY(const Database db, open_database(from));
    const auto version = number(db.get(), "PRAGMA user_version");
    if (!version) return fail(error(db.get(), from));
    if (*version == 0) return std::uint64_t{0};  // its tables come with the version
    // Read before the copy is made, which may then contain more.
    const auto applied_lsn = number(db.get(), select_applied_lsn);
    if (!applied_lsn) return fail(error(db.get(), from));
    // One read transaction. The result has the application_id and the user_version of the original.
    const Statement copy = prepare(db.get(), "VACUUM INTO ?");
    if (!copy) return fail(error(db.get(), from));
    sqlite3_bind_text(copy.get(), 1, to.c_str(), -1, SQLITE_TRANSIENT);
    if (sqlite3_step(copy.get()) != SQLITE_DONE) return fail(error(db.get(), from));
    return *applied_lsn;
}

}  // namespace riacho::catalog
