// Fuzzes the computing of expressions: what compiles runs over rows with NULLs and limits, and gives the same row by
// row and in one batch.
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "sql/engine.h"
#include "sql/record/decoder.h"
#include "sql/record/row_encode.h"

namespace {

using namespace riacho;
using namespace riacho::sql;

RecordSchema schema() {
    RecordSchema result;
    for (const auto& [name, type] :
         {std::pair("T", "VARCHAR(8)"), std::pair("I", "INTEGER"), std::pair("D", "DOUBLE"),
          std::pair("X", "DECIMAL(9,2)"), std::pair("E", "TIMESTAMP"), std::pair("B", "BOOLEAN")})
        result.columns.push_back({name, fmt::format("$.{}", name), *parse_type(type)});
    return result;
}

constexpr std::string_view rows[] = {
    R"({"T":"abc","I":1,"D":1.5,"X":2.25,"E":"2018-05-09 10:00:00","B":true})",
    R"({"T":"","I":-2147483648,"D":-1e300,"X":-9999999.99,"E":"0001-01-01 00:00:00","B":false})",
    R"({"T":"%_\\é€","I":2147483647,"D":1e300,"X":9999999.99,"E":"9999-12-31 23:59:59.999"})",
    R"({})",
    R"({"T":"ABCDEFGH","I":0,"D":0,"X":0,"E":"1969-12-31 23:59:59.999","B":true})",
};

std::string run(const std::shared_ptr<const Program>& program, bool one_by_one) {
    auto decoder = RecordDecoder::make(schema(), false, {});
    RIACHO_CHECK(decoder.has_value());
    Engine engine(program, {});
    WorkBudget budget;
    std::string out;
    const auto drain = [&] {
        for (auto& batch : (*decoder)->take_rows()) engine.push(InputIx(0), std::move(batch));
        do {
            engine.run(budget);
            while (const auto emitted = engine.take()) {
                const StreamInfo& stream = program->streams()[emitted->stream.value()];
                for (std::uint32_t row = 0; row < emitted->rows->rows; ++row)
                    encode_json_row(*emitted->rows, row, stream.columns, out);
            }
        } while (!engine.idle());
    };
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        (*decoder)->decode(rows[i], 0, RowTime(static_cast<std::int64_t>(i) * 30'000), {});
        if (one_by_one) drain();
    }
    drain();
    engine.advance(InputIx(0), RowTime(600'000));
    drain();
    for (const ErrorCount& error : engine.error_counts())
        out += fmt::format("{} {} {};", error.name, error.pump, error.count);
    return out;
}

}  // namespace

// The text is a list of select items.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4'000) return 0;
    const std::string text(reinterpret_cast<const char*>(data), size);
    Environment environment;
    InputSpec input;
    input.name = "S";
    for (const RecordColumn& column : schema().columns) input.columns.push_back({column.name, column.type});
    environment.inputs.push_back(std::move(input));
    environment.outputs = {"O"};
    for (const std::string_view type : {"INTEGER", "DOUBLE", "VARCHAR(32)", "TIMESTAMP", "BOOLEAN"}) {
        const auto program = Program::compile(
            fmt::format("CREATE STREAM O (C {0}); CREATE PUMP P AS INSERT INTO O SELECT STREAM {1} FROM S;", type,
                        text),
            environment);
        if (program) RIACHO_CHECK(run(*program, true) == run(*program, false));
    }
    return 0;
}
