#include "sql/function/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>

#include "base/try.h"
#include "sql/function/text.h"

namespace riacho::sql {
namespace {

constexpr std::size_t pattern_size_max = 4 * 1024;
// PCRE2 does not report the steps of a match, so it is tried with a low limit first, and with higher ones when that was
// not enough.
struct Tier {
    std::uint32_t limit;
    std::int64_t charge;
};
constexpr std::array<Tier, 3> tiers = {{{128, 64}, {2'048, 2'048}, {1'000'000, 1'000'000}}};
constexpr std::size_t quick_tiers = 2;
constexpr std::int64_t compile_charge = 20'000;
constexpr std::uint32_t depth_limit = 250'000;  // of the interpreter: a group under * takes one a character
constexpr std::uint32_t heap_limit_kib = 32 * 1'024;
constexpr std::size_t cache_size = 64;
constexpr std::size_t replaced_size_max = 4 * 65'535;

std::size_t step(std::string_view text, std::size_t at) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    return at;
}

bool is_special(char c) { return std::string_view("\\^$.|?*+()[]{}-&~#").find(c) != std::string_view::npos; }

void append_literal(std::string& out, char c) {
    if (is_special(c)) out += '\\';
    out += c;
}

// Translates Java's syntax that PCRE2 does not know, or understands differently.
Expected<std::string, std::string> from_java(std::string_view pattern) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> classes = {{
        {"Lower", "[:lower:]"},
        {"Upper", "[:upper:]"},
        {"ASCII", "[:ascii:]"},
        {"Alpha", "[:alpha:]"},
        {"Digit", "[:digit:]"},
        {"Alnum", "[:alnum:]"},
        {"Punct", "[:punct:]"},
        {"Graph", "[:graph:]"},
        {"Print", "[:print:]"},
        {"Blank", "[:blank:]"},
        {"Cntrl", "[:cntrl:]"},
        {"XDigit", "[:xdigit:]"},
    }};
    std::string out;
    bool in_class = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (c == '\\' && i + 1 < pattern.size()) {
            if (pattern.substr(i + 1).starts_with("p{") || pattern.substr(i + 1).starts_with("P{")) {
                const std::size_t end = pattern.find('}', i);
                const std::string_view name = end == std::string_view::npos ? "" : pattern.substr(i + 3, end - i - 3);
                bool known = false;
                for (const auto& [java, posix] : classes) {
                    if (name != java && !(name == "Space" && java == "Blank")) continue;
                    std::string set(name == "Space" ? "[:space:]" : posix);
                    if (pattern[i + 1] == 'P') set.insert(2, "^");
                    out += in_class ? set : "[" + set + "]";
                    i = end;
                    known = true;
                    break;
                }
                if (known) continue;
            }
            out += c;
            out += pattern[++i];
            continue;
        }
        if (c == '[' && !in_class) {
            in_class = true;
        } else if (c == '[') {
            return fail("unions of character classes are not supported by riacho");
        } else if (c == ']') {
            in_class = false;
        } else if (c == '&' && in_class && pattern.substr(i).starts_with("&&")) {
            return fail("intersections of character classes (&&) are not supported by riacho");
        }
        out += c;
    }
    return out;
}

// [..] of SIMILAR TO (S12.4): sets, ranges, a leading ^, and [set^without].
Expected<std::string, std::string> similar_class(std::string_view pattern, std::size_t& at, std::string_view escape) {
    const auto invalid = [] { return fail(std::string("invalid character class")); };
    std::string sets[2];
    std::size_t part = 0;
    const std::size_t begin = ++at;
    bool negated = false;
    while (at < pattern.size() && pattern[at] != ']') {
        if (pattern.substr(at).starts_with(escape) && !escape.empty()) {
            at += escape.size();
            if (at >= pattern.size()) return invalid();
            append_literal(sets[part], pattern[at++]);
        } else if (pattern[at] == '^') {
            if (part == 1) return invalid();
            if (at == begin) {
                negated = true;
            }
            part = at == begin ? 0 : 1;
            ++at;
        } else if (pattern.substr(at).starts_with("[:")) {
            const std::size_t end = pattern.find(":]", at);
            if (end == std::string_view::npos) return invalid();
            std::string name(pattern.substr(at + 2, end - at - 2));
            for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
            sets[part] += name == "whitespace" ? "[:space:]" : "[:" + name + ":]";
            at = end + 2;
        } else if (std::string_view("()|*+?{}%_[").find(pattern[at]) != std::string_view::npos) {
            return invalid();
        } else if (pattern[at] == '-') {
            sets[part] += pattern[at++];
        } else {
            append_literal(sets[part], pattern[at++]);
        }
    }
    if (at >= pattern.size() || (sets[0].empty() && sets[1].empty())) return invalid();
    ++at;
    if (negated) return "[^" + sets[0] + "]";
    if (sets[1].empty()) return "[" + sets[0] + "]";
    return "(?:(?![" + sets[1] + "])[" + sets[0] + "])";
}

