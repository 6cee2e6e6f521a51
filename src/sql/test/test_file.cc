#include "sql/test/test_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "base/try.h"
#include "sql/types/calendar.h"

namespace riacho::sql {
namespace {

std::string_view word(std::string_view& text) {
    text = trimmed(text);
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view first = text.substr(0, end);
    text.remove_prefix(end);
    text = trimmed(text);
    return first;
}

// 'it''s', NULL, 12.5, 2018-05-09 10:00: separated by commas.
Expected<std::vector<TestValue>, std::string> parse_values(std::string_view text) {
    std::vector<TestValue> values;
    while (true) {
        text = trimmed(text);
        std::string value;
        if (text.starts_with('\'')) {
            std::size_t at = 1;
            while (true) {
                if (at >= text.size()) return fail(std::string("a quote is not closed"));
                if (text[at] == '\'') {
                    if (at + 1 >= text.size() || text[at + 1] != '\'') break;
                    ++at;
                }
                value += text[at++];
            }
            text.remove_prefix(at + 1);
            values.emplace_back(std::move(value));
        } else {
            const std::size_t end = std::min(text.find(','), text.size());
            value = trimmed(text.substr(0, end));
            text.remove_prefix(end);
            if (value == "NULL") {
                values.emplace_back();
            } else {
                values.emplace_back(std::move(value));
            }
        }
        text = trimmed(text);
        if (text.empty()) return values;
        if (!text.starts_with(',')) return fail(std::string("a comma is missing"));
        text.remove_prefix(1);
    }
}

class TestParser {
public:
    TestParser(std::string path, std::string_view text) : text_(text) { file_.path = std::move(path); }

    Expected<std::vector<TestFile>, std::string> run() {
        std::string_view line;
        while (next_line(line)) {
            const auto done = directive(line);
            if (!done) return fail(fmt::format("{}:{}: {}", file_.path, line_, done.error()));
        }
        finish();
        return std::move(files_);
    }

private:
    using StreamName = std::string;

    void finish() {
        TestFile done = file_;
        for (const StreamName& stream : streams_) done.environment.outputs.push_back(stream);
        done.environment.outputs.emplace_back(error_stream_name);
        files_.push_back(std::move(done));
    }

    bool next_line(std::string_view& line) {
        if (text_.empty()) return false;
        const std::size_t end = std::min(text_.find('\n'), text_.size());
        line = text_.substr(0, end);
        text_.remove_prefix(std::min(end + 1, text_.size()));
        ++line_;
        return true;
    }

    std::string block() {
        std::string body;
        std::string_view line;
        while (next_line(line) && trimmed(line) != "end") {
            body += line;
            body += '\n';
        }
        return body;
    }

    Expected<RowTime, std::string> time(std::string_view& text) {
        std::string stamp(word(text));
        if (stamp.size() == 10 && stamp[4] == '-') stamp += " " + std::string(word(text));
        if (stamp.find('-') == std::string::npos) stamp = date_ + " " + stamp;
        if (std::ranges::count(stamp, ':') == 1) stamp += ":00";
        const auto value = parse_timestamp(stamp, false);
        if (!value) return fail(fmt::format("'{}' is no time", stamp));
        return RowTime(*value);
    }

    std::optional<std::uint32_t> find_input(std::string_view name) const {
        for (std::uint32_t i = 0; i < file_.environment.inputs.size(); ++i) {
            if (file_.environment.inputs[i].name == name) return i;
        }
        return std::nullopt;
    }

    TestStep& step(TestStep::Kind kind) {
        file_.steps.emplace_back();
        file_.steps.back().kind = kind;
        file_.steps.back().line = line_;
        return file_.steps.back();
    }

    Expected<void, std::string> directive(std::string_view line) {
        std::string_view left = trimmed(line);
        if (left.empty() || left.starts_with('#')) return {};
        const std::string_view first = word(left);
        if (first == "input") return input(left);
        if (first == "date") {
            date_ = left;
            return {};
        }
        if (first == "sql") {
            if (file_.refusal) {
                finish();
                file_.refusal.reset();
            }
            file_.sql = block();
            return {};
        }
        if (first == "explain") {
            file_.explain = block();
            return {};
        }
        if (first == "refuse") return refuse(left);
        if (first == "nothing") return {};  // says so to the reader: no row is expected without a line
        if (first == "tick") {
            TestStep& tick = step(TestStep::Kind::tick);
            TRY(tick.time, time(left));
            return {};
        }
        if (first == "record") {
            const auto input = find_input(word(left));
            if (!input) return fail(std::string("record of no input"));
            TestStep& record = step(TestStep::Kind::record);
            record.input = *input;
            TRY(record.time, time(left));
            record.record = left;
            return {};
        }
        if (first == "error") return error(left);
        return row(first, left);
    }

    Expected<void, std::string> input(std::string_view left) {
        InputSpec spec;
        spec.name = word(left);
        if (left.starts_with("metadata ")) {
            spec.shard_metadata = true;
            word(left);
        }
        const auto program = Program::compile(fmt::format("CREATE STREAM X {}", left), {});
        if (!program) return fail(program.error().front().text);
        spec.columns = (*program)->streams()[0].columns;
        file_.environment.inputs.push_back(std::move(spec));
        return {};
    }

    // refuse line 3 column 8 <text>
    Expected<void, std::string> refuse(std::string_view left) {
        Refusal refusal;
        const auto number = [&](std::string_view name, std::uint32_t& value) {
            if (word(left) != name) return false;
            const std::string_view digits = word(left);
            return std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc();
        };
        if (!number("line", refusal.sql_line) || !number("column", refusal.sql_column))
            return fail(std::string("refuse line N column N text"));
        refusal.text = left;
        file_.refusal = std::move(refusal);
        return {};
    }

    Expected<void, std::string> error(std::string_view left) {
        if (file_.steps.empty()) return fail(std::string("no row before it"));
        ExpectedError expected;
        expected.line = line_;
        expected.pump = word(left);
        expected.name = word(left);
        file_.steps.back().errors.push_back(std::move(expected));
        return {};
    }

    // NAME time | values: of an input a row that goes in, of another stream one that comes out.
    Expected<void, std::string> row(std::string_view name, std::string_view left) {
        TRY(const RowTime at, time(left));
        if (!left.starts_with('|')) return fail(fmt::format("'{}' is no directive", name));
        left.remove_prefix(1);
        bool any_order = false;
        left = trimmed(left);
        if (left.ends_with("any-order")) {
            any_order = true;
            left.remove_suffix(9);
        }
        TRY(auto values, parse_values(left));
        if (const auto input = find_input(name)) {
            TestStep& pushed = step(TestStep::Kind::row);
            pushed.input = *input;
            pushed.time = at;
            pushed.values = std::move(values);
            return {};
        }
        if (file_.steps.empty()) return fail(std::string("no row before it"));
        if (std::ranges::find(streams_, name) == streams_.end()) streams_.emplace_back(name);
        file_.steps.back().rows.push_back({std::string(name), at, std::move(values), any_order, line_});
        return {};
    }

    TestFile file_;
    std::vector<TestFile> files_;
    std::string_view text_;
    std::uint32_t line_ = 0;
    std::string date_ = "2018-05-09";
    std::vector<StreamName> streams_;
};

}  // namespace

Expected<std::vector<TestFile>, std::string> parse_test(std::string path, std::string_view text) {
    return TestParser(std::move(path), text).run();
}

}  // namespace riacho::sql
