#include "sql/record/row_encode.h"

#include <fmt/format.h>

#include <iterator>

#include "base/base64.h"
#include "sql/types/calendar.h"
#include "sql/types/interval.h"
#include "sql/types/number.h"

namespace riacho::sql {
namespace {

void append_json_text(std::string& out, std::string_view text) {
    static constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    std::size_t plain = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        out.append(text, plain, i - plain);
        plain = i + 1;
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                out += "\\u00";
                out += digits[c >> 4];
                out += digits[c & 15];
        }
    }
    out.append(text, plain);
    out += '"';
}

// The value without quotes: as CSV has it, and JSON for what needs none.
void append_plain(std::string& out, const Vector& column, std::uint32_t row, const Type& type) {
    switch (column.physical()) {
        case Physical::boolean:
            out += column.values<std::uint8_t>()[row] != 0 ? "true" : "false";
            return;
        case Physical::real:
            append_json_double(out, column.values<double>()[row], type.kind == Kind::real);
            return;
        case Physical::string: {
            const std::string_view text = column.values<std::string_view>()[row];
            if (type.is_binary()) {
                out += encode_base64(text);
            } else {
                out += text;
            }
            return;
        }
        case Physical::exact:
            break;
    }
    const std::int64_t value = column.values<std::int64_t>()[row];
    switch (type.kind) {
        case Kind::date:
            append_date(out, value);
            break;
        case Kind::time:
            append_time(out, value, true);
            break;
        case Kind::timestamp:
            append_timestamp(out, value, true);
            break;
        case Kind::interval_day:
        case Kind::interval_month:
            append_interval(out, value, type);
            break;
        default:
            if (type.scale == 0) {
                fmt::format_to(std::back_inserter(out), "{}", value);
            } else {
                append_decimal(out, value, type.scale, true);
            }
    }
}

bool needs_quotes(const Type& type) {
    return type.is_character() || type.is_binary() || type.is_datetime() || type.is_interval();
}

}  // namespace

void encode_json_row(const Batch& batch, std::uint32_t row, std::span<const Column> columns, std::string& out) {
    out += '{';
    bool first = true;
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const Vector* column = batch.columns[i].get();
        if (column == nullptr) continue;
        if (!first) out += ',';
        first = false;
        append_json_text(out, columns[i].name);
        out += ':';
        if (column->is_null(row)) {
            out += "null";
        } else if (columns[i].type.is_character()) {
            append_json_text(out, column->values<std::string_view>()[row]);
        } else if (needs_quotes(columns[i].type)) {
            text.clear();
            append_plain(text, *column, row, columns[i].type);
            append_json_text(out, text);
        } else {
            append_plain(out, *column, row, columns[i].type);
        }
    }
    out += '}';
}

void encode_csv_row(const Batch& batch, std::uint32_t row, std::span<const Column> columns, std::string& out) {
    std::string field;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (i > 0) out += ',';
        const Vector* column = batch.columns[i].get();
        if (column == nullptr || column->is_null(row)) continue;
        field.clear();
        append_plain(field, *column, row, columns[i].type);
        if (field.find_first_of(",\"\r\n") == std::string::npos) {
            out += field;
            continue;
        }
        out += '"';
        for (const char c : field) {
            if (c == '"') out += '"';
            out += c;
        }
        out += '"';
    }
    out += '\n';
}

}  // namespace riacho::sql
