// `riacho sql`: an application's SQL over a file of JSON lines, in this process; no server.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <system_error>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/json.h"
#include "core/clock.h"
#include "sql/engine.h"
#include "sql/record/decoder.h"
#include "sql/record/discover.h"
#include "sql/record/row_encode.h"
#include "sql/types/calendar.h"

namespace riacho::cli {
namespace {

constexpr std::size_t sample_lines_max = 1'000;
constexpr std::size_t wakes_max = 1'000'000;  // bounds close_windows()
constexpr std::string_view rowtime_member = "ROWTIME";

int fail_with(const std::string& problem, int code = exit_failure) {
    fmt::print(stderr, "riacho: {}\n", problem);
    return code;
}

Expected<std::string, std::string> read_file(const std::string& path) {
    TRY(const Descriptor file, open_input(path));
    LineReader lines(file.get());
    std::string text;
    std::string line;
    while (true) {
        switch (lines.next(line)) {
            case LineReader::Step::line:
            case LineReader::Step::last_line:
                text += line;
                text += '\n';
                if (text.size() > sql::sql_text_max * 4) return fail(fmt::format("{} is too long", path));
                break;
            case LineReader::Step::end:
                return text;
            case LineReader::Step::interrupted:
                return fail(std::string("interrupted"));
            case LineReader::Step::too_long:
                return fail(fmt::format("{} has a line that is too long", path));
            case LineReader::Step::failed:
                return fail(fmt::format("cannot read {}: {}", path, std::generic_category().message(errno)));
        }
    }
}

// A line of the input: its ROWTIME, if there is one; is_tick: the object has no other member.
struct Line {
    std::optional<sql::RowTime> time;
    bool is_tick = false;
};

Expected<Line, std::string> look_at(const std::string& line) {
    wire::Document document;
    if (!document.parse(wire::Format::json, line) || document.nodes()[0].kind != wire::NodeKind::object)
        return fail(std::string("is no JSON object"));
    Line result;
    const wire::Node* time = find_member(document.nodes(), 0, rowtime_member);
    if (time == nullptr) return result;
    if (time->kind == wire::NodeKind::text) {
        const auto parsed = sql::parse_record_timestamp(time->view());
        if (parsed) result.time = sql::RowTime(*parsed);
    } else if (time->kind == wire::NodeKind::integer) {
        result.time = sql::RowTime(time->integer);
    }
    if (!result.time) return fail(std::string("has a ROWTIME that is no timestamp"));
    result.is_tick = document.nodes()[0].size == 1;
    return result;
}

// Parses columns in the syntax of CREATE STREAM: "TICKER VARCHAR(4), PRICE REAL"; each is mapped to the member with its
// name.
Expected<sql::RecordSchema, std::string> schema_of_columns(const std::string& columns) {
    const auto program = sql::Program::compile(fmt::format("CREATE STREAM S ({})", columns), {});
    if (!program) return fail(fmt::format("--columns: {}", program.error().front().text));
    sql::RecordSchema schema;
    for (const sql::Column& column : (*program)->streams()[0].columns)
        schema.columns.push_back({column.name, fmt::format("$['{}']", column.name), column.type});
    return schema;
}

// Discovers the columns from a sample of the input. Names keep their case: SQL has to quote a name that is not in upper
// case.
Expected<sql::RecordSchema, std::string> schema_of_lines(const std::vector<std::string>& lines) {
    std::vector<std::string_view> records;
    for (const std::string& line : lines) {
        const auto seen = look_at(line);
        if (seen && !seen->is_tick) records.emplace_back(line);
    }
    auto found = sql::discover_schema(records);
    if (!found) return fail(std::string("the input has no rows to find columns in; name them with --columns"));
    std::erase_if(found->schema.columns, [](const sql::RecordColumn& column) { return column.mapping == "$.ROWTIME"; });
    // Later values may be larger than the sample's.
    for (sql::RecordColumn& column : found->schema.columns) {
        if (column.type.is_integer()) column.type = sql::simple_type(sql::Kind::bigint);
        if (column.type.is_character()) column.type.length = std::max<std::uint32_t>(column.type.length, 256);
    }
    return std::move(found->schema);
}

class Run {
public:
    Run(const SqlRequest& request, std::shared_ptr<const sql::Program> program,
        std::unique_ptr<sql::RecordDecoder> decoder, const core::Clock& clock)
        : request_(request),
          program_(std::move(program)),
          decoder_(std::move(decoder)),
          engine_(program_, options(clock.now())),
          clock_(clock) {}

    Expected<void, std::string> line(const std::string& text) {
        TRY(const Line line, look_at(text));
        if (line.time) {
            if (*line.time < time_) return fail(std::string("goes back in time"));
            time_ = *line.time;
        } else if (request_.manual) {
            if (time_.value() == INT64_MIN) return fail(std::string("has no ROWTIME, and none came before"));
        } else {
            time_ = std::max(time_, clock_.now());
        }
        engine_.begin_turn(time_);
        if (!line.is_tick) {
            decoder_->decode(text, 0, time_, {.arrival = time_});
            for (auto& rows : decoder_->take_rows()) engine_.push(sql::InputIx(0), std::move(rows));
            engine_.push_errors(sql::InputIx(0), decoder_->take_errors());
        }
        engine_.advance(sql::InputIx(0), time_);
        drain();
        return {};
    }

