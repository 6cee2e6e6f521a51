// Positions in a text of SQL, and issues at them.
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
    syntax,       // the text is not in the dialect
    invalid,      // the text is in the dialect, but has no meaning or is forbidden
    unsupported,  // valid on AWS, not executed by riacho
    warning,      // accepted
};

// `text` is final: "From line 1, column 8 to line 1, column 12: Column 'PRICE' not found in any table".
struct Issue {
    IssueCode code = IssueCode::invalid;
    Span at;
    std::string text;
};
// Puts the position in front of the message.
[[nodiscard]] Issue make_issue(IssueCode code, const Span& at, std::string_view message);

// The lines of `sql` at the issue's position, with a caret line below: for terminals.
[[nodiscard]] std::string show_in_source(std::string_view sql, const Issue& issue);

}  // namespace riacho::sql
