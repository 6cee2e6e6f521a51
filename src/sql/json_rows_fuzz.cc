// Fuzzes the decoder of JSON records, the paths of its schema, and discovery: a discovered schema decodes its records.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sql/record/decoder.h"
#include "sql/record/discover.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    using namespace riacho::sql;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t line = text.find('\n');
    RecordSchema schema;
    const std::string row_path(line == std::string_view::npos ? "$" : text.substr(0, line));
    const std::string_view record = line == std::string_view::npos ? text : text.substr(line + 1);
    for (const auto& [mapping, type] :
         {std::pair("$.a", "INTEGER"), std::pair("$.b.c", "VARCHAR(3)"), std::pair("$.r[0:].x", "DOUBLE"),
          std::pair("$.t", "TIMESTAMP"), std::pair("$.r[0:].y", "CHAR(4)"), std::pair("$.z[0:]", "VARCHAR(20)"),
          std::pair("$.q", "BINARY(2)"), std::pair("$.f", "BOOLEAN")})
        schema.columns.push_back({mapping, mapping, *parse_type(type)});
    for (const std::string_view path : {std::string_view("$"), std::string_view(row_path)}) {
        schema.row_path = path;
        auto decoder = RecordDecoder::make(schema, true, {});
        if (!decoder) continue;
        (*decoder)->decode(record, 0, RowTime(1), {RowTime(1), "key", "1", "shard"});
        for (const BatchRef& batch : (*decoder)->take_rows())
            RIACHO_CHECK(batch->rows >= 1 && batch->rows <= batch_rows_max);
        static_cast<void>((*decoder)->take_errors());
    }
    const std::string_view records[] = {record};
    const auto found = discover_schema(records);
    if (!found) return 0;
    RIACHO_CHECK(!found->schema.columns.empty());
    for (const auto& row : found->rows) RIACHO_CHECK(row.size() == found->schema.columns.size());
    RIACHO_CHECK(check_schema(found->schema).has_value());
    return 0;
}
