// `riacho verify`: an offline check of every file in a data directory.
#include "log/verify.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "catalog/keyring.h"
#include "catalog/sqlite_store.h"
#include "cli/progress.h"
#include "core/file_exists.h"
#include "core/rng.h"
#include "http/tls.h"
#include "io/file_system.h"
#include "server/commands.h"
#include "streams/encryption.h"

namespace riacho::server {
namespace {

using core::file_exists;

// Prints findings and counts them; notes are not counted.
class Findings {
public:
    void damage(std::string_view text) {
        fmt::print("DAMAGE {}\n", text);
        damaged_ = true;
    }
    void keyring_problem(std::string_view text) {
        fmt::print("DAMAGE {}\n", text);
        keyring_ = true;
    }
    static void note(std::string_view text) { fmt::print("note {}\n", text); }

    [[nodiscard]] ExitCode exit_code() const {
        if (damaged_) return exit_damaged;
        return keyring_ ? exit_keyring : exit_ok;
    }

private:
    bool damaged_ = false;
    bool keyring_ = false;
};

void print_log(const log::VerifyReport& report, Findings& findings) {
    for (const log::Finding& finding : report.findings) {
        const std::string text = fmt::format("{} at {}: {}", finding.path, finding.offset, finding.message);
        if (finding.severity == log::Finding::Severity::damage) {
            findings.damage(text);
        } else {
            Findings::note(text);
        }
    }
    using cli::count_of;
    fmt::print("log: {}, {}, {}, {}, {}, {}\n", count_of(report.journal_files, "journal file"),
               count_of(report.segments, "segment"), count_of(report.shards, "shard"), count_of(report.frames, "frame"),
               count_of(report.records, "record"), count_of(report.bytes, "byte"));
}

// is_used: the journal no longer begins with the store's first file, so there must be a catalog. Returns its content,
// if it can be read.
std::optional<catalog::Loaded> verify_catalog(const std::string& path, bool is_used, Findings& findings) {
    if (!file_exists(path)) {
        if (is_used) {
            findings.damage(path + " is missing, and the journal no longer holds what it described");
        } else {
            Findings::note(path + " is not there yet");
        }
        return std::nullopt;
    }
    auto store = catalog::SqliteStore::open(path);
    if (!store) {
        findings.damage(store.error().message);
        return std::nullopt;
    }
    const auto checked = store->check();
    const auto loaded = store->load();
    if (!checked) findings.damage(checked.error().message);
    if (!loaded) findings.damage(loaded.error().message);
    if (!checked || !loaded) return std::nullopt;
    fmt::print("catalog: {}, {}, applied up to {}\n", cli::count_of(loaded->state.snapshot->stream_count(), "stream"),
               cli::count_of(loaded->state.snapshot->credentials().size(), "credential"), loaded->applied_lsn);
    return *std::move(loaded);
}

// Whether the keyring opens all sealed data of the catalog. Directories of older versions have no check value.
bool fits(const catalog::Keyring& keyring, const catalog::Loaded& catalog, core::Rng& rng) {
    if (catalog.key_check && *catalog.key_check != keyring.check_value()) return false;
    for (const auto& user : catalog.state.snapshot->credentials()) {
        if (!keyring.open_secret(user->access_key, user->sealed_secret)) return false;
    }
    const streams::DataKeys data_keys(keyring, rng, {});
    for (const auto& stream : catalog.state.snapshot->all_streams()) {
        if (!stream->data_keys.empty() && !data_keys.can_open(*stream)) return false;
    }
    return true;
}

void verify_keyring(const std::string& path, bool is_used, const std::optional<catalog::Loaded>& catalog,
                    Findings& findings) {
    if (!is_used && !file_exists(path)) return Findings::note(path + " is not there yet");
    core::SystemRng rng;
    const auto keyring = catalog::Keyring::open(path, false, rng);
    if (!keyring) return findings.keyring_problem(keyring.error().message);
    if (catalog && !fits(*keyring, *catalog, rng)) {
        return findings.keyring_problem(path + " is not the one that sealed what the catalog holds");
    }
    fmt::print("keyring: {}\n", catalog ? "opens what the catalog holds" : "readable");
}

// The generated certificate and key, if they exist; files named by --tls-cert are outside the directory.
void verify_certificate(const http::TlsOptions& paths, Findings& findings) {
    const bool has_cert = file_exists(paths.cert_path);
    const bool has_key = file_exists(paths.key_path);
    if (!has_cert || !has_key) {
        const std::string& missing = has_cert ? paths.key_path : paths.cert_path;
        return Findings::note(fmt::format("{} is not there{}: the next start makes a new certificate", missing,
                                          has_cert || has_key ? ", the other one of the pair is" : ""));
    }
    if (const auto checked = http::check_certificate(paths); !checked) return findings.damage(checked.error().message);
    fmt::print("certificate: fits its key\n");
}

}  // namespace

int verify(const cli::DataDirectory& data_dir) {
    const std::string& path = data_dir.path;
    if (::access(path.c_str(), R_OK) != 0) {
        fmt::print(stderr, "riacho: cannot read the data directory {}\n", data_dir.describe());
        return exit_configuration;
    }
    // Checked before the log creates LOCK in a directory that is not riacho's.
    if (!file_exists(path + "/STORE") && !file_exists(path + "/journal") && !file_exists(path + "/catalog.sqlite")) {
        fmt::print(stderr, "riacho: there is no riacho store in {}\n", data_dir.describe());
        return exit_configuration;
    }
    const log::VerifyReport report = log::verify(path, io::posix_file_system());
    if (report.is_in_use) {
        fmt::print(stderr, "riacho: {} is in use by another process\n", data_dir.describe());
        return exit_locked;
    }
    Findings findings;
    print_log(report, findings);
    const bool is_used = report.frames > 0 || report.shards > 0 || file_exists(path + "/checkpoint.rkc");
    // Until the catalog is written for the first time, the journal has all of it.
    const bool has_whole_journal = file_exists(path + "/journal/j-0000000000000001.rkj");
    const auto catalog = verify_catalog(path + "/catalog.sqlite", is_used && !has_whole_journal, findings);
    if (catalog && report.end != 0 && catalog->applied_lsn >= report.end) {
        findings.damage(fmt::format(
            "{}/catalog.sqlite holds commands up to position {}, but the journal ends at {}: one of the two comes "
            "from elsewhere, or from another time",
            path, catalog->applied_lsn, report.end));
    }
    verify_keyring(path + "/keyring", is_used || file_exists(path + "/catalog.sqlite"), catalog, findings);
    verify_certificate({path + "/tls-cert.pem", path + "/tls-key.pem"}, findings);
    if (findings.exit_code() == exit_ok) fmt::print("no damage found\n");
    return findings.exit_code();
}

}  // namespace riacho::server
