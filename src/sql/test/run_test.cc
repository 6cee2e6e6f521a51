#include "sql/test/run_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "sql/record/decoder.h"
#include "sql/record/row_encode.h"
#include "sql/test/reference.h"
#include "sql/types/calendar.h"
#include "sql/types/cast.h"

namespace riacho::sql {
namespace {

class Chunks final : public ChunkSink, public ChunkSource {
public:
    void chunk(std::string bytes) override { chunks_.push_back(std::move(bytes)); }
    std::optional<std::string_view> next() override {
        if (at_ == chunks_.size()) return std::nullopt;
        return chunks_[at_++];
    }
    void rewind() { at_ = 0; }
    void trim(std::uint64_t count) {
        for (; trimmed_ < count; ++trimmed_) chunks_.pop_front();
    }

private:
    std::deque<std::string> chunks_;
    std::size_t at_ = 0;
    std::uint64_t trimmed_ = 0;
};

// A text of the test file into a value of a row that goes in.
bool set_value(Vector& vector, std::uint32_t row, const TestValue& value, Arena& arena) {
    if (!value) {
        vector.set_null(row);
        return true;
    }
    Scalar in;
    in.text = *value;
    Scalar out;
    std::string buffer;
    if (cast_value(varchar_type(string_length_max), in, vector.type(), out, buffer) != SqlState::ok) return false;
    switch (vector.physical()) {
        case Physical::boolean:
            vector.values<std::uint8_t>()[row] = out.exact != 0;
            break;
        case Physical::exact:
            vector.values<std::int64_t>()[row] = out.exact;
            break;
        case Physical::real:
            vector.values<double>()[row] = out.real;
            break;
        case Physical::string:
            vector.values<std::string_view>()[row] = arena.copy(out.text);
            break;
    }
    return true;
}

bool equal_value(const Vector& vector, std::uint32_t row, const TestValue& expected) {
    if (!expected || vector.is_null(row)) return !expected == vector.is_null(row);
    if (vector.physical() == Physical::string) return vector.values<std::string_view>()[row] == *expected;
    Scalar in;
    in.text = *expected;
    Scalar out;
    std::string buffer;
    if (cast_value(varchar_type(string_length_max), in, vector.type(), out, buffer) != SqlState::ok) return false;
    switch (vector.physical()) {
        case Physical::boolean:
            return vector.values<std::uint8_t>()[row] == out.exact;
        case Physical::exact:
            return vector.values<std::int64_t>()[row] == out.exact;
        default: {
            const double actual = vector.values<double>()[row];
            return std::fabs(actual - out.real) <= 1e-7 * std::max(1.0, std::fabs(out.real));
        }
    }
}

class Runner {
public:
    Runner(const TestFile& file, TestMode mode) : file_(file), mode_(mode) {}

    std::vector<std::string> run() {
        auto compiled = Program::compile(file_.sql, file_.environment);
        if (file_.refusal) return refused(compiled);
        if (!compiled) return {fmt::format("{}: {}", file_.path, compiled.error().front().text)};
        program_ = *compiled;
        if (file_.explain && *file_.explain != program_->explain())
            problem(0, fmt::format("EXPLAIN is\n{}instead of\n{}", program_->explain(), *file_.explain));
        options_.started_at = file_.steps.empty() ? RowTime(0) : file_.steps.front().time;
        if (mode_ == TestMode::reference) {
            reference_ = std::make_unique<Reference>(program_, options_.started_at);
        } else {
            engine_ = std::make_unique<Engine>(program_, options_);
        }
        std::size_t at = 0;
        while (at < file_.steps.size() && problems_.empty()) {
            const std::size_t first = at;
            while (at + 1 < file_.steps.size() && mode_ == TestMode::together && mergeable(at)) ++at;
            ++at;
            push(first, at);
            check(file_.steps[at - 1]);
            if (mode_ == TestMode::restored) restore(file_.steps[at - 1].line);
        }
        return std::move(problems_);
    }

private:
    void problem(std::uint32_t line, const std::string& text) {
        problems_.push_back(fmt::format("{}:{}: {}", file_.path, line, text));
    }

