#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "base/try.h"
#include "sql/bind/binder.h"
#include "sql/parse/parser.h"

namespace riacho::sql {
namespace {

constexpr std::size_t issues_max = 20;
constexpr std::size_t streams_max = 256;
constexpr std::size_t pumps_max = 256;

bool is_error_stream(std::string_view name) { return equal_ignoring_case(name, error_stream_name); }

void collect_sources(const plan::Node& node, std::vector<std::uint32_t>& sources) {
    if (node.kind == plan::NodeKind::scan) sources.push_back(node.stream.value());
    for (const auto& input : node.inputs) collect_sources(*input, sources);
}

std::vector<Column> error_columns() {
    return {{"ERROR_TIME", simple_type(Kind::timestamp)},
            {"ERROR_LEVEL", varchar_type(10)},
            {"ERROR_NAME", varchar_type(32)},
            {"MESSAGE", varchar_type(4096)},
            {"DATA_ROWTIME", simple_type(Kind::timestamp)},
            {"DATA_ROW", varchar_type(49152)},
            {"PUMP_NAME", varchar_type(128)}};
}

}  // namespace

Issue invalid(const Span& at, std::string_view message) { return make_issue(IssueCode::invalid, at, message); }

Issue unsupported(const Span& at, std::string_view what) {
    return make_issue(IssueCode::unsupported, at, fmt::format("{} is not supported yet by riacho", what));
}

std::vector<Column> all_columns(const InputSpec& input) {
    std::vector<Column> columns = input.columns;
    columns.push_back({"APPROXIMATE_ARRIVAL_TIME", simple_type(Kind::timestamp)});
    if (input.shard_metadata) {
        // AWS: S5.1; the sizes are not verified.
        columns.push_back({"PARTITION_KEY", varchar_type(512)});
        columns.push_back({"SEQUENCE_NUMBER", varchar_type(128)});
        columns.push_back({"SHARD_ID", varchar_type(64)});
    }
    return columns;
}

Binder::Binder(const Environment& environment) : environment_(environment), plan_(std::make_unique<plan::Plan>()) {
    plan_->environment = environment;
    for (const InputSpec& input : environment.inputs) {
        StreamInfo info;
        info.name = input.name;
        info.columns = all_columns(input);
        info.is_input = true;
        plan_->streams.push_back(std::move(info));
    }
}

std::optional<std::uint32_t> Binder::find_stream(std::string_view name) const {
    for (std::uint32_t i = 0; i < plan_->streams.size(); ++i) {
        if (plan_->streams[i].name == name) return i;
    }
    return std::nullopt;
}

Expected<std::unique_ptr<plan::Plan>, std::vector<Issue>> Binder::run(const ast::Script& script) {
    for (const ast::Statement& next : script.statements) {
        const auto bound = statement(next);
        if (!bound) issues_.push_back(bound.error());
        if (issues_.size() >= issues_max) break;
    }
    if (!issues_.empty()) return fail(std::move(issues_));
    StreamInfo errors;
    errors.name = error_stream_name;
    errors.columns = error_columns();
    plan_->streams.push_back(std::move(errors));
    for (StreamInfo& stream : plan_->streams)
        stream.is_output = std::ranges::find(environment_.outputs, stream.name) != environment_.outputs.end();
    return std::move(plan_);
}

Bound<void> Binder::statement(const ast::Statement& statement) {
    switch (statement.kind) {
        case ast::StatementKind::create_stream:
            return create_stream(statement);
        case ast::StatementKind::create_pump:
            return create_pump(statement);
        case ast::StatementKind::create_function:
            return fail(unsupported(statement.span, "CREATE FUNCTION"));
        case ast::StatementKind::create_view:
            return fail(unsupported(statement.span, "CREATE VIEW"));
        case ast::StatementKind::query: {
            // AWS: S14.11: the service ignores them; the console showed their rows.
            TRY_VOID(query(*statement.query, false));
            plan_->warnings.push_back(
                make_issue(IssueCode::warning, statement.span, "A query outside of a pump has no effect"));
            return {};
        }
    }
    return {};
}

Bound<void> Binder::create_stream(const ast::Statement& statement) {
    const std::string& name = statement.name.text;
    if (is_error_stream(name))
        return fail(
            invalid(statement.name.span, "A stream may not be called 'error_stream': the service owns that name"));
    StreamInfo info;
    info.name = name;
    for (const ast::ColumnDef& column : statement.columns) {
        const auto taken = std::ranges::find(info.columns, column.name.text, &Column::name);
        if (taken != info.columns.end())
            return fail(invalid(column.name.span, fmt::format("Duplicate column name '{}'", column.name.text)));
        if (column.name.text == "ROWTIME")
            return fail(invalid(column.name.span, "A column may not be called 'ROWTIME'"));
        Type type = column.type.type;
        if (type.is_interval())
            return fail(invalid(column.type.span, fmt::format("A column may not have the type {}", type_text(type))));
        type.nullable = !column.not_null;
        info.columns.push_back({column.name.text, type});
    }
    if (info.columns.size() > columns_max)
        return fail(
            invalid(statement.name.span, fmt::format("Stream '{}' has more than {} columns", name, columns_max)));
    const auto existing = find_stream(name);
    if (!existing) {
        if (std::ranges::find(environment_.tables, name, &TableSpec::name) != environment_.tables.end())
            return fail(invalid(statement.name.span, fmt::format("Object '{}' already exists", name)));
        if (plan_->streams.size() >= streams_max)
            return fail(invalid(statement.name.span, fmt::format("There are more than {} streams", streams_max)));
        plan_->streams.push_back(std::move(info));
        return {};
    }
    StreamInfo& old = plan_->streams[*existing];
    if (old.is_input || !statement.or_replace)
        return fail(invalid(statement.name.span, fmt::format("Object '{}' already exists", name)));
    if (!old.writers.empty() || !old.readers.empty()) {
        const std::string& pump = old.writers.empty() ? old.readers.front() : old.writers.front();
        return fail(invalid(statement.name.span,
                            fmt::format("Stream '{}' cannot be replaced: pump '{}' already uses it", name, pump)));
    }
    old = std::move(info);
    return {};
}

// The column of the target for each item of the query.
Bound<std::vector<std::uint32_t>> Binder::target_columns(const ast::Statement& statement, const StreamInfo& target,
                                                         std::size_t sources) {
    std::vector<std::uint32_t> columns;
    if (statement.target_columns.empty()) {
        for (std::uint32_t i = 0; i < target.columns.size(); ++i) columns.push_back(i);
    }
    for (const ast::Name& name : statement.target_columns) {
        const auto found = std::ranges::find(target.columns, name.text, &Column::name);
        if (found == target.columns.end())
            return fail(invalid(name.span, fmt::format("Unknown target column '{}'", name.text)));
        const auto index = static_cast<std::uint32_t>(found - target.columns.begin());
        if (std::ranges::find(columns, index) != columns.end())
            return fail(invalid(name.span, fmt::format("Target column '{}' is assigned more than once", name.text)));
        columns.push_back(index);
    }
    if (columns.size() != sources)
        return fail(
            invalid(statement.target_columns.empty() ? statement.target.span : statement.target_columns_span,
                    fmt::format("Number of INSERT target columns ({}) does not equal number of source items ({})",
                                columns.size(), sources)));
    return columns;
}

Bound<void> Binder::check_cycle(const ast::Statement& statement, StreamIx target, const plan::Node& root) {
    // Streams that receive rows from the target, through the pumps so far.
    std::vector<bool> fed(plan_->streams.size());
    const std::function<void(std::uint32_t)> visit = [&](std::uint32_t stream) {
        if (fed[stream]) return;
        fed[stream] = true;
        for (const plan::Pump& pump : plan_->pumps) {
            if (std::ranges::find(pump.sources, stream) != pump.sources.end()) visit(pump.target.value());
        }
    };
    visit(target.value());
    std::vector<std::uint32_t> sources;
    collect_sources(root, sources);
    for (const std::uint32_t source : sources) {
        if (!fed[source]) continue;
        return fail(
            invalid(statement.name.span, fmt::format("Pump '{}' would feed stream '{}' with rows that come from it",
                                                     statement.name.text, plan_->streams[target.value()].name)));
    }
    return {};
}

Bound<void> Binder::create_pump(const ast::Statement& statement) {
    const std::string& name = statement.name.text;
    const auto same_name = [&](const plan::Pump& pump) { return pump.name == name; };
    if (std::ranges::any_of(plan_->pumps, same_name)) {
        if (!statement.or_replace)
            return fail(invalid(statement.name.span, fmt::format("Object '{}' already exists", name)));
        std::erase_if(plan_->pumps, same_name);
        for (StreamInfo& stream : plan_->streams) {
            std::erase(stream.writers, name);
            std::erase(stream.readers, name);
        }
    }
    if (plan_->pumps.size() >= pumps_max)
        return fail(invalid(statement.name.span, fmt::format("There are more than {} pumps", pumps_max)));
    if (is_error_stream(statement.target.text))
        return fail(invalid(statement.target.span, "'error_stream' cannot be written by SQL"));
    const auto target = find_stream(statement.target.text);
    if (!target)
        return fail(invalid(statement.target.span, fmt::format("Table '{}' not found", statement.target.text)));
    if (plan_->streams[*target].is_input)
        return fail(
            invalid(statement.target.span,
                    fmt::format("Cannot insert into '{}': it is an input of the application", statement.target.text)));

    plan::Pump pump;
    pump.name = name;
    pump.target = StreamIx(*target);
    pump.stopped = statement.stopped;
    TRY(BoundQuery source, query(*statement.query, true));
    if (!source.is_stream) return fail(invalid(statement.query->span, "A pump must read from a stream"));
    const StreamInfo& stream = plan_->streams[*target];
    TRY(const auto columns, target_columns(statement, stream, source.columns.size()));
    for (const Column& column : stream.columns) pump.values.push_back(make_null(column.type));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const Column& to = stream.columns[columns[i]];
        const ScopeColumn& from = source.columns[i];
        if (!can_assign(from.type, to.type))
            return fail(
                invalid(from.expr->span,
                        fmt::format("Cannot assign to target field '{}' of type {} from source field '{}' of type {}",
                                    to.name, type_text(to.type), from.name, type_text(from.type))));
        pump.values[columns[i]] = make_cast(from.expr, to.type);
    }
    TRY_VOID(check_cycle(statement, pump.target, *source.node));
    // The rows come from a projection; its ROWTIME is moved to the Insert, which checks the order.
    if (source.overrides_rowtime) {
        pump.rowtime = source.node->rowtime;
        std::vector<ExprPtr> inner = source.node->exprs;
        for (ExprPtr& value : pump.values) value = substitute(value, inner, make_rowtime_expr());
        source.node = std::move(source.node->inputs[0]);
    }
    const auto other_writer = [&](const plan::Pump& other) {
        return other.target == pump.target && (other.rowtime || pump.rowtime);
    };
    if (std::ranges::any_of(plan_->pumps, other_writer))
        return fail(
            unsupported(statement.name.span, "A pump that sets ROWTIME beside another one into the same stream"));
    pump.root = std::move(source.node);
    collect_sources(*pump.root, pump.sources);
    plan_->streams[*target].writers.push_back(name);
    for (const std::uint32_t from : pump.sources) {
        auto& readers = plan_->streams[from].readers;
        if (std::ranges::find(readers, name) == readers.end()) readers.push_back(name);
    }
    if (statement.stopped)
        plan_->warnings.push_back(
            make_issue(IssueCode::warning, statement.span, fmt::format("Pump '{}' is STOPPED and stays idle", name)));
    plan_->pumps.push_back(std::move(pump));
    return {};
}

