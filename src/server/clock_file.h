// The file `clock` of the data directory: what the node's clock has to know about earlier processes
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
// Nothing for what is damaged or of a later version.
std::optional<core::ClockRecord> decode_clock_record(std::string_view bytes);

// An empty record when there is no file, or none that can be read: then the time since the newest record or command
// counts as not lived through.
core::ClockRecord load_clock_record(io::FileSystem& fs, const std::string& directory);

}  // namespace riacho::server