Expected<std::string, std::string> from_similar(std::string_view pattern, std::string_view escape) {
    std::string out = "\\A(?:";
    std::size_t at = 0;
    while (at < pattern.size()) {
        const char c = pattern[at];
        if (!escape.empty() && pattern.substr(at).starts_with(escape)) {
            at += escape.size();
            if (at >= pattern.size()) return fail(std::string("the escape character is the last one"));
            append_literal(out, pattern[at++]);
            continue;
        }
        switch (c) {
            case '%':
                out += ".*";
                break;
            case '_':
                out += '.';
                break;
            case '(':
                out += "(?:";
                break;
            case ')':
            case '|':
            case '*':
            case '+':
            case '?':
            case '{':
            case '}':
                out += c;
                break;
            case '[': {
                TRY(const std::string set, similar_class(pattern, at, escape));
                out += set;
                continue;
            }
            default:
                append_literal(out, c);
        }
        ++at;
    }
    return out + ")\\z";
}

}  // namespace

SqlState like(std::string_view text, std::string_view pattern, std::string_view escape, PatternMeter& meter,
              bool& matches) {
    if (pattern.size() > pattern_size_max) return SqlState::invalid_regex;
    // Escapes are checked first, also those that the matcher would not reach.
    if (!escape.empty()) {
        for (std::size_t i = 0; i < pattern.size();) {
            if (!pattern.substr(i).starts_with(escape)) {
                ++i;
                continue;
            }
            i += escape.size();
            const std::string_view next = pattern.substr(i);
            if (next.starts_with(escape)) {
                i += escape.size();
            } else if (next.starts_with('%') || next.starts_with('_')) {
                ++i;
            } else {
                return SqlState::invalid_escape;
            }
        }
    }
    std::size_t t = 0;
    std::size_t p = 0;
    std::size_t back_text = std::string_view::npos;  // the position of the last %, in text and pattern
    std::size_t back_pattern = 0;
    const std::int64_t allowed = meter.left();
    std::int64_t steps = 0;
    while (t < text.size()) {
        if (++steps > allowed) return meter.charge(steps);
        bool advanced = false;
        if (p < pattern.size()) {
            const bool escaped = !escape.empty() && pattern.substr(p).starts_with(escape);
            const std::size_t literal = escaped ? p + escape.size() : p;
            if (!escaped && pattern[p] == '%') {
                back_text = t;
                back_pattern = ++p;
                continue;
            }
            if (!escaped && pattern[p] == '_') {
                t = step(text, t);
                ++p;
                advanced = true;
            } else if (pattern[literal] == text[t]) {
                ++t;
                p = literal + 1;
                advanced = true;
            }
        }
        if (advanced) continue;
        if (back_text == std::string_view::npos) {
            matches = false;
            return meter.charge(steps);
        }
        back_text = step(text, back_text);
        t = back_text;
        p = back_pattern;
    }
    while (p < pattern.size() && pattern[p] == '%' && (escape != "%")) ++p;
    matches = p == pattern.size();
    return meter.charge(steps);
}

struct Regex::Impl {
    pcre2_code* code = nullptr;
    std::array<pcre2_match_context*, tiers.size()> contexts{};
    std::uint32_t groups = 0;

    ~Impl() {
        for (pcre2_match_context* context : contexts) pcre2_match_context_free(context);
        pcre2_code_free(code);
    }
};

Regex::Regex() : impl_(std::make_unique<Impl>()) {}
Regex::~Regex() = default;

Expected<std::shared_ptr<const Regex>, std::string> Regex::compile(std::string_view pattern, Syntax syntax,
                                                                   std::string_view escape) {
    if (pattern.size() > pattern_size_max)
        return fail(fmt::format("the pattern is longer than {} bytes", pattern_size_max));
    TRY(const std::string translated, syntax == Syntax::java ? from_java(pattern) : from_similar(pattern, escape));
    std::shared_ptr<Regex> regex(new Regex);
    std::uint32_t options = PCRE2_NEVER_BACKSLASH_C | PCRE2_MATCH_INVALID_UTF;
    // Texts that are not ASCII are matched by characters, not bytes; ASCII texts lose no speed.
    options |= PCRE2_UTF;
    if (syntax == Syntax::similar) options |= PCRE2_DOTALL;
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_compile_context* compile = pcre2_compile_context_create(nullptr);
    if (compile != nullptr) {
        pcre2_set_newline(compile, PCRE2_NEWLINE_ANY);
        pcre2_set_parens_nest_limit(compile, 100);
    }
    regex->impl_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(), options,
                                       &error, &offset, compile);
    pcre2_compile_context_free(compile);
    if (regex->impl_->code == nullptr) {
        std::array<PCRE2_UCHAR, 160> text{};
        pcre2_get_error_message(error, text.data(), text.size());
        return fail(fmt::format("{} at offset {}", reinterpret_cast<const char*>(text.data()), offset));
    }
    // Without executable memory the interpreter is used.
    static_cast<void>(pcre2_jit_compile(regex->impl_->code, PCRE2_JIT_COMPLETE));
    for (std::size_t i = 0; i < tiers.size(); ++i) {
        pcre2_match_context* context = pcre2_match_context_create(nullptr);
        if (context == nullptr) return fail(std::string("no memory"));
        pcre2_set_match_limit(context, tiers[i].limit);
        pcre2_set_depth_limit(context, depth_limit);
        pcre2_set_heap_limit(context, heap_limit_kib);
        regex->impl_->contexts[i] = context;
    }
    pcre2_pattern_info(regex->impl_->code, PCRE2_INFO_CAPTURECOUNT, &regex->impl_->groups);
    return std::shared_ptr<const Regex>(std::move(regex));
}

