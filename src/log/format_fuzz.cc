// Fuzzes every decoder of the log's files, with and without a valid checksum.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/crc32c.h"
#include "log/detail/format.h"

using namespace riacho;
using namespace riacho::log;
using namespace riacho::log::detail;

namespace {

void decode_all(ByteSpan bytes) {
    static_cast<void>(decode_store_file(bytes));
    static_cast<void>(decode_journal_header(bytes));
    for (const std::uint16_t flags : {std::uint16_t{0}, std::uint16_t{1}})
        static_cast<void>(decode_command_body(bytes, flags));
    static_cast<void>(decode_trailer(bytes));
    if (const auto reference = decode_reference(bytes)) {
        std::array<std::byte, reference_body_size> again;
        encode_reference(*reference, again);
        if (!std::ranges::equal(again, bytes)) __builtin_trap();
    }
    static_cast<void>(decode_segment_header(bytes));
    static_cast<void>(decode_segment_footer(bytes));
    static_cast<void>(decode_index(SeqIx(1), bytes));
    if (const auto checkpoint = decode_checkpoint(bytes)) {
        const Bytes again = encode_checkpoint(*checkpoint);
        // The encoding of version 1 had no classes.
        if (again.size() != bytes.size() && again.size() != bytes.size() + checkpoint->shards.size()) __builtin_trap();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::byte> bytes(size);
    if (size > 0) std::memcpy(bytes.data(), data, size);
    decode_all(bytes);
    if (size < 8) return 0;
    put_le(bytes.data() + size - 4, crc32c(ByteSpan(bytes).first(size - 4)));
    decode_all(bytes);
    return 0;
}
