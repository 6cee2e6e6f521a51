// Literals and calls that have words of their own. A special form becomes a call whose name says which it is:
// SUBSTRING (args: text, from [, for]; comma_form), SUBSTRING_SIMILAR, POSITION (part, whole), OVERLAY (text, with,
// from [, for]), TRIM_BOTH, TRIM_LEADING and TRIM_TRAILING (characters, text), EXTRACT (value; qualifier.from), FLOOR
// and CEIL (value; qualifier.from or none), STEP (value, by).
#include <array>
#include <charconv>
#include <optional>

#include "base/try.h"
#include "sql/parse/parser.h"

namespace riacho::sql {
namespace {

using ast::ExprKind;
using ast::ExprPtr;

constexpr std::array<std::string_view, 6> units = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"};

}  // namespace

std::optional<TimeUnit> Parser::unit_here() const {
    if (here().kind != TokenKind::word) return std::nullopt;
    for (std::size_t i = 0; i < units.size(); ++i) {
        // The plural is an extension (S10.3).
        if (here().value == units[i] || (here().value.size() == units[i].size() + 1 && here().value.back() == 'S' &&
                                         here().value.starts_with(units[i])))
            return static_cast<TimeUnit>(i + 1);
    }
    return std::nullopt;
}

Expected<TimeUnit, Issue> Parser::unit() {
    const auto found = unit_here();
    if (!found) {
        for (const std::string_view word : units) look(word);
        return fail(unexpected());
    }
    ++at_;
    return *found;
}

Expected<int, Issue> Parser::small_number() {
    int value = 0;
    const std::string& text = here().value;
    if (here().kind == TokenKind::number) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc() && end == text.data() + text.size()) {
            ++at_;
            return value;
        }
    }
    note("<UNSIGNED_INTEGER_LITERAL>");
    return fail(unexpected());
}

// YEAR[(p)] [TO MONTH], DAY[(p)] [TO HOUR|MINUTE|SECOND[(s)]], ..., SECOND[(p[, s])]
Expected<ast::Qualifier, Issue> Parser::qualifier() {
    ast::Qualifier result;
    result.span = here().span;
    TRY(const TimeUnit from, unit());
    result.from = from;
    result.to = from;
    if (accept("(")) {
        TRY(result.precision, small_number());
        if (from == TimeUnit::second && accept(",")) {
            TRY(result.scale, small_number());
        }
        TRY_VOID(expect(")"));
    }
    if (is(here(), "TO") && from != TimeUnit::second) {
        ++at_;
        const auto to = unit_here();
        const bool months = from <= TimeUnit::month;
        if (!to || *to <= from || (*to <= TimeUnit::month) != months) {
            for (std::size_t i = static_cast<std::size_t>(from); i < (months ? 2 : units.size()); ++i) look(units[i]);
            return fail(unexpected());
        }
        ++at_;
        result.to = *to;
        if (*to == TimeUnit::second && accept("(")) {
            TRY(result.scale, small_number());
            TRY_VOID(expect(")"));
        }
    }
    result.span = since(result.span);
    return result;
}

Expected<ExprPtr, Issue> Parser::interval_literal() {
    TRY(ExprPtr node, make(ExprKind::interval, here().span));
    TRY_VOID(expect("INTERVAL"));
    if (accept("-")) {
        node->negated = true;
    } else {
        accept("+");
    }
    if (here().kind != TokenKind::string) {
        note("<QUOTED_STRING>");
        return fail(unexpected());
    }
    node->text = here().value;
    ++at_;
    TRY(node->qualifier, qualifier());
    node->span = since(node->span);
    return node;
}

Expected<ExprPtr, Issue> Parser::datetime_literal() {
    TRY(ExprPtr node, make(ExprKind::datetime, here().span));
    const std::string_view word = here().value;
    const Kind kind = word == "DATE" ? Kind::date : word == "TIME" ? Kind::time : Kind::timestamp;
    node->type = ast::TypeName{simple_type(kind, false), here().span};
    ++at_;
    node->text = here().value;
    ++at_;
    node->span = since(node->span);
    return node;
}

// {d '..'}, {t '..'}, {ts '..'}
Expected<ExprPtr, Issue> Parser::escape_literal() {
    TRY(ExprPtr node, make(ExprKind::datetime, here().span));
    TRY_VOID(expect("{"));
    Kind kind = Kind::unknown;
    if (accept("D")) {
        kind = Kind::date;
    } else if (accept("T")) {
        kind = Kind::time;
    } else {
        TRY_VOID(expect("TS"));
        kind = Kind::timestamp;
    }
    node->type = ast::TypeName{simple_type(kind, false), node->span};
    if (here().kind != TokenKind::string) {
        note("<QUOTED_STRING>");
        return fail(unexpected());
    }
    node->text = here().value;
    ++at_;
    TRY_VOID(expect("}"));
    node->span = since(node->span);
    return node;
}

