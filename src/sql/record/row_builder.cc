#include "sql/record/row_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "sql/program.h"
#include "sql/text/characters.h"
#include "sql/types/calendar.h"
#include "sql/types/cast.h"

namespace riacho::sql {
namespace {

constexpr std::size_t record_size_kept = 24 * 1024;
constexpr std::size_t errors_kept = 100;             // between two calls of take_errors(); the others are counted
constexpr std::size_t batch_size_max = 1024 * 1024;  // of texts
constexpr std::size_t cells_max_of_record = 1'000'000;
constexpr std::size_t bytes_max_of_record = 32 * 1024 * 1024;

std::uint32_t hexit(char c) {
    if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0');
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? static_cast<std::uint32_t>(lower - 'a' + 10) : 16;
}

std::uint32_t four_hexits(std::string_view text) {
    std::uint32_t code = 0;
    for (const char c : text.substr(0, 4)) code = code * 16 + (hexit(c) & 15);
    return code;
}

bool is_true_word(std::string_view text) {
    static constexpr std::string_view word = "true";
    return std::ranges::equal(text, word, [](char a, char b) { return (a | 0x20) == b; });
}

// X'3F67A23A': an even number of hexits.
bool parse_binary(std::string_view text, std::string& out) {
    if (text.size() < 3 || (text[0] | 0x20) != 'x' || text[1] != '\'' || text.back() != '\'') return false;
    text = text.substr(2, text.size() - 3);
    if (text.size() % 2 != 0) return false;
    out.clear();
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const std::uint32_t high = hexit(text[i]);
        const std::uint32_t low = hexit(text[i + 1]);
        if (high > 15 || low > 15) return false;
        out += static_cast<char>(high << 4 | low);
    }
    return true;
}

// A number's text in an exact or approximate column; a fraction in an integer is an error (S5.3).
bool parse_number(std::string_view text, const Type& type, bool exact, Scalar& out) {
    text = without_blanks(text);
    if (type.is_exact_number()) {
        Int128 value = 0;
        if (parse_exact(text, type.scale, exact && type.is_integer(), value) != SqlState::ok ||
            !range_of(type).has(value))
            return false;
        out.exact = static_cast<std::int64_t>(value);
        return true;
    }
    if (parse_real(text, out.real) != SqlState::ok) return false;
    return type.kind != Kind::real || to_real(out.real, out.real) == SqlState::ok;
}

bool parse_datetime(std::string_view text, const Type& type, Scalar& out) {
    if (type.kind == Kind::time) {
        const auto time = parse_time(text, false);
        out.exact = time.value_or(0);
        return time.has_value();
    }
    const auto timestamp = parse_record_timestamp(text);
    if (!timestamp) return false;
    out.exact = type.kind == Kind::date ? floor_div(*timestamp, day_ms) : *timestamp;
    return true;
}

// The table of S5.3 but for NULL. Text results go into `buffer`.
bool coerce(const RawValue& value, std::string_view text, const Type& type, Scalar& out, std::string& buffer) {
    using Raw = RawValue::Kind;
    if (type.is_character()) {
        out.text = value.kind == Raw::boolean ? (value.boolean ? "true" : "false") : text;
        return true;
    }
    if (type.is_number()) {
        if (value.kind == Raw::boolean) {
            out.exact = value.boolean ? static_cast<std::int64_t>(power_of_ten(type.scale)) : 0;
            out.real = value.boolean;
            return range_of(type).has(out.exact);
        }
        return value.kind != Raw::json && parse_number(text, type, value.kind == Raw::number, out);
    }
    if (type.kind == Kind::boolean) {
        if (value.kind == Raw::json) return false;
        if (value.kind == Raw::number) {
            double number = 0;
            if (parse_real(text, number) == SqlState::invalid_cast) return false;
            out.exact = number != 0;
        } else {
            out.exact = value.kind == Raw::boolean ? value.boolean : is_true_word(text);
        }
        return true;
    }
    if (type.is_binary()) {
        if (value.kind == Raw::boolean) {
            buffer.assign(type.kind == Kind::varbinary ? 1 : type.length, '\0');
            if (value.boolean) buffer.back() = '\1';
        } else if (value.kind != Raw::string || !parse_binary(text, buffer)) {
            return false;
        }
        out.text = buffer;
        return true;
    }
    return value.kind == Raw::string && parse_datetime(text, type, out);
}

}  // namespace

