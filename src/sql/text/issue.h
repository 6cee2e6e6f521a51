// Places in a text of SQL, and what is wrong at one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace riacho::sql {

// Lines and columns begin at 1; columns count code points; the end is inclusive.
struct Span {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
    std::uint32_t end_line = 1;
    std::uint32_t end_column = 1;
    friend bool operator==(const Span&, const Span&) = default;
};
[[nodiscard]] Span join(const Span& first, const Span& last);

enum class IssueCode : std::uint8_t {
    syntax,       // the text is not of the dialect
    invalid,      // it is, and means nothing or something forbidden
    unsupported,  // right on AWS, not executed by riacho yet
    warning,      // accepted
};

// `text` is final: "From line 1, column 8 to line 1, column 12: Column 'PRICE' not found in any table".
struct Issue {
    IssueCode code = IssueCode::invalid;
    Span at;
    std::string text;
};
// Puts the place in front of the message.
[[nodiscard]] Issue make_issue(IssueCode code, const Span& at, std::string_view message);

// The lines of `sql` that the issue is about, with a caret line below: for terminals.
[[nodiscard]] std::string show_in_source(std::string_view sql, const Issue& issue);

}  // namespace riacho::sql
