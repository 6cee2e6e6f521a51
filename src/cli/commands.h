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

// Options of every API client; an empty option is taken from the environment.
struct ClientOptions {
    std::string endpoint;
    std::string region;
    std::string ca_file;  // PEM certificates to trust for https
};

struct ExportRequest {
    ClientOptions client;
    std::string stream;
    std::string file = "-";  // standard output
    bool progress = false;   // even if standard error is not a terminal
    bool resume = false;     // continue FILE.partial
    bool skip_damaged = false;
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

struct PutRequest {
    ClientOptions client;
    std::string stream;
    std::vector<std::string> data;  // records; without any, and without a file, each line of standard input is one
    std::string file;               // its bytes are a record
    std::string key;                // partition key; empty: another for each record
    std::string hash_key;           // explicit hash key; empty: none
};
// Puts records into a stream; prints where each of `data`, or `file`, is.
int put(const PutRequest& request);

struct StreamsRequest {
    ClientOptions client;
    bool names = false;  // print names alone
    bool json = false;   // print a JSON object a line
};
// Lists the streams of a region.
int streams(const StreamsRequest& request);

struct TailRequest {
    ClientOptions client;
    std::string stream;
    std::string from;                 // see parse_position(); empty: latest with follow, else trim-horizon
    std::vector<std::string> shards;  // ids; these shards and their descendants. Empty: all
    RecordFormat format = RecordFormat::text;
    bool follow = false;
    std::uint64_t records = 0;  // ends after this number of records; 0: no limit
    std::int64_t seconds = 0;   // ends after this time; 0: no limit
    bool skip_damaged = false;
};
// Prints a stream's records.
int tail(const TailRequest& request);

// The data directory of `user` and `clock`, and the source of the setting ("flag", "RIACHO_DATA_DIR", ...).
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
// The reason why a server could not be started.
struct ServerFault {
    ExitCode exit_code;
    std::string message;
};
// Starts a server on a data directory; it runs as long as the pointer lives.
using StartServer = std::function<Expected<std::shared_ptr<void>, ServerFault>(const std::string& data_dir)>;
// Changes credentials: through the running server of the data directory, or else through a temporary server that
// `start` runs. Never creates a data directory.
int user(const UserRequest& request, const StartServer& start);

struct HealthRequest {
    DataDirectory data_dir;  // whose running server is asked, unless `endpoint` or RIACHO_ENDPOINT says which
    std::string endpoint;
    std::string ca_file;
    bool live = false;        // liveness instead of readiness
    bool json = false;        // print the page
    std::int64_t wait_s = 0;  // ask again for so long
};
// Exit code 0 if the server is ready (or live), else 1.
int health(const HealthRequest& request);

struct ClockRequest {
    bool accept = false;                  // accept the machine's clock, so that retention goes on
    std::optional<std::int64_t> step_ms;  // --test-clock: sets the wall clock alone forward or back
    std::int64_t advance_ms = 0;          // --test-clock: moves the time forward
};
// Applies the first given action to the clock of the running server.
int clock(const DataDirectory& data_dir, const ClockRequest& request);

struct SqlRequest {
    std::string file;     // the application's SQL
    std::string input;    // JSON lines; "-": standard input; empty: only checks the SQL
    std::string columns;  // of the input, as in CREATE STREAM; empty: discovered from it
    std::string stream = "SOURCE_SQL_STREAM_001";
    std::vector<std::string> outputs;  // streams to print; empty: all
    bool manual = false;               // time is taken only from the lines' ROWTIME
    bool explain = false;
    bool close_windows = true;  // closes all windows after the last line
};
// Runs an application's SQL over a file, or prints its errors (exit code 65).
int sql(const SqlRequest& request);

struct FlushRequest {
    std::string stream;
    std::string account;  // empty: the server's own
    std::string region;   // empty: the server's own
};
// Makes a delivery stream deliver its accepted records at once, whatever its buffering hints.
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