    std::vector<std::string> refused(const Expected<std::shared_ptr<const Program>, std::vector<Issue>>& compiled) {
        const Refusal& refusal = *file_.refusal;
        if (compiled) return {fmt::format("{}: the SQL is not refused:\n{}", file_.path, file_.sql)};
        const Issue& issue = compiled.error().front();
        if (issue.at.line == refusal.sql_line && issue.at.column == refusal.sql_column &&
            issue.text.find(refusal.text) != std::string::npos)
            return {};
        return {fmt::format("{}: refused at line {} column {} with: {}", file_.path, issue.at.line, issue.at.column,
                            issue.text)};
    }

    bool mergeable(std::size_t at) const {
        const TestStep& here = file_.steps[at];
        const TestStep& next = file_.steps[at + 1];
        return here.rows.empty() && here.errors.empty() && here.kind == TestStep::Kind::row &&
               next.kind == TestStep::Kind::row && here.input == next.input;
    }

    void push(std::size_t first, std::size_t end) {
        const TestStep& step = file_.steps[first];
        const RowTime now = file_.steps[end - 1].time;
        BatchRef batch;
        std::vector<InputError> errors;
        if (step.kind == TestStep::Kind::record) {
            decode(step, batch, errors);
        } else if (step.kind == TestStep::Kind::row) {
            batch = make_rows(first, end);
        }
        if (reference_) {
            reference_->begin_turn(now);
            if (batch) reference_->push(step.input, *batch);
            reference_->push_errors(step.input, errors);
            if (step.kind == TestStep::Kind::tick) reference_->advance_all(step.time);
            for (auto& rows : reference_->take()) emitted_.push_back(std::move(rows));
            return;
        }
        engine_->begin_turn(now);
        if (batch) engine_->push(InputIx(step.input), batch);
        engine_->push_errors(InputIx(step.input), std::move(errors));
        if (step.kind == TestStep::Kind::tick) {
            for (std::uint32_t i = 0; i < file_.environment.inputs.size(); ++i) engine_->advance(InputIx(i), step.time);
        }
        WorkBudget budget;
        do {
            engine_->run(budget);
            while (auto emitted = engine_->take()) emitted_.push_back(*std::move(emitted));
        } while (!engine_->idle());
    }

    void decode(const TestStep& step, BatchRef& batch, std::vector<InputError>& errors) {
        RecordSchema schema;
        for (const Column& column : file_.environment.inputs[step.input].columns)
            schema.columns.push_back({column.name, "$." + column.name, column.type});
        auto decoder = RecordDecoder::make(schema, file_.environment.inputs[step.input].shard_metadata,
                                           program_->columns_used(InputIx(step.input)));
        if (!decoder) return problem(step.line, decoder.error());
        (*decoder)->decode(step.record, 0, step.time, {.arrival = step.time});
        auto rows = (*decoder)->take_rows();
        if (!rows.empty()) batch = rows.front();
        errors = (*decoder)->take_errors();
    }

    BatchRef make_rows(std::size_t first, std::size_t end) {
        const auto columns = all_columns(file_.environment.inputs[file_.steps[first].input]);
        auto batch = std::make_shared<Batch>();
        auto arena = std::make_shared<Arena>();
        batch->rows = static_cast<std::uint32_t>(end - first);
        auto rowtime = std::make_shared<Vector>(simple_type(Kind::timestamp, false));
        std::vector<std::shared_ptr<Vector>> vectors;
        for (const Column& column : columns) vectors.push_back(std::make_shared<Vector>(column.type));
        for (std::size_t i = first; i < end; ++i) {
            const TestStep& step = file_.steps[i];
            const auto row = static_cast<std::uint32_t>(i - first);
            rowtime->values<std::int64_t>()[row] = step.time.value();
            for (std::size_t c = 0; c < columns.size(); ++c) {
                const TestValue value = c < step.values.size() ? step.values[c] : TestValue();
                if (!set_value(*vectors[c], row, value, *arena))
                    problem(step.line, fmt::format("'{}' is no {}", *value, type_text(columns[c].type)));
            }
        }
        batch->rowtime = rowtime;
        for (auto& vector : vectors) batch->columns.push_back(std::move(vector));
        batch->arenas.push_back(std::move(arena));
        return batch;
    }

