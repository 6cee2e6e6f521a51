#include "sql/text/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/try.h"
#include "sql/program.h"
#include "sql/text/characters.h"

namespace riacho::sql {
namespace {

constexpr std::int64_t name_size_max = 128;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_hexit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }

class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Expected<std::vector<Token>, Issue> run() {
        std::vector<Token> tokens;
        while (true) {
            TRY_VOID(skip_blanks());
            TRY(Token token, next());
            tokens.push_back(std::move(token));
            if (tokens.back().kind == TokenKind::end_of_text) return tokens;
        }
    }

private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    [[nodiscard]] bool ended() const { return at_ >= text_.size(); }

    void step() {
        const char c = text_[at_++];
        if (c == '\n') {
            ++line_;
            column_ = 1;
            return;
        }
        // A code point counts at its first byte.
        if (ended() || (static_cast<unsigned char>(text_[at_]) & 0xC0) != 0x80) ++column_;
    }
    void step(std::size_t count) {
        while (count-- > 0 && !ended()) step();
    }

    [[nodiscard]] Issue issue(const Span& at, std::string_view message) const {
        return make_issue(IssueCode::syntax, at, message);
    }
    [[nodiscard]] Span here() const { return {line_, column_, line_, column_}; }

    Expected<void, Issue> skip_blanks() {
        while (!ended()) {
            const char c = peek();
            if (is_blank(c)) {
                step();
            } else if ((c == '-' && peek(1) == '-') || (c == '/' && peek(1) == '/')) {
                while (!ended() && peek() != '\n') step();
            } else if (c == '/' && peek(1) == '*') {
                const Span begin = here();
                step(2);
                while (!ended() && !(peek() == '*' && peek(1) == '/')) step();
                if (ended()) return fail(issue(begin, "Comment is not closed"));
                step(2);
            } else {
                return {};
            }
        }
        return {};
    }

    void begin() {
        begin_ = at_;
        span_ = here();
    }
    Token make(TokenKind kind, std::string value) {
        Token token;
        token.kind = kind;
        token.span = span_;
        token.span.end_line = last_line_;
        token.span.end_column = last_column_;
        token.value = std::move(value);
        token.text = text_.substr(begin_, at_ - begin_);
        return token;
    }
    // Steps, and notes the place of the last character.
    void take() {
        last_line_ = line_;
        last_column_ = column_;
        step();
        // Continuation bytes belong to the same character.
        while (!ended() && (static_cast<unsigned char>(peek()) & 0xC0) == 0x80) step();
    }

    Expected<Token, Issue> next() {
        begin();
        if (ended()) {
            last_line_ = line_;
            last_column_ = column_;
            return make(TokenKind::end_of_text, "");
        }
        const char c = peek();
        if (peek(1) == '\'' && (c == 'x' || c == 'X')) return binary();
        if ((c == 'u' || c == 'U') && peek(1) == '&' && peek(2) == '\'') return string(true);
        if (is_letter(c)) return word();
        if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
        if (c == '\'') return string(false);
        if (c == '"') return quoted();
        return symbol();
    }

    Expected<Token, Issue> word() {
        std::string value;
        while (is_letter(peek()) || is_digit(peek())) {
            value += upper(peek());
            take();
        }
        const bool reserved = is_reserved_upper(value);
        TRY_VOID(check_name(value));
        Token token = make(TokenKind::word, std::move(value));
        token.reserved = reserved;
        return token;
    }

    Expected<void, Issue> check_name(std::string_view name) const {
        if (code_points(name) <= name_size_max) return {};
        Span at = span_;
        at.end_line = last_line_;
        at.end_column = last_column_;
        return fail(issue(at, fmt::format("Length of identifier '{}' must be less than or equal to {} characters", name,
                                          name_size_max)));
    }

    Expected<Token, Issue> quoted() {
        std::string value;
        take();
        while (true) {
            if (ended() || static_cast<unsigned char>(peek()) < 0x20)
                return fail(issue(span_, "Quoted identifier is not closed"));
            if (peek() == '"') {
                take();
                if (peek() != '"') break;
            }
            const std::size_t from = at_;
            take();
            value.append(text_.substr(from, at_ - from));
        }
        if (value.empty()) return fail(issue(span_, "Identifier must not be empty"));
        TRY_VOID(check_name(value));
        return make(TokenKind::quoted, std::move(value));
    }

    Expected<Token, Issue> number() {
        while (is_digit(peek())) take();
        if (peek() == '.') {
            take();
            while (is_digit(peek())) take();
        }
        const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
        if ((peek() == 'e' || peek() == 'E') && is_digit(peek(sign))) {
            for (std::size_t i = 0; i < sign; ++i) take();
            while (is_digit(peek())) take();
        }
        return make(TokenKind::number, std::string(text_.substr(begin_, at_ - begin_)));
    }

    // The content of one '..', with '' as a quote.
    Expected<std::string, Issue> quotes() {
        const Span begin = here();
        std::string value;
        take();
        while (true) {
            if (ended()) return fail(issue(begin, "String literal is not closed"));
            if (peek() == '\'') {
                take();
                if (peek() != '\'') return value;
            }
            const std::size_t from = at_;
            take();
            value.append(text_.substr(from, at_ - from));
        }
    }

