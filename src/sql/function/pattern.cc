// LIKE, SIMILAR TO and the functions of regular expressions.
#include <string>

#include "sql/function/kernel.h"
#include "sql/function/regex.h"
#include "sql/function/text.h"

namespace riacho::sql {
namespace {

using Text = std::string_view;

// The compiled pattern of a row: of the literal, or by its text. Null: invalid.
std::shared_ptr<const Regex> regex_of(const KernelCall& call, std::uint32_t row, Regex::Syntax syntax, Text escape) {
    if (call.expr.regex) return call.expr.regex;
    return call.regexes.get(call.args[1].at<Text>(row), syntax, escape, call.meter);
}

// As KernelCall::each, until the meter gives up.
template <class F>
void each(const KernelCall& call, F f) {
    call.each([&](std::uint32_t row) {
        if (!call.meter.gave_up()) f(row);
    });
}

void like_kernel(const KernelCall& call) {
    auto* out = call.out.values<std::uint8_t>();
    each(call, [&](std::uint32_t row) {
        const Text escape = call.args.size() == 3 ? call.args[2].at<Text>(row) : Text();
        if (call.args.size() == 3 && code_points(escape) != 1) return call.fail(row, SqlState::invalid_escape);
        bool matches = false;
        const SqlState state =
            like(call.args[0].at<Text>(row), call.args[1].at<Text>(row), escape, call.meter, matches);
        if (state != SqlState::ok) return call.fail(row, state);
        out[row] = matches;
    });
}

void similar_kernel(const KernelCall& call) {
    auto* out = call.out.values<std::uint8_t>();
    Regex::Groups groups;
    each(call, [&](std::uint32_t row) {
        const Text escape = call.args.size() == 3 ? call.args[2].at<Text>(row) : Text();
        if (call.args.size() == 3 && code_points(escape) != 1) return call.fail(row, SqlState::invalid_escape);
        const auto regex = regex_of(call, row, Regex::Syntax::similar, escape);
        if (!regex) return call.fail(row, SqlState::invalid_regex);
        bool found = false;
        if (regex->find(call.args[0].at<Text>(row), 0, call.meter, found, groups) != SqlState::ok)
            return call.fail(row, SqlState::invalid_regex);
        out[row] = found;
    });
}

void substring_regex_kernel(const KernelCall& call) {
    auto* out = call.out.values<Text>();
    Regex::Groups groups;
    each(call, [&](std::uint32_t row) {
        const auto regex = regex_of(call, row, Regex::Syntax::java, {});
        if (!regex) return call.fail(row, SqlState::invalid_regex);
        bool found = false;
        const Text text = call.args[0].at<Text>(row);
        if (regex->find(text, 0, call.meter, found, groups) != SqlState::ok)
            return call.fail(row, SqlState::invalid_regex);
        if (!found) return call.out.set_null(row);
        out[row] = text.substr(groups[0].first, groups[0].second - groups[0].first);
    });
}

void regex_replace_kernel(const KernelCall& call) {
    auto* out = call.out.values<Text>();
    std::string buffer;
    each(call, [&](std::uint32_t row) {
        const auto regex = regex_of(call, row, Regex::Syntax::java, {});
        if (!regex) return call.fail(row, SqlState::invalid_regex);
        const SqlState state =
            regex_replace(call.args[0].at<Text>(row), *regex, call.args[2].at<Text>(row),
                          call.args[3].at<std::int64_t>(row), call.args[4].at<std::int64_t>(row), call.meter, buffer);
        if (state != SqlState::ok) return call.fail(row, state);
        out[row] = call.arena.copy(cut_code_points(buffer, call.expr.type.length));
    });
}

}  // namespace

void pattern_kernel(const KernelCall& call) {
    switch (call.expr.op) {
        case Op::like:
            return like_kernel(call);
        case Op::similar:
            return similar_kernel(call);
        case Op::substring_regex:
            return substring_regex_kernel(call);
        default:
            return regex_replace_kernel(call);
    }
}

}  // namespace riacho::sql
