#include "wire/event_stream.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/crc32.h"
#include "wire/detail/writers.h"
#include "wire/encode.h"

namespace riacho::wire {
namespace {

constexpr std::size_t prelude_size = 12;  // total length, headers length, CRC of the two
constexpr std::size_t crc_size = 4;
constexpr std::size_t headers_size_max = std::size_t{128} << 10;
constexpr std::size_t payload_size_max = std::size_t{24} << 20;
constexpr char string_type = 7;

void put_u32(char* at, std::uint32_t value) {
    value = std::byteswap(value);
    std::memcpy(at, &value, sizeof value);
}

// The 32-bit integer at `at`, which must lie within the bytes.
std::uint32_t get_u32(std::string_view bytes, std::size_t at) {
    std::uint32_t value;
    std::memcpy(&value, &bytes[at], sizeof value);
    return std::byteswap(value);
}

std::size_t get_u16(std::string_view bytes) {
    return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[0])) << 8 | static_cast<std::uint8_t>(bytes[1]);
}

void append_header(Buffer& out, const EventHeader& header) {
    RIACHO_CHECK(header.name.size() < 256 && header.value.size() < 0x8000, "too long for the format");
    out.push_back(static_cast<char>(header.name.size()));
    out.append(header.name);
    out.push_back(string_type);
    out.push_back(static_cast<char>(header.value.size() >> 8));
    out.push_back(static_cast<char>(header.value.size()));
    out.append(header.value);
}

// A frame under construction at the end of a buffer; bytes appended between begin and finish are its payload.
class FrameWriter {
public:
    FrameWriter(Buffer& out, std::initializer_list<EventHeader> headers) : out_(out), start_(out.size()) {
        out_.extend(prelude_size);
        for (const EventHeader& header : headers) append_header(out_, header);
        headers_size_ = out_.size() - start_ - prelude_size;
    }

    void finish() {
        const std::size_t total = out_.size() - start_ + crc_size;
        RIACHO_CHECK(total - headers_size_ - prelude_size - crc_size <= payload_size_max,
                     "larger than the format allows");
        char* frame = out_.data() + start_;
        put_u32(frame, static_cast<std::uint32_t>(total));
        put_u32(frame + 4, static_cast<std::uint32_t>(headers_size_));
        const std::uint32_t prelude_crc = crc32({frame, 8});
        put_u32(frame + 8, prelude_crc);
        const std::uint32_t crc = crc32({frame, total - crc_size});
        put_u32(out_.extend(crc_size), crc);
    }

private:
    Buffer& out_;
    std::size_t start_;
    std::size_t headers_size_;
};

// The size of a header's value by its type, or nothing if the type is unknown or the value is cut short.
std::optional<std::size_t> value_size(char type, std::string_view rest) {
    switch (type) {
        case 0:
        case 1:
            return 0;
        case 2:
            return 1;
        case 3:
            return 2;
        case 4:
            return 4;
        case 5:
        case 8:
            return 8;
        case 9:
            return 16;
        case 6:
        case string_type:
            if (rest.size() < 2) return std::nullopt;
            return 2 + get_u16(rest);
        default:
            return std::nullopt;
    }
}

bool read_headers(std::string_view bytes, std::vector<EventHeader>& headers) {
    while (!bytes.empty()) {
        const std::size_t name_size = static_cast<std::uint8_t>(bytes[0]);
        if (name_size == 0 || bytes.size() < name_size + 2) return false;
        const std::string_view name = bytes.substr(1, name_size);
        const char type = bytes[name_size + 1];
        bytes.remove_prefix(name_size + 2);
        const auto size = value_size(type, bytes);
        if (!size || bytes.size() < *size) return false;
        if (type == string_type) headers.push_back({name, bytes.substr(2, *size - 2)});
        bytes.remove_prefix(*size);
    }
    return true;
}

}  // namespace

void append_event_frame(Buffer& out, std::initializer_list<EventHeader> headers, std::string_view payload) {
    FrameWriter frame(out, headers);
    out.append(payload);
    frame.finish();
}

void append_initial_response(Buffer& out) {
    append_event_frame(out,
                       {{":event-type", "initial-response"},
                        {":content-type", "application/x-amz-json-1.1"},
                        {":message-type", "event"}},
                       "{}");
}

void append_event(Buffer& out, std::string_view event_type, const Shape& shape, const void* value) {
    FrameWriter frame(
        out,
        {{":event-type", event_type}, {":content-type", "application/x-amz-json-1.1"}, {":message-type", "event"}});
    encode(shape, value, Format::json, out);
    frame.finish();
}

void append_event_exception(Buffer& out, std::string_view exception_type, std::string_view message) {
    FrameWriter frame(out, {{":exception-type", exception_type},
                            {":content-type", "application/x-amz-json-1.1"},
                            {":message-type", "exception"}});
    out.append(R"({"message":)");
    detail::write_json_text(out, message);
    out.push_back('}');
    frame.finish();
}

void append_event_error(Buffer& out, std::string_view code, std::string_view message) {
    append_event_frame(out, {{":error-code", code}, {":error-message", message}, {":message-type", "error"}}, {});
}

std::string_view EventFrame::header(std::string_view name) const {
    const auto found = std::ranges::find(headers, name, &EventHeader::name);
    return found == headers.end() ? std::string_view() : found->value;
}

Expected<EventFrame, FrameFault> read_event_frame(std::string_view bytes) {
    if (bytes.size() < prelude_size) return fail(FrameFault::incomplete);
    const std::size_t total = get_u32(bytes, 0);
    const std::size_t headers_size = get_u32(bytes, 4);
    if (crc32(bytes.substr(0, 8)) != get_u32(bytes, 8)) return fail(FrameFault::checksum);
    if (headers_size > headers_size_max || total > headers_size_max + payload_size_max ||
        total < prelude_size + headers_size + crc_size) {
        return fail(FrameFault::malformed);
    }
    if (bytes.size() < total) return fail(FrameFault::incomplete);
    if (crc32(bytes.substr(0, total - crc_size)) != get_u32(bytes, total - crc_size)) {
        return fail(FrameFault::checksum);
    }
    EventFrame frame{.headers = {}, .payload = {}, .size = total};
    if (!read_headers(bytes.substr(prelude_size, headers_size), frame.headers)) return fail(FrameFault::malformed);
    frame.payload = bytes.substr(prelude_size + headers_size, total - prelude_size - headers_size - crc_size);
    return frame;
}

}  // namespace riacho::wire