void unescape_json(std::string_view text, std::string& out) {
    out.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        switch (const char c = text[++i]; c) {
            case 'b':
                out += '\b';
                break;
            case 'f':
                out += '\f';
                break;
            case 'n':
                out += '\n';
                break;
            case 'r':
                out += '\r';
                break;
            case 't':
                out += '\t';
                break;
            case 'u': {
                std::uint32_t code = four_hexits(text.substr(i + 1));
                i += 4;
                if (code >= 0xD800 && code < 0xDC00 && text.substr(i + 1).starts_with("\\u")) {
                    const std::uint32_t low = four_hexits(text.substr(i + 3));
                    if (low >= 0xDC00 && low < 0xE000) {
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                        i += 6;
                    }
                }
                append_utf8(out, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
                break;
            }
            default:
                out += c;
        }
    }
}

bool is_utf8(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        if (i + 8 <= text.size()) {
            std::uint64_t eight;
            std::memcpy(&eight, text.data() + i, 8);
            if ((eight & 0x8080'8080'8080'8080) == 0) {
                i += 8;
                continue;
            }
        }
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x80) {
            ++i;
            continue;
        }
        const std::size_t more = c >= 0xC2 && c < 0xE0 ? 1 : (c & 0xF0) == 0xE0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : 0;
        if (more == 0 || i + more >= text.size()) return false;
        for (std::size_t k = 1; k <= more; ++k) {
            if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
        }
        const auto second = static_cast<unsigned char>(text[i + 1]);
        // Too long, a surrogate, beyond U+10FFFF.
        if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second >= 0xA0) || (c == 0xF0 && second < 0x90) ||
            (c == 0xF4 && second >= 0x90))
            return false;
        i += more + 1;
    }
    return true;
}

RowBuilder::RowBuilder(std::vector<RecordColumn> columns, bool shard_metadata, const std::vector<bool>& used)
    : columns_(std::move(columns)), shard_metadata_(shard_metadata), used_(used) {
    const std::size_t all = columns_.size() + (shard_metadata ? 4 : 1);
    if (used_.empty()) used_.assign(all, true);
    used_.resize(all);
}

void RowBuilder::begin_record(bool texts_stay) {
    texts_stay_ = texts_stay;
    record_rows_ = 0;
    record_cells_ = 0;
    record_bytes_ = 0;
    last_texts_.assign(used_.size(), {});
}

bool RowBuilder::exhausted() const {
    return record_rows_ >= rows_max_of_record || record_cells_ > cells_max_of_record ||
           record_bytes_ > bytes_max_of_record;
}

void RowBuilder::begin_batch() {
    last_texts_.assign(used_.size(), {});
    rowtime_ = std::make_shared<Vector>(simple_type(Kind::timestamp, false));
    arena_ = std::make_shared<Arena>();
    vectors_.assign(used_.size(), nullptr);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (used_[i]) vectors_[i] = std::make_shared<Vector>(columns_[i].type);
    }
    const Type implicit[] = {simple_type(Kind::timestamp), varchar_type(512), varchar_type(128), varchar_type(64)};
    for (std::size_t i = columns_.size(); i < used_.size(); ++i) {
        if (used_[i]) vectors_[i] = std::make_shared<Vector>(implicit[i - columns_.size()]);
    }
}

void RowBuilder::seal() {
    if (rows_ == 0) return;
    auto batch = std::make_shared<Batch>();
    batch->rows = rows_;
    batch->rowtime = std::move(rowtime_);
    for (auto& vector : vectors_) {
        if (vector) sealed_size_ += std::size_t{width_of(vector->physical())} * batch_rows_max;
        batch->columns.push_back(std::move(vector));
    }
    sealed_size_ += arena_->capacity();
    batch->arenas.push_back(std::move(arena_));
    sealed_.push_back(std::move(batch));
    rows_ = 0;
}

