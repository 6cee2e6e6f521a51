// `riacho verify`: an offline look at everything in a data directory.
#include <fmt/format.h>
#include <unistd.h>

#include "catalog/store.h"
#include "io/file_system.h"
#include "log/verify.h"
#include "server/commands.h"
#include "server/exit_code.h"

namespace riacho::server {
namespace {

bool verify_catalog(const std::string& path) {
    if (!catalog::Store::exists(path)) {
        fmt::print("catalog: none yet\n");
        return true;
    }
    auto store = catalog::Store::open(path);
    if (!store) {
        fmt::print("DAMAGE {}\n", store.error().message);
        return false;
    }
    const auto checked = store->check();
    const auto loaded = store->load();
    if (!checked) fmt::print("DAMAGE {}\n", checked.error().message);
    if (!loaded) fmt::print("DAMAGE {}\n", loaded.error().message);
    if (!checked || !loaded) return false;
    fmt::print("catalog: {} streams, {} credentials, applied up to {}\n", loaded->state.snapshot->stream_count(),
               loaded->state.snapshot->credentials().size(), loaded->applied_lsn);
    return true;
}

}  // namespace

int verify(const std::string& data_dir) {
    if (::access(data_dir.c_str(), R_OK) != 0) {
        fmt::print(stderr, "riacho: cannot read the data directory {}\n", data_dir);
        return exit_configuration;
    }
    const log::VerifyReport report = log::verify(data_dir, io::posix_file_system());
    if (report.is_in_use) {
        fmt::print(stderr, "riacho: {} is in use by another process\n", data_dir);
        return exit_locked;
    }
    for (const log::Finding& finding : report.findings) {
        const bool damage = finding.severity == log::Finding::Severity::damage;
        fmt::print("{} {} at {}: {}\n", damage ? "DAMAGE" : "note", finding.path, finding.offset, finding.message);
    }
    fmt::print("log: {} journal files, {} segments, {} shards, {} frames, {} records, {} bytes\n", report.journal_files,
               report.segments, report.shards, report.frames, report.records, report.bytes);
    const bool catalog_sound = verify_catalog(data_dir + "/catalog.sqlite");
    if (report.is_damaged() || !catalog_sound) return exit_damaged;
    fmt::print("no damage found\n");
    return exit_ok;
}

}  // namespace riacho::server
