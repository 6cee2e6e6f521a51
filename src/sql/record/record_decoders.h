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

// One field of a line of CSV.
struct CsvField {
    std::string text;
    bool quoted = false;
};
// The first `fields_max` fields of the next row of the text, which is taken off; false when a quote is not closed.
bool next_csv_row(std::string_view& text, std::string_view row_delimiter, std::string_view column_delimiter,
                  std::size_t fields_max, std::vector<CsvField>& fields);

}  // namespace riacho::sql
