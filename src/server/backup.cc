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
#include "core/file_exists.h"
#include "io/file_system.h"
#include "log/backup.h"
#include "server/commands.h"
#include "server/open_fault.h"

namespace riacho::server {
namespace {

namespace files = std::filesystem;
using core::file_exists;

// The number of attempts when the server removes files before they are copied. Each attempt has less to copy.
constexpr int tries_max = 50;

int report(ExitCode code, std::string_view problem) {
    fmt::print(stderr, "riacho: {}\n", problem);
    return code;
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
        if (file_exists(from + "/catalog.sqlite")) {
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

// Copies a folder, except for entries that vanish before they are copied: the server removes empty folders.
void copy_folder(const files::path& from, const files::path& to) {
    std::error_code error;
    const auto tolerate = [&](const char* call, const files::path& path) {
        if (error && error.value() != ENOENT) throw files::filesystem_error(call, path, error);
        return !error;
    };
    files::directory_iterator entry(from, error);
    if (!tolerate("opendir", from)) return;
    files::create_directory(to);
    for (; entry != files::end(entry); entry.increment(error), tolerate("readdir", from)) {
        const files::path& path = entry->path();
        const files::path target = to / path.filename();
        const bool is_link = entry->is_symlink(error);
        if (!tolerate("stat", path)) continue;
        const files::file_status status = files::status(path, error);
        if (is_link && status.type() != files::file_type::regular) {
            // Following it might never end.
            const files::path leads_to = files::read_symlink(path, error);
            if (!tolerate("readlink", path)) continue;
            files::create_symlink(leads_to, target);
            fmt::print(stderr, "riacho: {} is a link to {}: the backup has the link, and not what it leads to\n",
                       path.string(), leads_to.string());
            continue;
        }
        if (!tolerate("stat", path)) continue;
        if (status.type() == files::file_type::directory) {
            copy_folder(path, target);
            continue;
        }
        if (status.type() != files::file_type::regular) {
            // A pipe, a socket or a device: not of riacho, and nothing to copy. Opening it might never end.
            fmt::print(stderr, "riacho: {} is not a file: the backup does not have it\n", path.string());
            continue;
        }
        files::copy_file(path, target, error);
        tolerate("copy", path);
    }
}

// Single files, and what delivery streams wrote. The latter come after the log: a file that the log says is delivered
// was there before.
void copy_neighbours(const std::string& from, const std::string& to) {
    for (const char* name : {"clock", "keyring", "tls-cert.pem", "tls-key.pem"}) {
        if (file_exists(from + "/" + name)) files::copy_file(from + "/" + name, to + "/" + name);
    }
    copy_folder(from + "/buckets", to + "/buckets");
}

}  // namespace

int backup(const cli::DataDirectory& data_dir, const BackupRequest& request) {
    const std::string& from = data_dir.path;
    if (!file_exists(from + "/STORE")) {
        return report(exit_configuration, fmt::format("there is no riacho store in {}", data_dir.describe()));
    }
    std::string to = files::absolute(request.target).lexically_normal().string();
    if (to.size() > 1 && to.ends_with('/')) to.pop_back();
    const std::string inside = files::canonical(from).string() + "/";
    if (files::weakly_canonical(to).string().starts_with(inside)) {
        return report(exit_usage, fmt::format("{} is inside of the data directory", to));
    }
    const std::string partial = to + ".partial";
    if (file_exists(to)) return report(exit_usage, fmt::format("{} exists: a backup is made in a new directory", to));
    if (file_exists(partial)) {
        return report(exit_usage, fmt::format("{} exists: a backup is being made there, or one was interrupted. If no "
                                              "backup runs, remove that directory and try again",
                                              partial));
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
    // The server's directory has the damage of the backup as well: the backup is kept, and the exit code reports the
    // damage.
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
