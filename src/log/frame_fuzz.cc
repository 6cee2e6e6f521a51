// Fuzzes the frame decoder: the records of an accepted frame can be walked to its end.
#include <cstdint>
#include <cstring>

#include "base/crc32c.h"
#include "log/frame.h"

using namespace riacho;
using namespace riacho::log;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < frame_header_size) return 0;
    auto memory = Frame::allocate(round_up(size, frame_alignment));
    std::memcpy(memory.get(), data, size);
    static_cast<void>(decode_header({memory.get(), size}));
    static_cast<void>(unsupported_reason({memory.get(), size}));
    // Sets valid checksums, so that the code behind them is reached.
    FrameHeader header;
    header.base_seq = get_le<std::uint64_t>(memory.get() + 48);
    header.record_count = get_le<std::uint32_t>(memory.get() + 56) % 64;
    header.body_size = static_cast<std::uint32_t>(size - frame_header_size);
    header.body_crc = crc32c({memory.get() + frame_header_size, header.body_size});
    std::byte* at = memory.get() + frame_header_size + 8;
    const std::byte* end = memory.get() + size;
    while (end - at >= 8) {
        const auto record = get_le<std::uint32_t>(at);
        if (record > static_cast<std::size_t>(end - at) - 8) break;
        if ((data[0] & 1) != 0) put_le(at + 4, crc32c({at + 8, record}));
        at += 8 + record;
    }
    header.body_crc = crc32c({memory.get() + frame_header_size, header.body_size});
    const auto frame = Frame::from_disk(header, std::move(memory));
    if (frame == nullptr) return 0;
    std::size_t total = 0;
    for (const RecordView& record : frame->records()) total += record.partition_key.size() + record.data.size();
    if (total != frame->payload_bytes() || !frame->verify_records()) __builtin_trap();
    return 0;
}
