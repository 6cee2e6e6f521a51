// The subcommands that are clients of a server. Each returns the process's exit code (base/exit_code.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/exit_code.h"
#include "base/result.h"
#include "cli/record_format.h"

namespace riacho::cli {

// What every client of the API can be told; what is empty comes from the environment.
struct ClientOptions {
    std::string endpoint;
    std::string region;
    std::string ca_file;  // PEM certificates to trust for https
};

struct ExportRequest {
    ClientOptions client;
    std::string stream;
    std::string file = "-";  // standard output
    bool progress = false;   // even when standard error is no terminal
    bool resume = false;     // continue FILE.partial
};
// Copies a stream's records to JSON lines.
int export_records(const ExportRequest& request);

struct ImportRequest {
    ClientOptions client;
    std::string stream;
    std::string file = "-";  // standard input
    bool progress = false;
    std::uint64_t from_line = 1;  // lines before it are skipped
};
// Puts records from JSON lines into a stream.
int import_records(const ImportRequest& request);

struct TailRequest {
    ClientOptions client;
    std::string stream;
    std::string from;                 // see parse_position(); empty: latest with follow, else trim-horizon
    std::vector<std::string> shards;  // ids; those and what becomes of them. Empty: all
    RecordFormat format = RecordFormat::text;
    bool follow = false;
    std::uint64_t records = 0;  // ends after so many; 0: no bound
    std::int64_t seconds = 0;   // ends after so long; 0: no bound
};
// Prints a stream's records.
int tail(const TailRequest& request);

// The data directory of `user` and `clock`, and the setting that named it ("flag", "RIACHO_DATA_DIR", ...).
struct DataDirectory {
    std::string path;
    std::string source;

    // "/srv/riacho-data (RIACHO_DATA_DIR)", with the absolute path.
    [[nodiscard]] std::string describe() const;
};

struct UserRequest {
    enum class Action : std::uint8_t { add, list, remove, rotate } action;
    DataDirectory data_dir;
    std::string name;
    std::string account;
    bool json = false;
};
// A server that runs as long as the pointer lives.
struct ServerFault {
    ExitCode exit_code;
    std::string message;
};
using StartServer = std::function<Expected<std::shared_ptr<void>, ServerFault>(const std::string& data_dir)>;
// Changes credentials: through the running server of the data directory, else through one that `start` runs for the
// moment. Never makes a store where there is none.
int user(const UserRequest& request, const StartServer& start);

struct ClockRequest {
    bool accept = false;                  // the machine's clock is right, and retention goes on
    std::optional<std::int64_t> step_ms;  // --test-clock: the wall clock alone is set, forward or back
    std::int64_t advance_ms = 0;          // --test-clock: so much time passes
};
// Does the first of these to the clock of the running server.
int clock(const DataDirectory& data_dir, const ClockRequest& request);

struct SqlRequest {
    std::string file;     // the application's SQL
    std::string input;    // JSON lines; "-": standard input; empty: the SQL is checked alone
    std::string columns;  // of the input, as in CREATE STREAM; empty: found in the input
    std::string stream = "SOURCE_SQL_STREAM_001";
    std::vector<std::string> outputs;  // streams to print; empty: all
    bool manual = false;               // time is the ROWTIME of the lines alone
    bool explain = false;
    bool close_windows = true;  // time goes on behind the last line
};
// Runs an application's SQL over a file, or says what is wrong with it (exit code 65).
int sql(const SqlRequest& request);

struct FlushRequest {
    std::string stream;
    std::string account;  // empty: the server's own
    std::string region;   // empty: the server's own
};
// Has a delivery stream deliver what it has accepted, without waiting for its buffering hints.
int firehose_flush(const DataDirectory& data_dir, const FlushRequest& request);

struct PeekRequest {
    DataDirectory data_dir;
    std::string application;  // a name, or an ARN
    std::string stream;
    std::int64_t seconds = 5;  // how long to wait for the first rows
};
// Prints the last rows of an in-application stream of a running application, a JSON object a line.
int peek(const PeekRequest& request);

}  // namespace riacho::cli
