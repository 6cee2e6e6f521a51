// Decodes records to rows: JSON documents and lines of CSV, straight into columns.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/engine.h"
#include "sql/record/schema.h"

namespace riacho::sql {

// The metadata of a record; the texts are copied. Empty texts give NULL.
struct RecordMetadata {
    RowTime arrival{};
    std::string_view partition_key;
    std::string_view sequence_number;
    std::string_view shard_id;
};

// Not thread-safe; one for each job that decodes.
class RecordDecoder {
public:
    // The error is a sentence about an invalid mapping (S5.3): a second flattened array, a path without `$`. `used`:
    // Program::columns_used, over the declared and the implicit columns; empty: all.
    [[nodiscard]] static Expected<std::unique_ptr<RecordDecoder>, std::string> make(const RecordSchema& schema,
                                                                                    bool shard_metadata,
                                                                                    const std::vector<bool>& used);
    virtual ~RecordDecoder() = default;

    // Appends the rows of a record; a row that does not fit its columns is an error, the others are kept. Times of
    // successive calls ascend. `readable_behind`: the number of readable bytes after the record; with fewer than 64
    // JSON is copied first.
    virtual void decode(std::string_view record, std::size_t readable_behind, RowTime rowtime,
                        const RecordMetadata& metadata) = 0;
    // The rows decoded since the last call, in order.
    [[nodiscard]] virtual std::vector<BatchRef> take_rows() = 0;
    [[nodiscard]] virtual std::vector<InputError> take_errors() = 0;
    // Memory of rows that were not taken yet, except for the last 1,024.
    [[nodiscard]] virtual std::size_t held_size() const = 0;
};

// The error of make() for this schema, if any.
[[nodiscard]] Expected<void, std::string> check_schema(const RecordSchema& schema);

}  // namespace riacho::sql
