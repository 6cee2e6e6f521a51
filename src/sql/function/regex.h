// Patterns: LIKE by a matcher of our own, SIMILAR TO and Java's regular expressions through PCRE2 with limits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sql/types/number.h"

namespace riacho::sql {

// `escape`: one character, or empty. An escape that stands before anything but %, _ and itself is invalid,
// and so is a pattern of more than 4 KiB.
[[nodiscard]] SqlState like(std::string_view text, std::string_view pattern, std::string_view escape, bool& matches);

// Immutable; thread-safe.
class Regex {
public:
    enum class Syntax : std::uint8_t { java, similar };
    // Fails with the reason. `escape`: of SIMILAR TO, one character or empty.
    [[nodiscard]] static Expected<std::shared_ptr<const Regex>, std::string> compile(std::string_view pattern,
                                                                                     Syntax syntax,
                                                                                     std::string_view escape = {});
    ~Regex();
    Regex(const Regex&) = delete;
    Regex& operator=(const Regex&) = delete;

    // Byte ranges of the whole match and its groups; npos for groups that take no part.
    using Groups = std::vector<std::pair<std::size_t, std::size_t>>;
    // The first match at or behind `from`. Not ok: the limits were exceeded.
    [[nodiscard]] SqlState find(std::string_view text, std::size_t from, bool& found, Groups& groups) const;

    struct Impl;

private:
    Regex();
    std::unique_ptr<Impl> impl_;
};

// Patterns that are no literals, by their text: the last 64.
class RegexCache {
public:
    [[nodiscard]] std::shared_ptr<const Regex> get(std::string_view pattern, Regex::Syntax syntax,
                                                   std::string_view escape);

private:
    struct Entry {
        std::string key;
        std::shared_ptr<const Regex> regex;  // null: invalid
    };
    std::vector<Entry> entries_;
    std::size_t next_ = 0;
};

// Java's replaceAll from the 1-based code point `start` on: all matches, or the `occurrence`-th. $1 in the replacement.
[[nodiscard]] SqlState regex_replace(std::string_view text, const Regex& regex, std::string_view replacement,
                                     std::int64_t start, std::int64_t occurrence, std::string& out);

}  // namespace riacho::sql
