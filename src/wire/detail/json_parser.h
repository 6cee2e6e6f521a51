// The JSON parser behind Document; the only user of simdjson.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "wire/document.h"

namespace riacho::wire::detail {

// Reusable; keeps its memory between texts.
class JsonParser {
public:
    JsonParser();
    ~JsonParser();

    // Appends the nodes of the text to `nodes`; strings point into the parser, or into a text with readable bytes
    // behind.
    Expected<void, ParseFault> parse(std::string_view text, std::size_t readable_behind, std::vector<Node>& nodes);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

bool is_utf8(std::string_view text) noexcept;

}  // namespace riacho::wire::detail
