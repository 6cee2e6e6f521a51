// Converts read records to the shape of the API.
#pragma once

#include <cstddef>
#include <vector>

#include "aws/gen/kinesis/types_shared.gen.h"
#include "catalog/model.h"
#include "streams/reader.h"

namespace riacho::streams {

// Appends the records of a shard; their views live as long as `read`.
void fill_records(const catalog::ShardState& shard, const ShardRead& read, std::vector<api::Record>& records);

// The size of the records in a JSON reply; nearly exact.
std::size_t encoded_size(const log::ReadResult& read);

}  // namespace riacho::streams