void RowBuilder::set_text(std::size_t column, std::string_view text, std::uint32_t row, bool may_share) {
    Vector* vector = vectors_[column].get();
    if (vector == nullptr) return;
    LastText& last = last_texts_[column];
    std::string_view& made = vector->values<std::string_view>()[row];
    may_share = may_share && texts_stay_;
    if (may_share && last.from == text.data() && last.size == text.size() && !text.empty()) {
        made = last.made;
        return;
    }
    const std::string_view from = text;
    const Type& type = vector->type();
    text = type.is_binary() ? text.substr(0, type.length) : cut_code_points(text, type.length);
    if (type.kind == Kind::character) {
        const auto points = static_cast<std::size_t>(
            std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
        const std::size_t pad = type.length > points ? type.length - points : 0;
        char* at = arena_->allocate(text.size() + pad);
        std::fill_n(std::ranges::copy(text, at).out, pad, ' ');
        made = {at, text.size() + pad};
    } else {
        made = arena_->copy(text);
    }
    record_bytes_ += made.size();
    if (may_share) last = {from.data(), from.size(), made};
}

bool RowBuilder::store(std::size_t column, const RawValue& value, std::uint32_t row) {
    const Type& type = columns_[column].type;
    Vector* vector = vectors_[column].get();
    // Only what cannot fail may be left out: which rows are errors does not depend on the SQL.
    if (vector == nullptr && type.is_character()) return true;
    if (value.kind == RawValue::Kind::missing || value.kind == RawValue::Kind::null) {
        if (vector != nullptr) vector->set_null(row);
        return true;
    }
    std::string_view text = value.text;
    if (value.escaped) {
        unescape_json(text, buffer_);
        text = buffer_;
    }
    Scalar out;
    std::string bytes;
    if (!coerce(value, text, type, out, bytes)) return false;
    if (vector == nullptr) return true;
    vector->set_valid(row);
    switch (vector->physical()) {
        case Physical::boolean:
            vector->values<std::uint8_t>()[row] = out.exact != 0;
            break;
        case Physical::exact:
            vector->values<std::int64_t>()[row] = out.exact;
            break;
        case Physical::real:
            vector->values<double>()[row] = out.real;
            break;
        case Physical::string:
            set_text(column, out.text, row, !value.escaped && type.is_character());
            break;
    }
    return true;
}

bool RowBuilder::add(const std::vector<RawValue>& values, RowTime rowtime, const RecordMetadata& metadata,
                     std::string_view record) {
    if (rows_ == 0) begin_batch();
    ++record_rows_;
    record_cells_ += used_.size();
    const std::uint32_t row = rows_;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (store(i, values[i], row)) continue;
        // The row's slot is used again: what was set in it is overwritten, NULLs are taken back.
        for (auto& vector : vectors_) {
            if (vector) vector->set_valid(row);
        }
        add_error("COERCION_ERROR",
                  fmt::format("The value of column '{}' is no {}: {}", columns_[i].name, type_text(columns_[i].type),
                              values[i].kind == RawValue::Kind::boolean ? (values[i].boolean ? "true" : "false")
                                                                        : values[i].text.substr(0, 200)),
                  rowtime, record);
        return false;
    }
    const std::size_t implicit = columns_.size();
    if (vectors_[implicit]) vectors_[implicit]->values<std::int64_t>()[row] = metadata.arrival.value();
    if (shard_metadata_) {
        const std::string_view texts[] = {metadata.partition_key, metadata.sequence_number, metadata.shard_id};
        for (std::size_t i = 0; i < 3; ++i) {
            if (!vectors_[implicit + 1 + i]) continue;
            if (texts[i].empty()) {
                vectors_[implicit + 1 + i]->set_null(row);
            } else {
                set_text(implicit + 1 + i, texts[i], row, true);
            }
        }
    }
    rowtime_->values<std::int64_t>()[row] = rowtime.value();
    if (++rows_ == batch_rows_max || arena_->capacity() > batch_size_max) seal();
    return true;
}

void RowBuilder::add_error(std::string_view name, std::string message, RowTime rowtime, std::string_view record) {
    if (errors_.size() >= errors_kept) {
        // One of its name stands for it, or the last one that there will be.
        const auto same = std::ranges::find(errors_, name, &InputError::name);
        if (same != errors_.end()) {
            ++same->count;
            return;
        }
    }
    errors_.push_back({name, std::move(message), rowtime, std::string(record.substr(0, record_size_kept))});
}

std::vector<BatchRef> RowBuilder::take_rows() {
    seal();
    sealed_size_ = 0;
    return std::move(sealed_);
}

std::vector<InputError> RowBuilder::take_errors() { return std::move(errors_); }

}  // namespace riacho::sql
