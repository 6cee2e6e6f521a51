// `riacho backup`: copies a data directory, whether a server uses it or not.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "base/exit_code.h"
#include "base/try.h"
#include "catalog/database_copy.h"
#include "io/file_system.h"
#include "log/backup.h"
#include "server/commands.h"

namespace riacho::server {
namespace {

namespace files = std::filesystem;

// How often a copy begins again because the server removed what was to be copied next. Each try has less to copy.
constexpr int tries_max = 50;

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

int report(ExitCode code, std::string_view problem) {
    fmt::print(stderr, "riacho: {}\n", problem);
    return code;
}

ExitCode exit_code_of(log::OpenFault fault) {
    switch (fault) {
        case log::OpenFault::locked:
            return exit_locked;
        case log::OpenFault::damaged:
            return exit_damaged;
        case log::OpenFault::io:
            return exit_io;
        case log::OpenFault::configuration:
            return exit_configuration;
    }
    return exit_failure;
}

// Copies streams, records and everything else of the catalog and the log. The catalog comes first: the journal that is
// copied after it has the commands that it lacks.
int copy_store(const std::string& from, const std::string& to) {
    log::HotCopy copy(from, to, io::posix_file_system());
    const std::string catalog = to + "/catalog.sqlite";
    auto bulk = copy.copy_segments();
    if (!bulk) return report(exit_code_of(bulk.error().fault), bulk.error().message);
    for (int tries = 0; tries < tries_max; ++tries) {
        log::Lsn applied(0);
        if (exists(from + "/catalog.sqlite")) {
            ::unlink(catalog.c_str());
            const auto copied = catalog::copy_database(from + "/catalog.sqlite", catalog);
            if (!copied) return report(copied.error().is_damage ? exit_damaged : exit_io, copied.error().message);
            applied = log::Lsn(*copied);
        }
        const auto rest =
            copy.copy_rest(applied, [&] { return log::Lsn(catalog::read_applied_lsn(from + "/catalog.sqlite")); });
        if (!rest) return report(exit_code_of(rest.error().fault), rest.error().message);
        if (*rest) return exit_ok;
    }
    return report(
        exit_failure,
        fmt::format("{}: files came and went faster than they were copied; try again when less is written", from));
}

// Single files, and what delivery streams wrote. The latter come after the log: a file that the log says is delivered
// was there before.
void copy_neighbours(const std::string& from, const std::string& to) {
    for (const char* name : {"clock", "keyring", "tls-cert.pem", "tls-key.pem"}) {
        if (exists(from + "/" + name)) files::copy_file(from + "/" + name, to + "/" + name);
    }
    if (!exists(from + "/buckets")) return;
    files::create_directory(to + "/buckets");
    for (auto entry = files::recursive_directory_iterator(from + "/buckets"); entry != files::end(entry); ++entry) {
        const files::path target = to / files::relative(entry->path(), from);
        std::error_code missing;
        if (entry->is_directory(missing)) {
            files::create_directories(target);
        } else if (files::copy_file(entry->path(), target, missing); missing && missing.value() != ENOENT) {
            throw files::filesystem_error("copy", entry->path(), target, missing);
        }
    }
}

}  // namespace

int backup(const cli::DataDirectory& data_dir, const BackupRequest& request) {
    const std::string& from = data_dir.path;
    if (!exists(from + "/STORE")) {
        return report(exit_configuration, fmt::format("there is no riacho store in {}", data_dir.describe()));
    }
    std::string to = files::absolute(request.target).lexically_normal().string();
    if (to.size() > 1 && to.ends_with('/')) to.pop_back();
    const std::string inside = files::canonical(from).string() + "/";
    if (files::weakly_canonical(to).string().starts_with(inside)) {
        return report(exit_usage, fmt::format("{} is inside of the data directory", to));
    }
    const std::string partial = to + ".partial";
    for (const std::string& path : {to, partial}) {
        if (exists(path))
            return report(exit_usage, fmt::format("{} exists: a backup is made in a new directory", path));
    }
    umask(077);
    try {
        files::create_directory(partial);
        if (const int code = copy_store(from, partial); code != exit_ok) {
            files::remove_all(partial);
            return code;
        }
        copy_neighbours(from, partial);
    } catch (const files::filesystem_error& error) {
        std::error_code ignored;
        files::remove_all(partial, ignored);
        return report(exit_io, error.what());
    }
    int code = exit_ok;
    if (request.verifies) code = verify({partial, "the backup"});
    // Damage that is in the backup is in the server's directory, too: it is kept, and the exit code tells of it.
    io::FileSystem& fs = io::posix_file_system();
    const auto finish = [&]() -> io::IoResult<void> {
        TRY_VOID(fs.syncfs(partial));
        TRY_VOID(fs.rename(partial, to));
        return fs.sync_directory(files::path(to).parent_path().string());
    };
    if (const auto finished = finish(); !finished) return report(exit_io, finished.error().describe());
    fmt::print("backup: {}\n", to);
    return code;
}

}  // namespace riacho::server