    // Moves the time on until every window has closed.
    void close_windows() {
        for (std::size_t i = 0; i < wakes_max; ++i) {
            const auto wake = engine_.wake_at();
            if (!wake) return;
            engine_.begin_turn(*wake);
            engine_.advance(sql::InputIx(0), *wake);
            drain();
        }
    }

private:
    static sql::EngineOptions options(sql::RowTime now) {
        sql::EngineOptions options;
        options.started_at = now;
        return options;
    }

    void drain() {
        sql::WorkBudget budget;
        do {
            engine_.run(budget);
            while (const auto emitted = engine_.take()) print(*emitted);
        } while (!engine_.idle());
    }

    void print(const sql::Emitted& emitted) {
        const sql::StreamInfo& stream = program_->streams()[emitted.stream.value()];
        for (std::uint32_t row = 0; row < emitted.rows->rows; ++row) {
            out_ = fmt::format("{{\"stream\":{},\"rowtime\":\"", json_quoted(stream.name));
            sql::append_timestamp(out_, emitted.rows->time_of(row).value(), true);
            out_ += "\",\"row\":";
            sql::encode_json_row(*emitted.rows, row, stream.columns, out_);
            fmt::print("{}}}\n", out_);
        }
    }

    const SqlRequest& request_;
    std::shared_ptr<const sql::Program> program_;
    std::unique_ptr<sql::RecordDecoder> decoder_;
    sql::Engine engine_;
    const core::Clock& clock_;
    sql::RowTime time_{INT64_MIN};
    std::string out_;
};

int show_issues(const SqlRequest& request, const std::string& text, const std::vector<sql::Issue>& issues) {
    for (const sql::Issue& issue : issues)
        fmt::print(stderr, "{}: {}\n{}", request.file, issue.text, sql::show_in_source(text, issue));
    return exit_damaged;
}

// The streams whose rows are printed: the requested ones, or all streams of the SQL and the error stream.
std::vector<std::string> outputs_of(const SqlRequest& request, const sql::Program& program) {
    if (!request.outputs.empty()) return request.outputs;
    std::vector<std::string> outputs;
    for (const sql::StreamInfo& stream : program.streams()) {
        if (!stream.is_input) outputs.push_back(stream.name);
    }
    return outputs;
}

}  // namespace

int sql(const SqlRequest& request) {
    const auto text = read_file(request.file);
    if (!text) return fail_with(text.error());
    std::vector<std::string> sample;
    std::optional<Descriptor> input;
    std::optional<LineReader> lines;
    std::string line;
    LineReader::Step step = LineReader::Step::end;
    if (!request.input.empty()) {
        auto opened = open_input(request.input);
        if (!opened) return fail_with(opened.error());
        input = *std::move(opened);
        lines.emplace(input->get());
        step = lines->next(line);
        while ((step == LineReader::Step::line || step == LineReader::Step::last_line) &&
               sample.size() < sample_lines_max) {
            if (!line.empty()) sample.push_back(line);
            step = lines->next(line);
        }
    } else if (request.columns.empty()) {
        return fail_with("sql: --input or --columns is needed", exit_usage);
    }
    const auto schema = request.columns.empty() ? schema_of_lines(sample) : schema_of_columns(request.columns);
    if (!schema) return fail_with(schema.error());
    sql::Environment environment;
    sql::InputSpec spec;
    spec.name = request.stream;
    for (const sql::RecordColumn& column : schema->columns) {
        sql::Type type = column.type;
        type.nullable = true;
        spec.columns.push_back({column.name, type});
    }
    environment.inputs.push_back(std::move(spec));
    auto program = sql::Program::compile(*text, environment);
    if (!program) return show_issues(request, *text, program.error());
    for (const sql::Issue& warning : (*program)->warnings()) fmt::print(stderr, "riacho: warning: {}\n", warning.text);
    environment.outputs = outputs_of(request, **program);
    for (const std::string& output : environment.outputs) {
        if (!(*program)->find_stream(output))
            return fail_with(fmt::format("there is no stream '{}'", output), exit_usage);
    }
    if (request.explain) {
        fmt::print("{}", (*program)->explain());
        return exit_ok;
    }
    if (!lines) return exit_ok;  // checked
    program = sql::Program::compile(*text, environment);
    if (!program) return show_issues(request, *text, program.error());
    auto decoder = sql::RecordDecoder::make(*schema, false, (*program)->columns_used(sql::InputIx(0)));
    if (!decoder) return fail_with(decoder.error());
    core::SystemClock clock;
    Run run(request, *program, *std::move(decoder), clock);
    std::uint64_t number = 0;
    const auto one = [&](const std::string& next) {
        ++number;
        if (next.empty()) return true;
        const auto done = run.line(next);
        if (!done) fail_with(fmt::format("row {} of {} {}", number, request.input, done.error()));
        return done.has_value();
    };
    for (const std::string& next : sample) {
        if (!one(next)) return exit_failure;
    }
    while (step == LineReader::Step::line || step == LineReader::Step::last_line) {
        if (!one(line)) return exit_failure;
        step = lines->next(line);
    }
    if (step != LineReader::Step::end)
        return fail_with(fmt::format("cannot read {} behind row {}", request.input, number));
    if (request.close_windows) run.close_windows();
    return exit_ok;
}

}  // namespace riacho::cli
