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

// Counts the steps of patterns, each a few nanoseconds. Batches of rows are computed quickly or not at all: when they
// take too many steps together, the meter gives up, and the rows are computed again one by one. A row that takes too
// many steps by itself is an error. Results do not depend on the division of rows into batches.
class PatternMeter {
public:
    void begin_rows() { begin(rows_steps, true); }
    void begin_row() { begin(row_steps, false); }
    // Since begin_rows(): all results since then are invalid.
    [[nodiscard]] bool gave_up() const { return gave_up_; }
    [[nodiscard]] bool is_quick() const { return is_quick_; }
    [[nodiscard]] std::int64_t left() const { return left_; }
    // Takes steps; not ok when none are left.
    [[nodiscard]] SqlState charge(std::int64_t steps) {
        left_ -= steps;
        total_ += steps;
        return left_ < 0 ? exceed() : SqlState::ok;
    }
    [[nodiscard]] SqlState exceed() {
        gave_up_ = is_quick_;
        return SqlState::invalid_regex;
    }
    // Steps of all computations so far.
    [[nodiscard]] std::int64_t total() const { return total_; }

private:
    static constexpr std::int64_t rows_steps = 4'000'000;
    // at least the limit of a batch: a row that was computed within a batch is never an error
    static constexpr std::int64_t row_steps = 5'000'000;
    void begin(std::int64_t steps, bool is_quick) {
        left_ = steps;
        is_quick_ = is_quick;
        gave_up_ = false;
    }
    std::int64_t left_ = row_steps;
    std::int64_t total_ = 0;
    bool is_quick_ = false;
    bool gave_up_ = false;
};

// `escape`: one character, or empty. An escape before any character but %, _ and itself is invalid, and so is a pattern
// of more than 4 KiB, or a match that takes more steps than are left.
[[nodiscard]] SqlState like(std::string_view text, std::string_view pattern, std::string_view escape,
                            PatternMeter& meter, bool& matches);

// Immutable; thread-safe.
class Regex {
public:
    enum class Syntax : std::uint8_t { java, similar };
    // The error is the reason. `escape`: of SIMILAR TO, one character or empty.
    [[nodiscard]] static Expected<std::shared_ptr<const Regex>, std::string> compile(std::string_view pattern,
                                                                                     Syntax syntax,
                                                                                     std::string_view escape = {});
    ~Regex();
    Regex(const Regex&) = delete;
    Regex& operator=(const Regex&) = delete;

    // Byte ranges of the whole match and its groups; npos for groups that did not match.
    using Groups = std::vector<std::pair<std::size_t, std::size_t>>;
    // The first match at or after `from`. Not ok: it takes a million steps, or more than are left.
    [[nodiscard]] SqlState find(std::string_view text, std::size_t from, PatternMeter& meter, bool& found,
                                Groups& groups) const;

    struct Impl;

private:
    Regex();
    std::unique_ptr<Impl> impl_;
};

// Compiled patterns that are no literals, by their text: the last 64.
class RegexCache {
public:
    // Null when the pattern is invalid, or takes more steps than are left.
    [[nodiscard]] std::shared_ptr<const Regex> get(std::string_view pattern, Regex::Syntax syntax,
                                                   std::string_view escape, PatternMeter& meter);

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
                                     std::int64_t start, std::int64_t occurrence, PatternMeter& meter,
                                     std::string& out);

}  // namespace riacho::sql
