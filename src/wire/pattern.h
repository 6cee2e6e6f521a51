// Regular expressions of the API models, compiled by the generator to tables: one look-up per byte, no backtracking.
#pragma once

#include <cstdint>
#include <string_view>

namespace riacho::wire {

// A deterministic finite automaton over bytes. State 0 is the dead state, state 1 the start state.
struct Pattern {
    std::string_view text;          // the pattern in violation texts, without anchors
    const std::uint8_t* classes;    // 256 entries: byte -> column
    const std::uint16_t* next;      // state * columns + column -> state
    const std::uint8_t* accepting;  // state -> 0 or 1
    std::uint16_t columns;

    // True if the pattern matches the whole value.
    [[nodiscard]] constexpr bool matches(std::string_view value) const {
        std::uint32_t state = 1;
        for (const char c : value) {
            state = next[state * columns + classes[static_cast<std::uint8_t>(c)]];
            if (state == 0) return false;
        }
        return accepting[state] != 0;
    }
};

}  // namespace riacho::wire
