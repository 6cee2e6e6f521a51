// Lines of CSV to rows (S5.4): columns in order, a prefix may be declared; quotes hide delimiters.
#include <fmt/format.h>

#include "base/try.h"
#include "sql/record/json_path.h"
#include "sql/record/record_decoders.h"

namespace riacho::sql {
namespace {

class CsvDecoder final : public BuildingDecoder {
public:
    CsvDecoder(const RecordSchema& schema, bool shard_metadata, const std::vector<bool>& used)
        : BuildingDecoder(schema, shard_metadata, used),
          row_delimiter_(schema.row_delimiter),
          column_delimiter_(schema.column_delimiter) {
        values_.resize(schema.columns.size());
    }

    void decode(std::string_view record, std::size_t, RowTime rowtime, const RecordMetadata& metadata) override {
        if (!is_utf8(record)) return builder_.add_error("PARSE_ERROR", no_utf8, rowtime, record);
        std::string_view left = record;
        builder_.begin_record(false);
        while (!left.empty()) {
            if (!next_csv_row(left, row_delimiter_, column_delimiter_, values_.size(), fields_))
                return builder_.add_error("PARSE_ERROR", "A quote is not closed", rowtime, record);
            if (fields_.size() == 1 && fields_[0].text.empty() && !fields_[0].quoted) continue;  // an empty line
            if (builder_.exhausted()) return builder_.add_error("PARSE_ERROR", too_many_rows, rowtime, record);
            for (std::size_t i = 0; i < values_.size(); ++i) {
                values_[i] = RawValue();
                if (i >= fields_.size()) continue;
                // Nothing between two delimiters is an empty text, and no number.
                const bool empty =
                    fields_[i].text.empty() && !fields_[i].quoted && !builder_.columns()[i].type.is_character();
                values_[i].kind = empty ? RawValue::Kind::null : RawValue::Kind::string;
                values_[i].text = fields_[i].text;
            }
            builder_.add(values_, rowtime, metadata, record);
        }
    }

private:
    std::string row_delimiter_;
    std::string column_delimiter_;
    std::vector<CsvField> fields_;
    std::vector<RawValue> values_;
};

}  // namespace

bool next_csv_row(std::string_view& text, std::string_view row_delimiter, std::string_view column_delimiter,
                  std::size_t fields_max, std::vector<CsvField>& fields) {
    std::size_t count = 0;
    std::size_t at = 0;
    // Looked for once a row, and again only when a quoted field reaches behind it.
    std::size_t row_end = std::min(text.find(row_delimiter), text.size());
    CsvField left_out;
    while (true) {
        if (fields.size() == count && count < fields_max) fields.emplace_back();
        CsvField& field = count < fields_max ? fields[count] : left_out;
        ++count;
        field.text.clear();
        field.quoted = false;
        // Blanks before a quote do not count.
        std::size_t begin = at;
        while (begin < row_end && text[begin] == ' ') ++begin;
        if (begin < text.size() && text[begin] == '"') {
            field.quoted = true;
            at = begin + 1;
            while (true) {
                const std::size_t quote = text.find('"', at);
                if (quote == std::string_view::npos) return false;
                field.text += text.substr(at, quote - at);
                at = quote + 1;
                if (!text.substr(at).starts_with('"')) break;
                field.text += '"';
                ++at;
            }
            if (at > row_end) row_end = std::min(text.find(row_delimiter, at), text.size());
        }
        const std::size_t column_end = text.substr(0, row_end).find(column_delimiter, at);
        const bool ends_row = column_end == std::string_view::npos;
        const std::size_t end = ends_row ? row_end : column_end;
        if (!field.quoted) field.text += text.substr(at, end - at);  // what stands behind a closing quote is dropped
        if (!ends_row) {
            at = end + column_delimiter.size();
            continue;
        }
        // A record that ends its lines with \r\n where the schema says \n.
        if (row_delimiter == "\n" && !field.quoted && field.text.ends_with('\r')) field.text.pop_back();
        text.remove_prefix(std::min(end + row_delimiter.size(), text.size()));
        fields.resize(std::min(count, fields_max));
        return true;
    }
}

std::unique_ptr<RecordDecoder> make_csv_decoder(const RecordSchema& schema, bool shard_metadata,
                                                const std::vector<bool>& used) {
    return std::make_unique<CsvDecoder>(schema, shard_metadata, used);
}

Expected<void, std::string> check_schema(const RecordSchema& schema) {
    if (schema.columns.empty() || schema.columns.size() > columns_max)
        return fail(fmt::format("A schema has 1 to {} columns", columns_max));
    for (std::size_t i = 0; i < schema.columns.size(); ++i) {
        for (std::size_t k = 0; k < i; ++k) {
            if (schema.columns[k].name == schema.columns[i].name)
                return fail(fmt::format("Column '{}' is declared more than once", schema.columns[i].name));
        }
    }
    if (schema.format == RecordFormat::csv) {
        if (schema.row_delimiter.empty() || schema.column_delimiter.empty())
            return fail(std::string("A delimiter is empty"));
        return {};
    }
    TRY_VOID(plan_paths(schema));
    return {};
}

Expected<std::unique_ptr<RecordDecoder>, std::string> RecordDecoder::make(const RecordSchema& schema,
                                                                          bool shard_metadata,
                                                                          const std::vector<bool>& used) {
    TRY_VOID(check_schema(schema));
    if (schema.format == RecordFormat::csv) return make_csv_decoder(schema, shard_metadata, used);
    return make_json_decoder(schema, shard_metadata, used);
}

}  // namespace riacho::sql
