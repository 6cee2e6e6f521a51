#include "sql/batch/batch.h"

#include <algorithm>
#include <cstring>

namespace riacho::sql {
namespace {

constexpr std::size_t block_size = 64 * 1024;

}  // namespace

char* Arena::allocate(std::size_t size) {
    if (size > left_) return allocate_block(size);
    char* at = at_;
    at_ += size;
    left_ -= size;
    return at;
}

char* Arena::allocate_block(std::size_t size) {
    // The first block is small: most batches of a quiet stream hold a few strings.
    const std::size_t room = std::max(size, blocks_.empty() ? block_size / 16 : block_size);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(room));
    capacity_ += room;
    char* at = blocks_.back().get();
    // A large text gets a block of its own; the current block remains in use.
    if (room - size >= left_) {
        at_ = at + size;
        left_ = room - size;
    }
    return at;
}

std::string_view Arena::copy(std::string_view text) {
    if (text.empty()) return {};
    char* at = allocate(text.size());
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
}

Vector::Vector(Type type, std::uint32_t capacity)
    : type_(type),
      physical_(physical_of(type.kind)),
      data_(std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(width_of(physical_)) * capacity)) {
    // Numbers of unselected rows may be indeterminate, but views must be valid.
    if (physical_ == Physical::string || physical_ == Physical::boolean)
        std::memset(data_.get(), 0, static_cast<std::size_t>(width_of(physical_)) * capacity);
}

VectorRef make_rowtime(RowTime time, std::uint32_t rows) {
    auto vector = std::make_shared<Vector>(simple_type(Kind::timestamp, false), rows);
    std::fill_n(vector->values<std::int64_t>(), rows, time.value());
    return vector;
}

}  // namespace riacho::sql
