// The two kinds of decoders behind RecordDecoder::make().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sql/record/decoder.h"
#include "sql/record/row_builder.h"

namespace riacho::sql {

Expected<std::unique_ptr<RecordDecoder>, std::string> make_json_decoder(const RecordSchema& schema, bool shard_metadata,
                                                                        const std::vector<bool>& used);
std::unique_ptr<RecordDecoder> make_csv_decoder(const RecordSchema& schema, bool shard_metadata,
                                                const std::vector<bool>& used);

// A decoder that makes its rows with a RowBuilder.
class BuildingDecoder : public RecordDecoder {
public:
    std::vector<BatchRef> take_rows() final { return builder_.take_rows(); }
    std::vector<InputError> take_errors() final { return builder_.take_errors(); }
    [[nodiscard]] std::size_t held_size() const final { return builder_.held_size(); }

protected:
    BuildingDecoder(const RecordSchema& schema, bool shard_metadata, const std::vector<bool>& used)
        : builder_(schema.columns, shard_metadata, used) {}

    RowBuilder builder_;
};

// Sentences of PARSE_ERROR.
inline constexpr const char* no_utf8 = "The record is no UTF-8";
inline constexpr const char* too_many_rows = "The record has too many rows or values";

// One field of a line of CSV.
struct CsvField {
    std::string text;
    bool quoted = false;
};
// The first `fields_max` fields of the next row of the text, which is taken off; false when a quote is not closed.
bool next_csv_row(std::string_view& text, std::string_view row_delimiter, std::string_view column_delimiter,
                  std::size_t fields_max, std::vector<CsvField>& fields);

}  // namespace riacho::sql
