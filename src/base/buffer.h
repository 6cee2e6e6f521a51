// Buffer: a growable byte string that never zeroes memory it is about to overwrite; bodies and replies are built in it.
#pragma once

#include <cstddef>
#include <string_view>

namespace riacho {

// Owns its bytes; movable, not copyable. Not thread-safe.
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(std::size_t capacity) { reserve(capacity); }
    explicit Buffer(std::string_view text) { append(text); }
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer();

    [[nodiscard]] char* data() { return data_; }
    [[nodiscard]] const char* data() const { return data_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] std::string_view view() const { return {data_, size_}; }

    void reserve(std::size_t capacity);
    void clear() { size_ = 0; }
    // Makes room for n more bytes, counts them as used and returns where they start; their content is indeterminate.
    char* extend(std::size_t n) {
        if (capacity_ - size_ < n) grow(n);
        char* at = data_ + size_;
        size_ += n;
        return at;
    }
    // Gives back bytes at the end. n must not exceed size().
    void truncate(std::size_t size) { size_ = size; }
    void append(std::string_view text);
    // Limits the size of the one large block that each thread keeps after one of its buffers released it.
    static void set_kept_max(std::size_t bytes);
    // Frees the block that the calling thread keeps.
    static void release_kept();
    void push_back(char c) { *extend(1) = c; }

private:
    void grow(std::size_t n);

    char* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace riacho