    // The rows since the last check, one by one; those of the error stream apart.
    void check(const TestStep& step) {
        std::vector<ExpectedRow> expected = step.rows;
        std::vector<ExpectedError> errors = step.errors;
        for (const Emitted& emitted : emitted_) {
            const StreamInfo& stream = program_->streams()[emitted.stream.value()];
            for (std::uint32_t row = 0; row < emitted.rows->rows; ++row) {
                if (emitted.stream == program_->error_stream()) {
                    check_error(*emitted.rows, row, step, errors);
                } else if (std::ranges::find(file_.environment.outputs, stream.name) !=
                           file_.environment.outputs.end()) {
                    check_row(stream, *emitted.rows, row, step, expected);
                }
            }
        }
        emitted_.clear();
        if (!expected.empty()) problem(expected.front().line, "this row did not come");
        if (!errors.empty()) problem(errors.front().line, "this error did not come");
    }

    void check_error(const Batch& batch, std::uint32_t row, const TestStep& step, std::vector<ExpectedError>& errors) {
        const std::string_view name = batch.columns[2]->values<std::string_view>()[row];
        const std::string_view pump = batch.columns[6]->values<std::string_view>()[row];
        const auto found = std::ranges::find_if(
            errors, [&](const ExpectedError& error) { return error.name == name && error.pump == pump; });
        if (found == errors.end())
            return problem(step.line, fmt::format("behind this line an error came that nobody expects: {} {}: {}", pump,
                                                  name, batch.columns[3]->values<std::string_view>()[row]));
        errors.erase(found);
    }

    void check_row(const StreamInfo& stream, const Batch& batch, std::uint32_t row, const TestStep& step,
                   std::vector<ExpectedRow>& expected) {
        const auto matches = [&](const ExpectedRow& one) {
            if (one.stream != stream.name || one.time != batch.time_of(row) ||
                one.values.size() != stream.columns.size())
                return false;
            for (std::size_t c = 0; c < one.values.size(); ++c) {
                if (!equal_value(*batch.columns[c], row, one.values[c])) return false;
            }
            return true;
        };
        // The first of the stream, or any of the run of any-order lines that begins with it.
        for (std::size_t i = 0; i < expected.size(); ++i) {
            if (expected[i].stream != stream.name) continue;
            if (matches(expected[i])) {
                expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(i));
                return;
            }
            if (!expected[i].any_order) break;
        }
        std::string text;
        append_timestamp(text, batch.time_of(row).value(), true);
        text += ' ';
        encode_json_row(batch, row, stream.columns, text);
        problem(step.line, fmt::format("behind this line a row came that is not the next: {} {}", stream.name, text));
    }

    void restore(std::uint32_t line) {
        const Collected collected = engine_->collect(chunks_, {1, 1});
        chunks_.trim(collected.first_needed - 1);
        chunks_.rewind();
        auto restored = Engine::restore(program_, options_, chunks_);
        if (!restored) return problem(line, "the state cannot be restored behind this line");
        engine_ = *std::move(restored);
    }

    const TestFile& file_;
    TestMode mode_;
    std::shared_ptr<const Program> program_;
    EngineOptions options_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<Reference> reference_;
    std::vector<Emitted> emitted_;
    Chunks chunks_;
    std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> run_test(const TestFile& file, TestMode mode) { return Runner(file, mode).run(); }

}  // namespace riacho::sql
