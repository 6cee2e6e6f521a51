#include "base/buffer.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace riacho {
namespace {

// The kernel maps and unmaps the memory of a reply of many megabytes page by page, which costs as much as filling it.
// Each thread therefore keeps the last large block that one of its buffers released.
constexpr std::size_t large = std::size_t{1} << 20;
std::atomic<std::size_t> kept_max{std::size_t{32} << 20};

struct Kept {
    char* data = nullptr;
    std::size_t capacity = 0;
    bool ended = false;
    ~Kept() {
        std::free(data);
        ended = true;  // a buffer destroyed after this thread-local slot frees its memory itself
    }
};
thread_local Kept kept;

void release(char* data, std::size_t capacity) {
    if (capacity >= large && capacity <= kept_max.load(std::memory_order_relaxed) && !kept.ended &&
        capacity > kept.capacity) {
        std::swap(data, kept.data);
        kept.capacity = capacity;
    }
    std::free(data);
}

struct Block {
    char* data = nullptr;
    std::size_t capacity = 0;
};

// A block of at least `capacity` bytes with the first `size` bytes of `old`, which is freed. The kept block is used if
// it has at most `most` bytes; a larger one is freed, so that blocks of the size that is used now are kept.
Block enlarge(Block old, std::size_t size, std::size_t capacity, std::size_t most) {
    if (capacity >= large && !kept.ended && kept.capacity >= capacity) {
        const Block block{std::exchange(kept.data, nullptr), std::exchange(kept.capacity, 0)};
        if (block.capacity <= most) {
            if (size != 0) std::memcpy(block.data, old.data, size);
            std::free(old.data);
            return block;
        }
        std::free(block.data);
    }
    // realloc, because for large buffers it moves page tables instead of bytes.
    auto* data = static_cast<char*>(std::realloc(old.data, capacity));
    if (data == nullptr) throw std::bad_alloc();
    return {data, capacity};
}

}  // namespace

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
}

void Buffer::set_kept_max(std::size_t bytes) { kept_max = bytes; }

void Buffer::release_kept() {
    if (kept.ended) return;
    std::free(std::exchange(kept.data, nullptr));
    kept.capacity = 0;
}

Buffer::~Buffer() { release(data_, capacity_); }

// Callers account for the capacity that they ask for: a kept block that is much larger would be resident memory that no
// budget counts.
void Buffer::reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    const Block block = enlarge({data_, capacity_}, size_, capacity, capacity + capacity / 4);
    data_ = block.data;
    capacity_ = block.capacity;
}

void Buffer::grow(std::size_t n) {
    const Block block =
        enlarge({data_, capacity_}, size_, std::max({capacity_ * 2, size_ + n, std::size_t{256}}), SIZE_MAX);
    data_ = block.data;
    capacity_ = block.capacity;
}

void Buffer::append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(extend(text.size()), text.data(), text.size());
}

}  // namespace riacho
