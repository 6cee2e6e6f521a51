// The file `clock` of the data directory: the state of the node's clock that outlives a process
// (docs/formats/clock.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/node_clock.h"
#include "io/fwd.h"

namespace riacho::server {

inline constexpr const char* clock_file_name = "clock";

std::string encode_clock_record(const core::ClockRecord& record);
// Nothing if the bytes are damaged or of a later version.
std::optional<core::ClockRecord> decode_clock_record(std::string_view bytes);

// An empty record when the file is missing or unreadable: then the time since the newest record or command counts as a
// gap.
core::ClockRecord load_clock_record(io::FileSystem& fs, const std::string& directory);

}  // namespace riacho::server