Expected<void, Issue> Parser::argument(ast::Expr& call, int precedence_min) {
    TRY(ExprPtr value, expr(precedence_min));
    call.args.push_back(std::move(value));
    return {};
}

Expected<ExprPtr, Issue> Parser::closed(ExprPtr call) {
    TRY_VOID(expect(")"));
    call->span = since(call->span);
    return call;
}

Expected<ExprPtr, Issue> Parser::cast_call() {
    TRY(ExprPtr node, make(ExprKind::cast, here().span));
    TRY_VOID(expect_all({"CAST", "("}));
    TRY_VOID(argument(*node));
    TRY_VOID(expect("AS"));
    TRY(node->type, type());
    return closed(std::move(node));
}

Expected<ExprPtr, Issue> Parser::extract_call() {
    TRY(ExprPtr node, make(ExprKind::call, here().span));
    node->text = "EXTRACT";
    TRY_VOID(expect_all({"EXTRACT", "("}));
    TRY(node->qualifier.from, unit());
    node->qualifier.to = node->qualifier.from;
    TRY_VOID(expect("FROM"));
    TRY_VOID(argument(*node));
    return closed(std::move(node));
}

Expected<ExprPtr, Issue> Parser::position_call() {
    TRY(ExprPtr node, make(ExprKind::call, here().span));
    node->text = "POSITION";
    TRY_VOID(expect_all({"POSITION", "("}));
    // Above IN, which would take the rest.
    TRY_VOID(argument(*node, 31));
    TRY_VOID(expect("IN"));
    TRY_VOID(argument(*node));
    return closed(std::move(node));
}

Expected<ExprPtr, Issue> Parser::substring_call() {
    TRY(ExprPtr node, make(ExprKind::call, here().span));
    node->text = "SUBSTRING";
    TRY_VOID(expect_all({"SUBSTRING", "("}));
    TRY_VOID(argument(*node, 31));
    if (accept(",")) {
        node->comma_form = true;
        TRY_VOID(argument(*node));
        if (accept(",")) TRY_VOID(argument(*node));
    } else if (accept("SIMILAR")) {
        node->text = "SUBSTRING_SIMILAR";
        TRY_VOID(argument(*node));
        TRY_VOID(expect("ESCAPE"));
        TRY_VOID(argument(*node));
    } else {
        TRY_VOID(expect("FROM"));
        TRY_VOID(argument(*node));
        if (accept("FOR")) TRY_VOID(argument(*node));
    }
    return closed(std::move(node));
}

Expected<ExprPtr, Issue> Parser::overlay_call() {
    TRY(ExprPtr node, make(ExprKind::call, here().span));
    node->text = "OVERLAY";
    TRY_VOID(expect_all({"OVERLAY", "("}));
    for (const std::string_view behind : {"PLACING", "FROM", "FOR"}) {
        TRY_VOID(argument(*node));
        if (behind == "FOR" && !look("FOR")) break;
        TRY_VOID(expect(behind));
        if (behind == "FOR") {
            TRY_VOID(argument(*node));
        }
    }
    return closed(std::move(node));
}

// TRIM([LEADING|TRAILING|BOTH] [c] [FROM] s)
Expected<ExprPtr, Issue> Parser::trim_call() {
    TRY(ExprPtr node, make(ExprKind::call, here().span));
    TRY_VOID(expect_all({"TRIM", "("}));
    node->text = accept("LEADING") ? "TRIM_LEADING" : accept("TRAILING") ? "TRIM_TRAILING" : "TRIM_BOTH";
    if (node->text == "TRIM_BOTH") accept("BOTH");
    ExprPtr characters;
    if (!accept("FROM")) {
        TRY(ExprPtr first, expr());
        if (accept("FROM")) {
            characters = std::move(first);
        } else {
            node->args.push_back(std::move(first));
        }
    }
    if (node->args.empty()) {
        TRY_VOID(argument(*node));
    }
    if (!characters) {
        TRY(characters, make(ExprKind::string, node->span));
        characters->text = " ";
    }
    node->args.insert(node->args.begin(), std::move(characters));
    return closed(std::move(node));
}

Expected<ExprPtr, Issue> Parser::floor_call() {
    TRY(ExprPtr node, make(ExprKind::call, here().span));
    node->text = here().value == "FLOOR" ? "FLOOR" : "CEIL";
    ++at_;
    TRY_VOID(expect("("));
    TRY_VOID(argument(*node));
    if (accept("TO")) {
        TRY(node->qualifier.from, unit());
        node->qualifier.to = node->qualifier.from;
    }
    return closed(std::move(node));
}

Expected<ExprPtr, Issue> Parser::step_call() {
    TRY(ExprPtr node, make(ExprKind::call, here().span));
    node->text = "STEP";
    at_ += 2;
    TRY_VOID(argument(*node));
    TRY_VOID(expect("BY"));
    TRY_VOID(argument(*node));
    return closed(std::move(node));
}

}  // namespace riacho::sql
