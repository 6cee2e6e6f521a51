// Frames of application/vnd.amazon.eventstream. AWS: spec 5.3 to 5.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "wire/shape.h"

namespace riacho::wire {

inline constexpr std::string_view event_stream_content_type = "application/vnd.amazon.eventstream";

struct EventHeader {
    std::string_view name;
    std::string_view value;
};

// Appends one frame; one buffer may hold several frames.
void append_event_frame(Buffer& out, std::initializer_list<EventHeader> headers, std::string_view payload);

// The first frame of every event stream.
void append_initial_response(Buffer& out);
// An event whose payload is the struct in JSON, written in place.
void append_event(Buffer& out, std::string_view event_type, const Shape& shape, const void* value);
// Ends a stream with a modelled error.
void append_event_exception(Buffer& out, std::string_view exception_type, std::string_view message);
// Ends a stream with an error outside the model.
void append_event_error(Buffer& out, std::string_view code, std::string_view message);

// A parsed frame (for tests, and for clients later). Views into the given bytes.
struct EventFrame {
    std::vector<EventHeader> headers;  // headers of type string only
    std::string_view payload;
    std::size_t size;  // bytes of the whole frame

    [[nodiscard]] std::string_view header(std::string_view name) const;
};

enum class FrameFault : std::uint8_t { incomplete, malformed, checksum };

// Parses the frame at the start of bytes.
Expected<EventFrame, FrameFault> read_event_frame(std::string_view bytes);

}  // namespace riacho::wire