Expected<std::shared_ptr<const Program>, std::vector<Issue>> Program::compile(std::string_view text,
                                                                              const Environment& environment) {
    auto script = parse_script(text);
    if (!script) return fail(std::vector<Issue>{script.error()});
    TRY(std::unique_ptr<plan::Plan> plan, Binder(environment).run(*script));
    plan::finish(*plan);
    std::shared_ptr<Program> program(new Program);
    program->plan_ = std::move(plan);
    return std::shared_ptr<const Program>(std::move(program));
}

Program::Program() = default;
Program::~Program() = default;

std::span<const StreamInfo> Program::streams() const { return plan_->streams; }

std::optional<StreamIx> Program::find_stream(std::string_view exact_name) const {
    for (std::uint32_t i = 0; i < plan_->streams.size(); ++i) {
        if (plan_->streams[i].name == exact_name) return StreamIx(i);
    }
    return std::nullopt;
}

StreamIx Program::error_stream() const { return StreamIx(static_cast<std::uint32_t>(plan_->streams.size()) - 1); }
std::string Program::explain() const { return plan::explain(*plan_); }
std::span<const Issue> Program::warnings() const { return plan_->warnings; }
Fingerprint Program::fingerprint() const { return plan_->fingerprint; }
const std::vector<bool>& Program::columns_used(InputIx input) const { return plan_->columns_used[input.value()]; }

}  // namespace riacho::sql
