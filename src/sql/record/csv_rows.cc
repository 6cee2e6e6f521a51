// Lines of CSV to rows (S5.4): columns in order, a prefix may be declared; quotes hide delimiters.
#include <fmt/format.h>

#include "base/try.h"
#include "sql/record/json_path.h"
#include "sql/record/record_decoders.h"

namespace riacho::sql {
namespace {

constexpr std::size_t rows_max_of_record = 100'000;

class CsvDecoder final : public RecordDecoder {
public:
    CsvDecoder(const RecordSchema& schema, bool shard_metadata, const std::vector<bool>& used)
        : builder_(schema.columns, shard_metadata, used),
          row_delimiter_(schema.row_delimiter),
          column_delimiter_(schema.column_delimiter) {
        values_.resize(schema.columns.size());
    }

    void decode(std::string_view record, std::size_t, RowTime rowtime, const RecordMetadata& metadata) override {
        if (!is_utf8(record)) return builder_.add_error("PARSE_ERROR", "The record is no UTF-8", rowtime, record);
        std::string_view left = record;
        std::size_t rows = 0;
        while (!left.empty()) {
            if (!next_csv_row(left, row_delimiter_, column_delimiter_, fields_))
                return builder_.add_error("PARSE_ERROR", "A quote is not closed", rowtime, record);
            if (fields_.size() == 1 && fields_[0].text.empty() && !fields_[0].quoted) continue;  // an empty line
            if (++rows > rows_max_of_record)
                return builder_.add_error("PARSE_ERROR",
                                          fmt::format("The record has more than {} rows", rows_max_of_record), rowtime,
                                          record);
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
    std::vector<BatchRef> take_rows() override { return builder_.take_rows(); }
    std::vector<InputError> take_errors() override { return builder_.take_errors(); }

private:
    RowBuilder builder_;
    std::string row_delimiter_;
    std::string column_delimiter_;
    std::vector<CsvField> fields_;
    std::vector<RawValue> values_;
};

}  // namespace

bool next_csv_row(std::string_view& text, std::string_view row_delimiter, std::string_view column_delimiter,
                  std::vector<CsvField>& fields) {
    std::size_t count = 0;
    while (true) {
        if (fields.size() == count) fields.emplace_back();
        CsvField& field = fields[count++];
        field.text.clear();
        field.quoted = false;
        // Blanks before a quote do not count.
        std::size_t blanks = 0;
        while (blanks < text.size() && text[blanks] == ' ') ++blanks;
        if (blanks < text.size() && text[blanks] == '"') {
            field.quoted = true;
            text.remove_prefix(blanks + 1);
            while (true) {
                const std::size_t quote = text.find('"');
                if (quote == std::string_view::npos) return false;
                field.text += text.substr(0, quote);
                text.remove_prefix(quote + 1);
                if (!text.starts_with('"')) break;
                field.text += '"';
                text.remove_prefix(1);
            }
        }
        const std::size_t row_end = text.find(row_delimiter);
        const std::size_t column_end = text.substr(0, row_end).find(column_delimiter);
        const bool ends_row = column_end == std::string_view::npos;
        const std::string_view rest = text.substr(0, ends_row ? row_end : column_end);
        if (!field.quoted) field.text += rest;  // what stands behind a closing quote is dropped
        text.remove_prefix(rest.size());
        if (!ends_row) {
            text.remove_prefix(column_delimiter.size());
            continue;
        }
        if (!text.empty()) text.remove_prefix(row_delimiter.size());
        fields.resize(count);
        // A record that ends its lines with \r\n where the schema says \n.
        CsvField& last = fields.back();
        if (row_delimiter == "\n" && !last.quoted && last.text.ends_with('\r')) last.text.pop_back();
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
