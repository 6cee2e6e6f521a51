#include "log/detail/staging.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "log/detail/format.h"

namespace riacho::log::detail {

void Staging::reserve(std::size_t size) {
    if (size <= capacity_) return;
    const std::size_t capacity = round_up(std::max(size, capacity_ * 2), std::size_t{64} << 10);
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(block_size, capacity));
    if (memory == nullptr) throw std::bad_alloc();
    if (size_ > 0) std::memcpy(memory, memory_.get(), size_);
    memory_.reset(memory);
    capacity_ = capacity;
}

}  // namespace riacho::log::detail
