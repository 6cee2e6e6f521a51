#include <fmt/format.h>

#include "base/try.h"
#include "sql/parse/parser.h"

namespace riacho::sql {

Expected<ast::TypeName, Issue> Parser::type() {
    const Token& token = here();
    if (token.kind != TokenKind::word) {
        note("<DATATYPE>");
        return fail(unexpected());
    }
    ast::TypeName result;
    result.span = token.span;
    const std::string& word = token.value;
    ++at_;
    const auto simple = [&](Kind kind) {
        result.type = simple_type(kind);
        return Expected<void, Issue>{};
    };
    // CHAR(n) and its like: a length, or the default.
    const auto with_length = [&](Kind kind, std::uint32_t length) -> Expected<void, Issue> {
        result.type = simple_type(kind);
        result.type.length = length;
        if (!accept("(")) return {};
        TRY(const int given, small_number());
        if (given < 1 || given > static_cast<int>(string_length_max))
            return fail(make_issue(IssueCode::invalid, last_span(),
                                   fmt::format("Length of {} must be between 1 and {}", word, string_length_max)));
        result.type.length = static_cast<std::uint32_t>(given);
        return expect(")");
    };
    const auto read = [&]() -> Expected<void, Issue> {
        if (word == "BOOLEAN") return simple(Kind::boolean);
        if (word == "TINYINT") return simple(Kind::tinyint);
        if (word == "SMALLINT") return simple(Kind::smallint);
        if (word == "INTEGER" || word == "INT") return simple(Kind::integer);
        if (word == "BIGINT") return simple(Kind::bigint);
        if (word == "REAL") return simple(Kind::real);
        if (word == "DATE") return simple(Kind::date);
        if (word == "FLOAT" || word == "DOUBLE") {
            if (word == "DOUBLE") accept("PRECISION");
            return simple(Kind::double_precision);
        }
        if (word == "TIME" || word == "TIMESTAMP") {
            if (accept("(")) {
                TRY(const int precision, small_number());
                if (precision > 3)
                    return fail(make_issue(IssueCode::invalid, last_span(),
                                           fmt::format("Precision of {} must be between 0 and 3", word)));
                TRY_VOID(expect(")"));
            }
            return simple(word == "TIME" ? Kind::time : Kind::timestamp);
        }
        // AWS: S10.2: an AWS sample declares VARCHAR without a length for texts of any length.
        if (word == "VARCHAR") return with_length(Kind::varchar, string_length_max);
        if (word == "VARBINARY") return with_length(Kind::varbinary, string_length_max);
        if (word == "CHAR" || word == "CHARACTER") {
            if (accept("VARYING")) return with_length(Kind::varchar, string_length_max);
            return with_length(Kind::character, 1);
        }
        if (word == "BINARY") {
            if (accept("VARYING")) return with_length(Kind::varbinary, string_length_max);
            return with_length(Kind::binary, 1);
        }
        if (word == "DECIMAL" || word == "DEC" || word == "NUMERIC") {
            int precision = 18;
            int scale = 0;
            if (accept("(")) {
                TRY(precision, small_number());
                if (precision < 1 || precision > decimal_precision_max)
                    return fail(make_issue(IssueCode::invalid, last_span(),
                                           fmt::format("DECIMAL precision {} must be between 1 and {}", precision,
                                                       decimal_precision_max)));
                if (accept(",")) {
                    TRY(scale, small_number());
                    if (scale > precision)
                        return fail(make_issue(
                            IssueCode::invalid, last_span(),
                            fmt::format("DECIMAL scale {} must be between 0 and the precision {}", scale, precision)));
                }
                TRY_VOID(expect(")"));
            }
            result.type = decimal_type(precision, scale);
            return {};
        }
        if (word == "INTERVAL") {
            TRY(const ast::Qualifier given, qualifier());
            result.type = simple_type(given.from <= TimeUnit::month ? Kind::interval_month : Kind::interval_day);
            result.type.from = given.from;
            result.type.to = given.to;
            result.type.precision = static_cast<std::uint8_t>(given.precision);
            result.type.scale = static_cast<std::uint8_t>(given.scale);
            return {};
        }
        return fail(make_issue(IssueCode::invalid, token.span, fmt::format("Unknown datatype name '{}'", word)));
    };
    TRY_VOID(read());
    result.span = since(result.span);
    return result;
}

}  // namespace riacho::sql
