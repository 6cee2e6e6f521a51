// Fuzzes the stored forms of applications: decoded values are encoded to the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "analytics/app/turn.h"
#include "analytics/model.h"

namespace {

void check(std::string_view bytes, const std::string& again) {
    if (again != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho::analytics;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto checkpoint = decode_checkpoint(bytes)) check(bytes, encode(*checkpoint));
    // Decoders accept longer forms of varints: then values are compared, not bytes.
    if (const auto turn = decode_turn(bytes)) {
        if (decode_turn(encode(*turn)) != turn) std::abort();
    }
    if (const auto record = decode_state_record(bytes); record && record->positions) {
        const std::string again = encode_positions(record->run, record->number, *record->positions);
        if (decode_state_record(again)->positions != record->positions) std::abort();
    }
    if (const auto settings = decode_application(bytes)) {
        const auto again = decode_application(encode(*settings));
        if (!again || *again != *settings) std::abort();
    }
    return 0;
}