SqlState Regex::find(std::string_view text, std::size_t from, PatternMeter& meter, bool& found, Groups& groups) const {
    found = false;
    std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(
        pcre2_match_data_create(impl_->groups + 1, nullptr), &pcre2_match_data_free);
    if (!data) return SqlState::invalid_regex;
    const auto match = [&](pcre2_match_context* context, std::uint32_t options) {
        return pcre2_match(impl_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, options,
                           data.get(), context);
    };
    int result = PCRE2_ERROR_MATCHLIMIT;
    for (std::size_t i = 0; i < tiers.size() && result == PCRE2_ERROR_MATCHLIMIT; ++i) {
        if (i == quick_tiers && meter.is_quick()) return meter.exceed();
        if (const SqlState state = meter.charge(tiers[i].charge); state != SqlState::ok) return state;
        result = match(impl_->contexts[i], 0);
        // The interpreter has its frames on the heap.
        if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = match(impl_->contexts[i], PCRE2_NO_JIT);
    }
    if (result == PCRE2_ERROR_NOMATCH) return SqlState::ok;
    if (result < 0) return SqlState::invalid_regex;
    found = true;
    const PCRE2_SIZE* ranges = pcre2_get_ovector_pointer(data.get());
    groups.clear();
    for (std::size_t i = 0; i <= impl_->groups; ++i) {
        const bool taken = static_cast<int>(i) < result && ranges[2 * i] != PCRE2_UNSET;
        groups.emplace_back(taken ? ranges[2 * i] : std::string_view::npos,
                            taken ? ranges[2 * i + 1] : std::string_view::npos);
    }
    return SqlState::ok;
}

std::shared_ptr<const Regex> RegexCache::get(std::string_view pattern, Regex::Syntax syntax, std::string_view escape,
                                             PatternMeter& meter) {
    std::string key = fmt::format("{}{}:{}{}", static_cast<int>(syntax), escape.size(), escape, pattern);
    for (const Entry& entry : entries_) {
        if (entry.key == key) return entry.regex;
    }
    if (meter.charge(compile_charge) != SqlState::ok) return nullptr;
    auto compiled = Regex::compile(pattern, syntax, escape);
    Entry entry{std::move(key), compiled ? *std::move(compiled) : nullptr};
    const auto regex = entry.regex;
    if (entries_.size() < cache_size) {
        entries_.push_back(std::move(entry));
    } else {
        entries_[next_++ % cache_size] = std::move(entry);
    }
    return regex;
}

SqlState regex_replace(std::string_view text, const Regex& regex, std::string_view replacement, std::int64_t start,
                       std::int64_t occurrence, PatternMeter& meter, std::string& out) {
    out.clear();
    if (start < 1 || occurrence < 0) return SqlState::invalid_argument;
    std::size_t at = position_of(text, start - 1);
    if (start > code_points(text)) {
        out = text;
        return SqlState::ok;
    }
    out.append(text.substr(0, at));
    Regex::Groups groups;
    std::int64_t seen = 0;
    bool found = false;
    std::size_t search = at;
    while (search <= text.size()) {
        if (const SqlState state = regex.find(text, search, meter, found, groups); state != SqlState::ok) return state;
        if (!found) break;
        const auto [begin, end] = groups[0];
        ++seen;
        if (occurrence == 0 || seen == occurrence) {
            out.append(text.substr(at, begin - at));
            for (std::size_t i = 0; i < replacement.size(); ++i) {
                if (replacement[i] == '\\' && i + 1 < replacement.size()) {
                    out += replacement[++i];
                } else if (replacement[i] == '$') {
                    if (i + 1 >= replacement.size() || replacement[i + 1] < '0' || replacement[i + 1] > '9')
                        return SqlState::invalid_argument;
                    const auto group = static_cast<std::size_t>(replacement[++i] - '0');
                    if (group >= groups.size()) return SqlState::invalid_argument;
                    if (groups[group].first != std::string_view::npos)
                        out.append(text.substr(groups[group].first, groups[group].second - groups[group].first));
                } else {
                    out += replacement[i];
                }
            }
            at = end;
            if (out.size() > replaced_size_max) return SqlState::truncation;
            if (occurrence != 0) break;
        }
        search = end > begin ? end : step(text, end);
    }
    if (at < text.size()) out.append(text.substr(at));
    return SqlState::ok;
}

}  // namespace riacho::sql
