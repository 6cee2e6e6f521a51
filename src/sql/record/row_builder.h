// Stores values of records in columns: coercions (S5.3), batches, and errors of rows that do not fit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/record/decoder.h"

namespace riacho::sql {

// A value in the form it has in the record.
struct RawValue {
    enum class Kind : std::uint8_t { missing, null, boolean, number, string, json } kind = Kind::missing;
    bool boolean = false;
    bool escaped = false;   // string: has JSON escapes
    std::string_view text;  // number, string (without quotes), json: the source
};

inline constexpr std::size_t rows_max_of_record = 100'000;

class RowBuilder {
public:
    RowBuilder(std::vector<RecordColumn> columns, bool shard_metadata, const std::vector<bool>& used);

    // Begins a record, whose limits count from zero. `texts_stay`: views of its values are valid until the next record,
    // so that equal views are stored once.
    void begin_record(bool texts_stay);
    // Whether the record has reached the limit of rows, values or bytes; its other rows must be skipped.
    [[nodiscard]] bool exhausted() const;
    // One value for each declared column. False: the row does not fit; the error has been noted.
    bool add(const std::vector<RawValue>& values, RowTime rowtime, const RecordMetadata& metadata,
             std::string_view record);
    void add_error(std::string_view name, std::string message, RowTime rowtime, std::string_view record);
    std::vector<BatchRef> take_rows();
    std::vector<InputError> take_errors();
    [[nodiscard]] std::size_t held_size() const { return sealed_size_; }
    [[nodiscard]] const std::vector<RecordColumn>& columns() const { return columns_; }

private:
    bool store(std::size_t column, const RawValue& value, std::uint32_t row);
    void set_text(std::size_t column, std::string_view text, std::uint32_t row, bool may_share);
    void begin_batch();
    void seal();

    std::vector<RecordColumn> columns_;
    bool shard_metadata_;
    std::vector<bool> used_;
    std::uint32_t rows_ = 0;
    std::shared_ptr<Vector> rowtime_;
    std::vector<std::shared_ptr<Vector>> vectors_;  // null: not used
    std::shared_ptr<Arena> arena_;
    std::vector<BatchRef> sealed_;
    std::size_t sealed_size_ = 0;
    std::vector<InputError> errors_;
    std::string buffer_;
    std::size_t record_rows_ = 0;
    std::size_t record_cells_ = 0;
    std::size_t record_bytes_ = 0;
    // The last text of each column, in the record and in the arena: a member of the document is the same in all rows.
    struct LastText {
        const char* from = nullptr;
        std::size_t size = 0;
        std::string_view made;
    };
    std::vector<LastText> last_texts_;
    bool texts_stay_ = false;
};

// A JSON string's content without its escapes; lone surrogates become U+FFFD.
void unescape_json(std::string_view text, std::string& out);
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace riacho::sql
