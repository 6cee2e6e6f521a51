// Fuzzes the parser of event-stream frames. The checksums of the input are corrected first, or no input would pass
// them.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/crc32.h"
#include "wire/event_stream.h"

namespace {

void put_u32(std::string& bytes, std::size_t at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (24 - 8 * i));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    std::string bytes(reinterpret_cast<const char*>(data), size);
    (void)wire::read_event_frame(bytes);
    if (size < 16) return 0;
    put_u32(bytes, 0, static_cast<std::uint32_t>(size));
    put_u32(bytes, 8, crc32(std::string_view(bytes).substr(0, 8)));
    put_u32(bytes, size - 4, crc32(std::string_view(bytes).substr(0, size - 4)));
    const auto frame = wire::read_event_frame(bytes);
    if (frame) RIACHO_CHECK(frame->size == size && frame->payload.size() <= size - 16);
    return 0;
}
