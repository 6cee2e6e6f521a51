#include "sql/text/issue.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace riacho::sql {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (true) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.push_back(line);
        if (end == std::string_view::npos) return lines;
        text.remove_prefix(end + 1);
    }
}

}  // namespace

Span join(const Span& first, const Span& last) { return {first.line, first.column, last.end_line, last.end_column}; }

Issue make_issue(IssueCode code, const Span& at, std::string_view message) {
    const bool point = at.line == at.end_line && at.column == at.end_column;
    const std::string place = point ? fmt::format("At line {}, column {}: ", at.line, at.column)
                                    : fmt::format("From line {}, column {} to line {}, column {}: ", at.line, at.column,
                                                  at.end_line, at.end_column);
    return {code, at, place + std::string(message)};
}

std::string show_in_source(std::string_view sql, const Issue& issue) {
    const auto lines = lines_of(sql);
    if (issue.at.line == 0 || issue.at.line > lines.size()) return {};
    const std::string_view line = lines[issue.at.line - 1];
    std::string out = fmt::format("{:>5} | {}\n      | ", issue.at.line, line);
    // The caret line repeats tabs, so that it stands below whatever their width is; one caret a code point.
    std::uint32_t column = 0;
    const std::uint32_t end = issue.at.end_line == issue.at.line ? issue.at.end_column : UINT32_MAX;
    for (const char c : line) {
        if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;
        ++column;
        if (column > end) break;
        out += column >= issue.at.column ? '^' : c == '\t' ? '\t' : ' ';
    }
    if (issue.at.column > column) out += '^';
    return out + '\n';
}

}  // namespace riacho::sql
