// Fuzzes the decoder of CSV records: the first line is the delimiters, one character each.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sql/record/decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    using namespace riacho::sql;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (size < 2) return 0;
    RecordSchema schema;
    schema.format = RecordFormat::csv;
    schema.row_delimiter = text.substr(0, 1);
    schema.column_delimiter = text.substr(1, 1);
    for (const std::string_view type : {"INTEGER", "VARCHAR(3)", "DOUBLE", "TIMESTAMP"})
        schema.columns.push_back({std::string(type), "", *parse_type(type)});
    auto decoder = RecordDecoder::make(schema, false, {});
    RIACHO_CHECK(decoder.has_value());
    (*decoder)->decode(text.substr(2), 0, RowTime(1), {});
    std::size_t rows = 0;
    for (const BatchRef& batch : (*decoder)->take_rows()) rows += batch->rows;
    RIACHO_CHECK(rows <= 100'000);
    static_cast<void>((*decoder)->take_errors());
    return 0;
}
