#include "sql/test/similar.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace riacho::sql {
namespace {

using Places = std::set<std::size_t>;
constexpr std::size_t endless = 1'000'000;

// Reads the pattern and computes which places of the text it may reach from some. What is repeated is read again.
class Similar {
public:
    Similar(const std::vector<std::string>& text, const std::vector<std::string>& pattern, const std::string& escape)
        : text_(text), pattern_(pattern), escape_(escape) {}

    std::optional<bool> run() {
        const Places ends = alternatives({0});
        if (is_wrong_ || at_ != pattern_.size()) return std::nullopt;
        return ends.contains(text_.size());
    }

private:
    [[nodiscard]] bool sees(std::string_view what) const { return at_ < pattern_.size() && pattern_[at_] == what; }
    bool take(std::string_view what) {
        if (!sees(what)) return false;
        ++at_;
        return true;
    }
    Places wrong() {
        is_wrong_ = true;
        at_ = pattern_.size();
        return {};
    }

    Places alternatives(const Places& from) {
        Places out = sequence(from);
        while (take("|")) out.merge(sequence(from));
        return out;
    }

    Places sequence(Places from) {
        while (at_ < pattern_.size() && !sees("|") && !sees(")")) from = repeated(from);
        return from;
    }

    Places repeated(const Places& from) {
        const std::size_t begin = at_;
        const Places once = atom(from);
        const std::size_t end = at_;
        std::size_t least = 1;
        std::size_t most = 1;
        if (take("*")) {
            least = 0;
            most = endless;
        } else if (take("+")) {
            most = endless;
        } else if (take("?")) {
            least = 0;
        } else if (take("{")) {
            least = most = number();
            if (take(",")) most = sees("}") ? endless : number();
            if (!take("}")) return wrong();
        }
        const std::size_t behind = at_;
        if (end == behind) return once;
        Places out;
        Places reached = from;
        for (std::size_t count = 0; !is_wrong_; ++count) {
            if (count >= least) out.insert(reached.begin(), reached.end());
            if (count == most || reached.empty()) break;
            at_ = begin;
            Places next = atom(reached);
            // More of the same places is nothing new.
            if (count >= least) std::erase_if(next, [&](std::size_t place) { return out.contains(place); });
            reached = std::move(next);
        }
        at_ = is_wrong_ ? pattern_.size() : behind;
        return out;
    }

    std::size_t number() {
        std::size_t value = 0;
        const std::size_t begin = at_;
        while (at_ < pattern_.size() && pattern_[at_] >= "0" && pattern_[at_] <= "9")
            value = value * 10 + static_cast<std::size_t>(pattern_[at_++][0] - '0');
        if (at_ == begin) wrong();
        return value;
    }

    Places atom(const Places& from) {
        if (!escape_.empty() && take(escape_)) return at_ < pattern_.size() ? one(from, pattern_[at_++]) : wrong();
        if (take("%")) {
            Places out;
            for (std::size_t i = from.empty() ? text_.size() + 1 : *from.begin(); i <= text_.size(); ++i) out.insert(i);
            return out;
        }
        if (take("_")) return step(from, [](const std::string&) { return true; });
        if (take("(")) {
            Places out = alternatives(from);
            return take(")") ? out : wrong();
        }
        if (take("[")) return members(from);
        for (const std::string_view special : {"*", "+", "?", "{", "}", "]"}) {
            if (sees(special)) return wrong();
        }
        return one(from, pattern_[at_++]);
    }

    template <class F>
    Places step(const Places& from, F matches) {
        Places out;
        for (const std::size_t place : from) {
            if (place < text_.size() && matches(text_[place])) out.insert(place + 1);
        }
        return out;
    }
    Places one(const Places& from, const std::string& what) {
        return step(from, [&](const std::string& have) { return have == what; });
    }

    // [abc], [a-c], [^a-c], [a-e^c]: code points compare as UTF-8 does.
    Places members(const Places& from) {
        std::vector<std::pair<std::string, std::string>> sets[2];
        const bool negated = take("^");
        std::size_t part = 0;
        while (!sees("]")) {
            if (at_ >= pattern_.size()) return wrong();
            if (take("^")) {
                part = 1;
                continue;
            }
            if (!escape_.empty() && take(escape_) && at_ >= pattern_.size()) return wrong();
            const std::string low = pattern_[at_++];
            std::string high = low;
            if (take("-")) {
                if (at_ >= pattern_.size()) return wrong();
                high = pattern_[at_++];
            }
            sets[part].emplace_back(low, high);
        }
        ++at_;
        const auto holds = [&](std::size_t of, const std::string& have) {
            return std::ranges::any_of(sets[of],
                                       [&](const auto& range) { return range.first <= have && have <= range.second; });
        };
        return step(from, [&](const std::string& have) { return holds(0, have) != negated && !holds(1, have); });
    }

    const std::vector<std::string>& text_;
    const std::vector<std::string>& pattern_;
    const std::string escape_;
    std::size_t at_ = 0;
    bool is_wrong_ = false;
};

}  // namespace

std::optional<bool> similar_to(const std::vector<std::string>& text, const std::vector<std::string>& pattern,
                               const std::string& escape) {
    return Similar(text, pattern, escape).run();
}

}  // namespace riacho::sql
