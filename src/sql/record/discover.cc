#include "sql/record/discover.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "base/text.h"
#include "sql/program.h"
#include "sql/record/json_path.h"
#include "sql/record/record_decoders.h"
#include "sql/text/characters.h"
#include "sql/types/number.h"

namespace riacho::sql {
namespace {

constexpr std::size_t rows_max = 1'000;
constexpr std::size_t name_size_max = 100;

// What the values of a column have shown so far.
struct Seen {
    bool any = false;
    bool all_booleans = true;
    bool all_integers = true;
    bool all_numbers = true;
    std::int64_t min = 0;
    std::int64_t max = 0;
    std::int64_t length = 0;  // code points
};

std::optional<std::int64_t> as_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool is_number(std::string_view text) {
    double value = 0;
    return parse_real(text, value) == SqlState::ok && text.front() != '+';
}

void look_at(Seen& seen, std::string_view text, bool is_boolean, bool is_text) {
    seen.length = std::max(seen.length, code_points(text));
    const auto integer = is_text || is_boolean ? std::nullopt : as_integer(text);
    seen.all_booleans &= is_boolean;
    seen.all_integers &= integer.has_value();
    seen.all_numbers &= !is_text && !is_boolean && is_number(text);
    if (integer) {
        seen.min = seen.any ? std::min(seen.min, *integer) : *integer;
        seen.max = seen.any ? std::max(seen.max, *integer) : *integer;
    }
    seen.any = true;
}

// AWS: S8 rule 4: texts get the next power of two, at least 4.
Type text_type(std::int64_t length) {
    std::uint32_t size = 4;
    while (size < length && size < 65'536) size *= 2;
    return varchar_type(std::min<std::uint32_t>(size, 65'534));
}

Type type_of(const Seen& seen, bool smallest) {
    if (!seen.any) return text_type(0);
    if (seen.all_booleans) return simple_type(Kind::boolean);
    if (seen.all_integers) {
        const auto fits = [&](std::int64_t limit) { return seen.min >= -limit - 1 && seen.max <= limit; };
        if (smallest && fits(INT8_MAX)) return simple_type(Kind::tinyint);
        if (smallest && fits(INT16_MAX)) return simple_type(Kind::smallint);
        return simple_type(fits(INT32_MAX) ? Kind::integer : Kind::bigint);
    }
    if (seen.all_numbers) return simple_type(Kind::double_precision);
    return text_type(seen.length);
}

// AWS: S8 rule 3.
std::string column_name(std::string_view name, std::size_t position) {
    std::string kept;
    bool changed = is_reserved_word(name) || (!name.empty() && name[0] >= '0' && name[0] <= '9');
    for (const char c : name) {
        const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (good && kept.size() < name_size_max) {
            kept += c;
        } else {
            changed = true;
        }
    }
    if (kept.empty()) return fmt::format("COL_{}", position);
    return changed ? "COL_" + kept : kept;
}

void make_names_distinct(std::vector<RecordColumn>& columns) {
    std::set<std::string> taken;
    for (RecordColumn& column : columns) {
        std::string name = column.name;
        for (int i = 1; !taken.insert(name).second; ++i) name = fmt::format("{}_{}", column.name, i);
        column.name = std::move(name);
    }
}

// A member as a step of a path; nothing for names that cannot be in a path.
std::optional<std::string> path_step(std::string_view key) {
    if (key.empty()) return std::nullopt;
    if (key.find_first_of(".[]'\"") == std::string_view::npos) return "." + std::string(key);
    if (key.find('\'') == std::string_view::npos) return fmt::format("['{}']", key);
    if (key.find('"') == std::string_view::npos) return fmt::format("[\"{}\"]", key);
    return std::nullopt;
}

// Rows by decoding the sample with the discovered schema: those that the application would get.
std::vector<std::optional<std::string>> shown(std::vector<std::string_view> fields,
                                              const std::vector<RecordColumn>& columns) {
    std::vector<std::optional<std::string>> row;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (i >= fields.size()) {
            row.emplace_back();
            continue;
        }
        const bool fits = !columns[i].type.is_number() || is_number(fields[i]);
        if (fits) {
            row.emplace_back(fields[i]);
        } else {
            row.emplace_back();
        }
    }
    return row;
}

// A scanner of JSON that keeps paths and scalars: two levels of objects are flattened, deeper ones stay text.
class JsonSample {
public:
    struct Field {
        std::string path;  // "$.a.b"
        std::string name;  // "a_b"
        Seen seen;
    };

    // All documents of a record. False: it is no JSON.
    bool read(std::string_view record) {
        text_ = record;
        at_ = 0;
        if (!is_utf8(record)) return false;
        std::size_t documents = 0;
        while (true) {
            blanks();
            if (at_ == text_.size()) return documents > 0;
            if (text_[at_] == '[' && first_) root_is_array_ = true;
            first_ = false;
            if (root_is_array_) {
                if (!take('[')) return false;
                blanks();
                if (take(']')) continue;
                do {
                    blanks();
                    if (!row()) return false;
                    blanks();
                } while (take(','));
                if (!take(']')) return false;
            } else if (!row()) {
                return false;
            }
            if (++documents == rows_max) return true;
        }
    }
    [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
    [[nodiscard]] const std::vector<std::map<std::size_t, std::string>>& rows() const { return rows_; }
    [[nodiscard]] std::string root() const { return root_is_array_ ? "$[0:]" : "$"; }

private:
    bool row() {
        if (at_ >= text_.size() || text_[at_] != '{') return false;
        rows_.emplace_back();
        return object(root(), "", 0);
    }
    void blanks() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    }
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    std::size_t field(const std::string& path, const std::string& name) {
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            if (fields_[i].path == path) return i;
        }
        fields_.push_back({path, name, {}});
        return fields_.size() - 1;
    }

    bool object(const std::string& path, const std::string& name, int depth) {
        ++at_;
        blanks();
        if (take('}')) return true;
        do {
            blanks();
            std::string key;
            if (!string(key)) return false;
            blanks();
            if (!take(':')) return false;
            blanks();
            const auto step = path_step(key);
            const std::size_t begin = at_;
            if (!step) {
                const char c = at_ < text_.size() ? text_[at_] : '\0';
                std::string ignored;
                const bool passed = c == '{' || c == '[' ? skip() : c == '"' ? string(ignored) : scalar(ignored);
                if (!passed) return false;
            } else if (!value(path + *step, name.empty() ? key : name + "_" + key, depth)) {
                return false;
            }
            if (at_ == begin) return false;
            blanks();
        } while (take(','));
        return take('}');
    }

    bool value(const std::string& path, const std::string& name, int depth) {
        if (at_ >= text_.size()) return false;
        const std::size_t begin = at_;
        const char c = text_[at_];
        if (c == '{' && depth < 1) return object(path, name, depth + 1);
        std::string text;
        bool is_text = false;
        bool is_array = false;
        if (c == '"') {
            if (!string(text)) return false;
            is_text = true;
        } else if (c == '{' || c == '[') {
            if (!skip()) return false;
            text = text_.substr(begin, at_ - begin);
            is_text = true;
            is_array = c == '[';
        } else {
            while (at_ < text_.size() && std::string_view(",}] \t\r\n").find(text_[at_]) == std::string_view::npos)
                ++at_;
            text = text_.substr(begin, at_ - begin);
            if (text != "true" && text != "false" && text != "null" && (text.empty() || !is_number(text))) return false;
        }
        const std::size_t index = field(is_array ? path + "[0:]" : path, name);
        if (fields_.size() > columns_max) return false;
        if (text == "null" && !is_text) return true;
        look_at(fields_[index].seen, text, !is_text && (text == "true" || text == "false"), is_text);
        rows_.back()[index] = text;
        return true;
    }

    // true, false, null or a number.
    bool scalar(std::string& out) {
        const std::size_t begin = at_;
        while (at_ < text_.size() && std::string_view(",}] \t\r\n").find(text_[at_]) == std::string_view::npos) ++at_;
        out = text_.substr(begin, at_ - begin);
        return out == "true" || out == "false" || out == "null" || (!out.empty() && is_number(out));
    }

    bool string(std::string& out) {
        if (!take('"')) return false;
        const std::size_t begin = at_;
        while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
        if (at_ >= text_.size()) return false;
        const std::string_view raw = text_.substr(begin, at_ - begin);
        ++at_;
        // The decoder checks escapes; here only their length matters.
        for (std::size_t i = 0; i < raw.size(); ++i) {
            if (raw[i] != '\\') continue;
            if (i + 1 >= raw.size() || (raw[i + 1] == 'u' && i + 6 > raw.size())) return false;
            ++i;
        }
        unescape_json(raw, out);
        return true;
    }

    // Skips an object or array; only nesting and strings are parsed.
    bool skip() {
        int depth = 0;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '"') {
                std::string ignored;
                if (!string(ignored)) return false;
                continue;
            }
            ++at_;
            if (c == '{' || c == '[') ++depth;
            if ((c == '}' || c == ']') && --depth == 0) return true;
        }
        return false;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool first_ = true;
    bool root_is_array_ = false;
    std::vector<Field> fields_;
    std::vector<std::map<std::size_t, std::string>> rows_;
};

std::optional<Discovered> discover_json(std::span<const std::string_view> records) {
    JsonSample sample;
    for (const std::string_view record : records) {
        if (!sample.read(record)) return std::nullopt;
        if (sample.rows().size() >= rows_max) break;
    }
    if (sample.fields().empty()) return std::nullopt;
    Discovered result;
    result.schema.format = RecordFormat::json;
    result.schema.row_path = sample.root();
    for (std::size_t i = 0; i < sample.fields().size(); ++i) {
        const auto& field = sample.fields()[i];
        result.schema.columns.push_back({column_name(field.name, i), field.path, type_of(field.seen, true)});
    }
    make_names_distinct(result.schema.columns);
    for (const auto& values : sample.rows()) {
        std::vector<std::optional<std::string>> row(sample.fields().size());
        for (const auto& [index, text] : values) row[index] = text;
        result.rows.push_back(std::move(row));
    }
    return result;
}

std::vector<std::vector<CsvField>> csv_rows(std::span<const std::string_view> records, std::string_view rows,
                                            std::string_view columns) {
    std::vector<std::vector<CsvField>> result;
    for (std::string_view left : records) {
        while (!left.empty() && result.size() < rows_max) {
            std::vector<CsvField> fields;
            if (!next_csv_row(left, rows, columns, columns_max + 1, fields)) return {};
            if (fields.size() == 1 && fields[0].text.empty()) continue;
            result.push_back(std::move(fields));
        }
    }
    return result;
}

// AWS: S8 rule 2: the first row names the columns when all of it are texts and something below is not, or looks like a
// name and differs from all that is below.
bool is_header(const std::vector<std::vector<CsvField>>& rows) {
    if (rows.size() < 2) return false;
    bool differs = false;
    for (std::size_t i = 0; i < rows[0].size(); ++i) {
        const std::string_view name = rows[0][i].text;
        if (name.empty() || is_number(name)) return false;
        for (std::size_t r = 1; r < rows.size(); ++r) {
            if (i >= rows[r].size()) continue;
            if (rows[r][i].text == name) return false;
            if (!rows[r][i].text.empty() && is_number(rows[r][i].text)) differs = true;
        }
    }
    return differs;
}

std::optional<Discovered> discover_csv(std::span<const std::string_view> records) {
    std::size_t best_columns = 1;
    std::string_view delimiter = ",";
    const bool crlf = std::ranges::any_of(
        records, [](std::string_view record) { return record.find("\r\n") != std::string_view::npos; });
    const std::string_view row_delimiter = crlf ? "\r\n" : "\n";
    for (const std::string_view record : records) {
        if (!is_utf8(record)) return std::nullopt;
    }
    for (const std::string_view candidate : {",", "\t", "|", ";"}) {
        const auto rows = csv_rows(records, row_delimiter, candidate);
        if (rows.empty()) continue;
        const std::size_t columns = rows[0].size();
        const bool even = std::ranges::all_of(rows, [&](const auto& row) { return row.size() == columns; });
        if (even && columns > best_columns) {
            best_columns = columns;
            delimiter = candidate;
        }
    }
    if (best_columns < 2 || best_columns > columns_max) return std::nullopt;
    const auto rows = csv_rows(records, row_delimiter, delimiter);
    const bool header = is_header(rows);
    Discovered result;
    result.schema.format = RecordFormat::csv;
    result.schema.row_delimiter = row_delimiter;
    result.schema.column_delimiter = delimiter;
    for (std::size_t i = 0; i < best_columns; ++i) {
        Seen seen;
        for (std::size_t r = header ? 1 : 0; r < rows.size(); ++r) {
            const std::string& text = rows[r][i].text;
            if (text.empty()) continue;
            const std::string folded = lower(text);
            look_at(seen, text, folded == "true" || folded == "false",
                    !is_number(text) && folded != "true" && folded != "false");
        }
        result.schema.columns.push_back({column_name(header ? rows[0][i].text : "", i), "", type_of(seen, false)});
    }
    make_names_distinct(result.schema.columns);
    for (const auto& row : rows) {
        std::vector<std::string_view> fields;
        for (const CsvField& field : row) fields.emplace_back(field.text);
        result.rows.push_back(shown(std::move(fields), result.schema.columns));
    }
    return result;
}

}  // namespace

std::optional<Discovered> discover_schema(std::span<const std::string_view> records) {
    if (records.empty()) return std::nullopt;
    if (auto json = discover_json(records)) return json;
    return discover_csv(records);
}

}  // namespace riacho::sql
