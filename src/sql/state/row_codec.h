// Encodes rows of a batch for state.
#pragma once

#include <span>

#include "base/codec.h"
#include "sql/batch/batch.h"

namespace riacho::sql {

// Encodes rows [from, batch.rows). Columns that are null pointers remain so.
void encode_rows(const Batch& batch, std::uint32_t from, std::span<const Type> types, Encoder& out);
// Null when the bytes are not rows with such columns.
[[nodiscard]] BatchRef decode_rows(std::span<const Type> types, Decoder& in);

}  // namespace riacho::sql
