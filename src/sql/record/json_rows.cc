// JSON documents to rows: one pass in the order of the text; members that no column maps are checked and passed over.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/try.h"
#include "sql/record/json_path.h"
#include "sql/record/record_decoders.h"
#include "sql/text/characters.h"

namespace riacho::sql {
namespace {

constexpr int depth_max = 32;
constexpr std::size_t values_max_of_array = 1'000'000;  // rows times columns

// Steps of all paths as a tree. A node may be a column itself and have members.
struct Trie {
    std::vector<std::uint32_t> columns;
    std::vector<std::pair<std::string, std::unique_ptr<Trie>>> members;
    bool is_row_array = false;  // the array whose elements are rows
    std::size_t expected = 0;   // the member that came last time at this place, plus one

    Trie& member(std::string_view name) {
        for (auto& [key, node] : members) {
            if (key == name) return *node;
        }
        members.emplace_back(std::string(name), std::make_unique<Trie>());
        return *members.back().second;
    }
    Trie* find(std::string_view name) {
        if (members.empty()) return nullptr;
        // Documents of one kind have their members in one order.
        const std::size_t next = expected < members.size() ? expected : 0;
        if (members[next].first == name) {
            expected = next + 1;
            return members[next].second.get();
        }
        for (std::size_t i = 0; i < members.size(); ++i) {
            if (members[i].first != name) continue;
            expected = i + 1;
            return members[i].second.get();
        }
        return nullptr;
    }
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class JsonDecoder final : public BuildingDecoder {
public:
    JsonDecoder(const RecordSchema& schema, const PathPlan& plan, bool shard_metadata, const std::vector<bool>& used)
        : BuildingDecoder(schema, shard_metadata, used), has_array_(plan.has_array) {
        for (std::uint32_t i = 0; i < plan.columns.size(); ++i) {
            const ColumnPath& column = plan.columns[i];
            if (column.in_document) add_path(document_, column.document, i);
            if (column.in_element) add_path(element_, column.element, i);
        }
        if (has_array_) {
            Trie* node = &document_;
            for (const PathStep& step : plan.array) node = &node->member(step.member);
            node->is_row_array = true;
        }
        values_.resize(plan.columns.size());
    }

    void decode(std::string_view record, std::size_t, RowTime rowtime, const RecordMetadata& metadata) override {
        text_ = record;
        at_ = 0;
        if (!is_utf8(record)) return builder_.add_error("PARSE_ERROR", no_utf8, rowtime, record);
        builder_.begin_record(true);
        while (true) {
            skip_blanks();
            if (at_ == text_.size()) return;
            std::ranges::fill(values_, RawValue());
            rows_.clear();
            rows_count_ = 0;
            saw_array_ = false;
            const bool container = text_[at_] == '{' || text_[at_] == '[';
            if (!container || !value(&document_, &values_, 0))
                return builder_.add_error("PARSE_ERROR", fmt::format("The record is no JSON from byte {} on", at_),
                                          rowtime, record);
            if (!emit(rowtime, metadata, record))
                return builder_.add_error("PARSE_ERROR", too_many_rows, rowtime, record);
        }
    }

private:
    static void add_path(Trie& root, const Path& path, std::uint32_t column) {
        Trie* node = &root;
        for (const PathStep& step : path) {
            if (!step.is_array) node = &node->member(step.member);  // [0:] at the end: the array as text
        }
        node->columns.push_back(column);
    }

    bool emit(RowTime rowtime, const RecordMetadata& metadata, std::string_view record) {
        // AWS: S5.3: an empty or unmatched array gives exactly one row.
        if (!has_array_ || rows_count_ == 0) {
            if (builder_.exhausted()) return false;
            builder_.add(values_, rowtime, metadata, record);
            return true;
        }
        for (std::size_t i = 0; i < rows_count_; ++i) {
            if (builder_.exhausted()) return false;
            row_ = values_;
            for (std::size_t c = 0; c < row_.size(); ++c) {
                const RawValue& own = rows_[i * row_.size() + c];
                if (own.kind != RawValue::Kind::missing) row_[c] = own;
            }
            builder_.add(row_, rowtime, metadata, record);
        }
        return true;
    }

    void skip_blanks() {
        while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    }
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool take_word(std::string_view word) {
        if (!text_.substr(at_).starts_with(word)) return false;
        at_ += word.size();
        return true;
    }

    // One value; columns of the node get it in `out`, if they have none yet: the first of equal keys wins.
    bool value(Trie* node, std::vector<RawValue>* out, int depth) {
        if (depth > depth_max || at_ >= text_.size()) return false;
        const std::size_t begin = at_;
        RawValue raw;
        bool good = false;
        switch (text_[at_]) {
            case '{':
                good = object(node, out, depth);
                raw.kind = RawValue::Kind::json;
                break;
            case '[':
                good = array(node, out, depth);
                raw.kind = RawValue::Kind::json;
                break;
            case '"':
                good = string(raw.text, raw.escaped);
                raw.kind = RawValue::Kind::string;
                break;
            case 't':
            case 'f':
                raw.boolean = text_[at_] == 't';
                good = take_word(raw.boolean ? "true" : "false");
                raw.kind = RawValue::Kind::boolean;
                break;
            case 'n':
                good = take_word("null");
                raw.kind = RawValue::Kind::null;
                break;
            default:
                good = number();
                raw.kind = RawValue::Kind::number;
        }
        if (!good) return false;
        if (raw.kind == RawValue::Kind::json || raw.kind == RawValue::Kind::number)
            raw.text = text_.substr(begin, at_ - begin);
        if (node == nullptr || out == nullptr) return true;
        for (const std::uint32_t column : node->columns) {
            if ((*out)[column].kind == RawValue::Kind::missing) (*out)[column] = raw;
        }
        return true;
    }

    bool object(Trie* node, std::vector<RawValue>* out, int depth) {
        ++at_;
        if (node != nullptr) node->expected = 0;
        skip_blanks();
        if (take('}')) return true;
        while (true) {
            std::string_view key;
            bool escaped = false;
            skip_blanks();
            if (at_ >= text_.size() || text_[at_] != '"' || !string(key, escaped)) return false;
            if (escaped) {
                unescape_json(key, key_);
                key = key_;
            }
            Trie* member = node == nullptr ? nullptr : node->find(key);
            skip_blanks();
            if (!take(':')) return false;
            skip_blanks();
            if (!value(member, out, depth + 1)) return false;
            skip_blanks();
            if (take('}')) return true;
            if (!take(',')) return false;
        }
    }

    bool array(Trie* node, std::vector<RawValue>* out, int depth) {
        ++at_;
        const bool rows = node != nullptr && node->is_row_array && out == &values_ && !saw_array_;
        if (rows) saw_array_ = true;
        skip_blanks();
        if (take(']')) return true;
        while (true) {
            skip_blanks();
            if (rows) {
                row_.assign(values_.size(), RawValue());
                if (!value(&element_, &row_, depth + 1)) return false;
                rows_.insert(rows_.end(), row_.begin(), row_.end());
                if (++rows_count_ > rows_max_of_record || rows_.size() > values_max_of_array) return false;
            } else if (!value(nullptr, nullptr, depth + 1)) {
                return false;
            }
            skip_blanks();
            if (take(']')) return true;
            if (!take(',')) return false;
        }
    }

    // To a quote, a backslash or a control character; or, near the end of the text, as far as eight bytes reach.
    void skip_plain() {
        constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
        constexpr std::uint64_t highs = ones * 0x80;
        for (; at_ + 8 <= text_.size(); at_ += 8) {
            std::uint64_t eight;
            std::memcpy(&eight, text_.data() + at_, 8);
            const std::uint64_t quote = eight ^ ones * '"';
            const std::uint64_t backslash = eight ^ ones * '\\';
            // The lowest bit that is set is of a byte that is zero, or below the blank.
            const std::uint64_t found = ((quote - ones) & ~quote & highs) | ((backslash - ones) & ~backslash & highs) |
                                        ((eight - ones * ' ') & ~eight & highs);
            if (found != 0) {
                at_ += static_cast<std::size_t>(std::countr_zero(found)) / 8;
                return;
            }
        }
    }

    // At the opening quote; the content, which unescape_json() can read.
    bool string(std::string_view& content, bool& escaped) {
        const std::size_t begin = ++at_;
        escaped = false;
        while (at_ < text_.size()) {
            skip_plain();
            if (at_ == text_.size()) break;
            const auto c = static_cast<unsigned char>(text_[at_]);
            if (c == '"') {
                content = text_.substr(begin, at_ - begin);
                ++at_;
                return true;
            }
            if (c < 0x20) return false;
            if (c == '\\') {
                escaped = true;
                ++at_;
                if (at_ >= text_.size()) return false;
                if (text_[at_] == 'u') {
                    for (std::size_t i = 1; i <= 4; ++i) {
                        if (at_ + i >= text_.size() ||
                            std::string_view("0123456789abcdefABCDEF").find(text_[at_ + i]) == std::string_view::npos)
                            return false;
                    }
                    at_ += 4;
                } else if (std::string_view("\"\\/bfnrt").find(text_[at_]) == std::string_view::npos) {
                    return false;
                }
            }
            ++at_;
        }
        return false;
    }

    bool number() {
        take('-');
        const std::size_t begin = at_;
        if (!digits()) return false;
        if (text_[begin] == '0' && at_ - begin > 1) return false;
        if (take('.') && !digits()) return false;
        if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
            ++at_;
            if (!take('+')) take('-');
            return digits();
        }
        return true;
    }
    bool digits() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
        return at_ > begin;
    }

    bool has_array_;
    Trie document_;
    Trie element_;
    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<RawValue> values_;  // of the document
    std::vector<RawValue> row_;
    std::vector<RawValue> rows_;  // of the elements, one after the other
    std::size_t rows_count_ = 0;
    bool saw_array_ = false;
    std::string key_;
};

}  // namespace

Expected<std::unique_ptr<RecordDecoder>, std::string> make_json_decoder(const RecordSchema& schema, bool shard_metadata,
                                                                        const std::vector<bool>& used) {
    TRY(const PathPlan plan, plan_paths(schema));
    return std::make_unique<JsonDecoder>(schema, plan, shard_metadata, used);
}

}  // namespace riacho::sql
