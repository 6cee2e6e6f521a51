// Staging: a buffer for O_DIRECT writes.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "log/frame.h"

namespace riacho::log::detail {

// Grows at its end; starts at a multiple of a block, as O_DIRECT requires. Not thread-safe.
class Staging {
public:
    [[nodiscard]] std::byte* data() const { return memory_.get(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] ByteSpan bytes() const { return {memory_.get(), size_}; }
    void reserve(std::size_t size);
    std::byte* extend(std::size_t n) {
        reserve(size_ + n);
        size_ += n;
        return memory_.get() + size_ - n;
    }
    void clear() { size_ = 0; }

private:
    Frame::Memory memory_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace riacho::log::detail
