#include "base/u192.h"

namespace riacho {

Expected<U192, U192Fault> parse_u192(std::string_view text) {
    U192 value{};
    bool is_too_large = false;
    for (const char c : text) {
        if (c < '0' || c > '9') return fail(U192Fault::not_a_number);
        U128 carry = static_cast<unsigned>(c - '0');
        for (std::uint64_t& word : value) {
            carry += static_cast<U128>(word) * 10;
            word = static_cast<std::uint64_t>(carry);
            carry >>= 64;
        }
        is_too_large = is_too_large || carry != 0;
    }
    if (is_too_large) return fail(U192Fault::too_large);
    return value;
}

}  // namespace riacho
