// Values of records into columns: coercions (S5.3), batches, and the errors of rows that do not fit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/record/decoder.h"

namespace riacho::sql {

// A value as it stands in a record.
struct RawValue {
    enum class Kind : std::uint8_t { missing, null, boolean, number, string, json } kind = Kind::missing;
    bool boolean = false;
    bool escaped = false;   // string: has JSON escapes
    std::string_view text;  // number, string (without quotes), json: the source
};

class RowBuilder {
public:
    RowBuilder(std::vector<RecordColumn> columns, bool shard_metadata, const std::vector<bool>& used);

    // One value for each declared column. False: the row does not fit; the error has been noted.
    bool add(const std::vector<RawValue>& values, RowTime rowtime, const RecordMetadata& metadata,
             std::string_view record);
    void add_error(std::string_view name, std::string message, RowTime rowtime, std::string_view record);
    std::vector<BatchRef> take_rows();
    std::vector<InputError> take_errors();
    [[nodiscard]] const std::vector<RecordColumn>& columns() const { return columns_; }

private:
    bool store(std::size_t column, const RawValue& value, std::uint32_t row);
    void set_text(std::size_t column, std::string_view text, std::uint32_t row);
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
    std::vector<InputError> errors_;
    std::string buffer_;
};

// A JSON string's content without its escapes; lone surrogates become U+FFFD.
void unescape_json(std::string_view text, std::string& out);
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace riacho::sql