    // Literals that follow on another line belong to this one. Blanks are only passed when one does.
    Expected<bool, Issue> chained() {
        const Lexer before = *this;
        TRY_VOID(skip_blanks());
        if (peek() == '\'') {
            if (line_ != last_line_) return true;
            return fail(issue(here(), "String literal continued on same line"));
        }
        at_ = before.at_;
        line_ = before.line_;
        column_ = before.column_;
        return false;
    }

    // One literal, of all lines that belong to it.
    Expected<std::string, Issue> chain() {
        std::string value;
        while (true) {
            TRY(const std::string part, quotes());
            value += part;
            TRY(const bool more, chained());
            if (!more) return value;
        }
    }

    Expected<Token, Issue> string(bool unicode) {
        if (unicode) {
            take();
            take();
        }
        TRY(const std::string value, chain());
        Token token = make(TokenKind::string, value);
        if (unicode) {
            TRY(token.value, unescape(value));
            token.span.end_line = last_line_;
            token.span.end_column = last_column_;
        }
        return token;
    }

    // AWS: S10.1: \0009, or with another escape: u&'!0009' uescape '!'; the escape twice is itself.
    Expected<std::string, Issue> unescape(const std::string& raw) {
        char escape = '\\';
        const Lexer before = *this;
        TRY_VOID(skip_blanks());
        std::string following;
        for (std::size_t i = 0; i < 7; ++i) following += upper(peek(i));
        if (following == "UESCAPE") {
            step(7);
            TRY_VOID(skip_blanks());
            if (peek() != '\'') return fail(issue(here(), "UESCAPE needs a literal of one character"));
            TRY(const std::string character, quotes());
            if (character.size() != 1 || is_hexit(character[0]) || is_blank(character[0]) || character == "+" ||
                character == "\"" || character == "'")
                return fail(issue(span_, "UESCAPE needs a literal of one character"));
            escape = character[0];
        } else {
            at_ = before.at_;
            line_ = before.line_;
            column_ = before.column_;
        }
        std::string value;
        for (std::size_t i = 0; i < raw.size(); ++i) {
            if (raw[i] != escape) {
                value += raw[i];
                continue;
            }
            if (i + 1 < raw.size() && raw[i + 1] == escape) {
                value += escape;
                ++i;
                continue;
            }
            std::uint32_t code = 0;
            for (std::size_t k = 1; k <= 4; ++k) {
                if (i + k >= raw.size() || !is_hexit(raw[i + k]))
                    return fail(issue(span_, "Unicode escape sequence starting at character " + std::to_string(i) +
                                                 " is not exactly four hex digits"));
                const char c = upper(raw[i + k]);
                code = code * 16 + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : c - 'A' + 10);
            }
            if (code >= 0xD800 && code < 0xE000) return fail(issue(span_, "Unicode escape sequence is no character"));
            append_utf8(value, code);
            i += 4;
        }
        return value;
    }

    Expected<Token, Issue> binary() {
        take();
        TRY(std::string value, chain());
        Token token = make(TokenKind::binary, std::move(value));
        if (!std::ranges::all_of(token.value, is_hexit))
            return fail(issue(token.span, "Binary literal string must contain only characters '0' - '9', 'A' - 'F'"));
        if (token.value.size() % 2 != 0)
            return fail(issue(token.span, "Binary literal string must contain an even number of hexits"));
        return token;
    }

    Expected<Token, Issue> symbol() {
        static constexpr std::string_view twos[] = {"<>", "!=", "<=", ">=", "||"};
        const std::string_view two = text_.substr(at_, 2);
        if (std::ranges::find(twos, two) != std::end(twos)) {
            take();
            take();
            return make(TokenKind::symbol, std::string(two));
        }
        if (std::string_view("()+-*/,.;=<>{}?:[]").find(peek()) == std::string_view::npos) {
            take();
            const Token token = make(TokenKind::symbol, std::string(text_.substr(begin_, at_ - begin_)));
            return fail(Issue{IssueCode::syntax, token.span,
                              fmt::format("Lexical error at line {}, column {}.  Encountered: \"{}\"", token.span.line,
                                          token.span.column, token.value)});
        }
        std::string one(1, peek());
        take();
        return make(TokenKind::symbol, std::move(one));
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::uint32_t line_ = 1;
    std::uint32_t column_ = 1;
    std::size_t begin_ = 0;
    Span span_;
    std::uint32_t last_line_ = 1;
    std::uint32_t last_column_ = 1;
};

}  // namespace

Expected<std::vector<Token>, Issue> tokenize(std::string_view text) {
    if (text.size() > sql_text_max && code_points(text) > static_cast<std::int64_t>(sql_text_max))
        return fail(Issue{IssueCode::syntax, {}, fmt::format("The SQL has more than {} characters", sql_text_max)});
    if (text.size() > sql_text_max * 4) return fail(Issue{IssueCode::syntax, {}, "The SQL is no UTF-8"});
    return Lexer(text).run();
}

}  // namespace riacho::sql
