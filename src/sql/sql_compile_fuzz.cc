// Fuzzes lexer, parser, binder and planner: any text is refused with a place in it, or compiles.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sql/program.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    using namespace riacho::sql;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const Environment environment = [] {
        Environment result;
        InputSpec input;
        input.name = "S";
        input.shard_metadata = true;
        for (const auto& [name, type] :
             {std::pair("T", "VARCHAR(8)"), std::pair("I", "INTEGER"), std::pair("D", "DOUBLE"),
              std::pair("X", "DECIMAL(9,2)"), std::pair("E", "TIMESTAMP"), std::pair("B", "BOOLEAN"),
              std::pair("DT", "DATE"), std::pair("TM", "TIME"), std::pair("BIN", "BINARY(4)")})
            input.columns.push_back({name, *parse_type(type)});
        result.inputs.push_back(std::move(input));
        result.outputs = {"O"};
        return result;
    }();
    const auto program = Program::compile(text, environment);
    if (!program) {
        RIACHO_CHECK(!program.error().empty());
        for (const Issue& issue : program.error()) {
            RIACHO_CHECK(issue.at.line >= 1 && issue.at.column >= 1 && !issue.text.empty());
            static_cast<void>(show_in_source(text, issue));
        }
        return 0;
    }
    RIACHO_CHECK(check_syntax(text).has_value());
    static_cast<void>((*program)->explain());
    // The same text means the same.
    const auto again = Program::compile(text, environment);
    RIACHO_CHECK(again.has_value() && (*again)->fingerprint() == (*program)->fingerprint());
    return 0;
}
