// C++ types of AWS shapes for which the standard library has none: blobs and short texts of bounded length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/check.h"

namespace riacho::wire {

// A blob of a decoded request: a view of its encoded form in the request, so that its bytes are decoded once, straight
// into their destination. Valid as long as the request's Document and body.
class Blob {
public:
    enum class Encoding : std::uint8_t { raw, base64 };

    constexpr Blob() = default;
    // Raw bytes (CBOR).
    constexpr explicit Blob(std::string_view bytes) : text_(bytes), size_(bytes.size()) {}
    // A text that check_base64 accepted, and the decoded size it returned.
    static constexpr Blob from_base64(std::string_view text, std::size_t decoded_size) {
        Blob blob(text);
        blob.size_ = decoded_size;
        blob.encoding_ = Encoding::base64;
        return blob;
    }

    // Size in bytes after decoding.
    [[nodiscard]] constexpr std::size_t size() const { return size_; }
    [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
    // Writes size() bytes to out.
    void decode_to(char* out) const {
        if (encoding_ == Encoding::base64) {
            decode_base64(text_, out);
        } else if (size_ != 0) {
            std::memcpy(out, text_.data(), size_);
        }
    }
    [[nodiscard]] std::string to_string() const {
        std::string bytes(size_, '\0');
        decode_to(bytes.data());
        return bytes;
    }
    [[nodiscard]] constexpr Encoding encoding() const { return encoding_; }
    // The encoded form, as in the request.
    [[nodiscard]] constexpr std::string_view encoded() const { return text_; }

private:
    std::string_view text_;
    std::size_t size_ = 0;
    Encoding encoding_ = Encoding::raw;
};

// A text of at most `capacity` bytes that allocates no memory: ids and numbers in replies with many records.
template <std::size_t capacity>
class FixedText {
    static_assert(capacity < 256);

public:
    constexpr FixedText() = default;
    // text must fit.
    constexpr FixedText(std::string_view text) { assign(text); }
    constexpr FixedText(const char* text) : FixedText(std::string_view(text)) {}
    FixedText(const std::string& text) : FixedText(std::string_view(text)) {}

    constexpr void assign(std::string_view text) {
        RIACHO_CHECK(text.size() <= capacity, "longer than the model allows");
        size_ = static_cast<std::uint8_t>(text.size());
        for (std::size_t i = 0; i < text.size(); ++i) text_[i] = text[i];
    }
    [[nodiscard]] constexpr std::string_view view() const { return {text_, size_}; }
    constexpr operator std::string_view() const { return view(); }
    [[nodiscard]] constexpr bool empty() const { return size_ == 0; }

    friend constexpr bool operator==(const FixedText& a, const FixedText& b) { return a.view() == b.view(); }
    friend constexpr bool operator==(const FixedText& a, std::string_view b) { return a.view() == b; }

private:
    std::uint8_t size_ = 0;
    char text_[capacity]{};
};

}  // namespace riacho::wire
