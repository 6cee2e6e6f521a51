// A small binary codec for riacho's own formats: numbers little-endian, texts with a varint length, structures field by
// field in a fixed order behind a version byte. docs/formats/ describes each use.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"

namespace riacho {

class Encoder {
public:
    template <std::unsigned_integral T>
    void number(T value) {
        std::byte bytes[sizeof(T)];
        put_le(bytes, value);
        out_.append(reinterpret_cast<const char*>(bytes), sizeof(T));
    }
    void varint(std::uint64_t value) {
        std::byte bytes[10];
        const std::byte* end = put_varint(bytes, value);
        out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes));
    }
    void time(TimestampMs at) { number(static_cast<std::uint64_t>(at.value())); }
    void text(std::string_view value) {
        varint(value.size());
        out_.append(value);
    }
    void optional_text(const std::optional<std::string>& value) {
        number(static_cast<std::uint8_t>(value.has_value()));
        if (value) text(*value);
    }
    [[nodiscard]] const std::string& bytes() const { return out_; }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    std::string out_;
};

// Reads the output of an Encoder. After a read past the end every read returns zeros and ok() is false, so a caller
// checks once at the end; lengths are bounded by the bytes that are left.
class Decoder {
public:
    explicit Decoder(std::string_view bytes) : left_(bytes) {}

    template <std::unsigned_integral T>
    T number() {
        if (left_.size() < sizeof(T)) return broken<T>();
        const T value = get_le<T>(as_bytes(left_).data());
        left_.remove_prefix(sizeof(T));
        return value;
    }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        const ByteSpan bytes = as_bytes(left_);
        const std::byte* after = get_varint(bytes.data(), bytes.data() + bytes.size(), value);
        if (after == nullptr) return broken<std::uint64_t>();
        left_.remove_prefix(static_cast<std::size_t>(after - bytes.data()));
        return value;
    }
    TimestampMs time() { return TimestampMs(static_cast<std::int64_t>(number<std::uint64_t>())); }
    std::string_view text() {
        const std::uint64_t size = varint();
        if (size > left_.size()) return broken<std::string_view>();
        const std::string_view value = left_.substr(0, size);
        left_.remove_prefix(size);
        return value;
    }
    std::optional<std::string> optional_text() {
        const auto given = number<std::uint8_t>();
        if (given > 1) fail();
        if (given != 1) return std::nullopt;
        return std::string(text());
    }
    // Reads a number of elements to follow, each of at least one byte.
    std::size_t count() {
        const std::uint64_t value = varint();
        if (value > left_.size()) return broken<std::size_t>();
        return value;
    }
    void fail() { broken<int>(); }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::size_t left() const { return left_.size(); }

private:
    template <class T>
    T broken() {
        ok_ = false;
        left_ = {};
        return T{};
    }

    std::string_view left_;
    bool ok_ = true;
};

}  // namespace riacho
