// The lexer: text of SQL to tokens (S10.1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/text/issue.h"

namespace riacho::sql {

enum class TokenKind : std::uint8_t {
    word,    // `value` is the word in upper case
    quoted,  // "name": `value` without quotes
    number,  // `value` as in the text
    string,  // '..' and u&'..', chained: `value` is the text
    binary,  // x'..': `value` is the hexits
    symbol,  // `value` is the operator
    end_of_text
};

struct Token {
    TokenKind kind = TokenKind::end_of_text;
    bool reserved = false;  // a reserved word, which is no name
    Span span;
    std::string value;
    std::string_view text;  // as in the text
};

// Ends with an end_of_text token. Refuses texts of more than 102,400 characters, names of more than 128.
[[nodiscard]] Expected<std::vector<Token>, Issue> tokenize(std::string_view text);

[[nodiscard]] bool is_reserved_upper(std::string_view upper_case);

}  // namespace riacho::sql
