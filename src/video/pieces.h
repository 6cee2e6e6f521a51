// Pieces: the bytes of an arriving fragment in blocks of one size, so that growth moves no bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace riacho::video {

// Movable; not thread-safe.
class Pieces {
public:
    static constexpr std::size_t block_size = std::size_t{64} << 10;

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t memory() const { return blocks_.size() * block_size; }

    void append(ByteSpan bytes) {
        while (!bytes.empty()) {
            const std::size_t used = size_ % block_size;
            if (size_ == blocks_.size() * block_size) {
                blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_size));
            }
            const std::size_t count = std::min(bytes.size(), block_size - used);
            std::memcpy(blocks_[size_ / block_size].get() + used, bytes.data(), count);
            size_ += count;
            bytes = bytes.subspan(count);
        }
    }
    // Removes bytes at the end.
    void truncate(std::size_t size) {
        size_ = size;
        blocks_.resize((size + block_size - 1) / block_size);
    }
    void clear() { truncate(0); }
    // Writes all size() bytes.
    void copy_to(std::byte* out) const {
        for (std::size_t at = 0; at < size_; at += block_size) {
            std::memcpy(out + at, blocks_[at / block_size].get(), std::min(block_size, size_ - at));
        }
    }
    [[nodiscard]] std::uint32_t crc(std::uint32_t seed) const {
        for (std::size_t at = 0; at < size_; at += block_size) {
            seed = crc32c({blocks_[at / block_size].get(), std::min(block_size, size_ - at)}, seed);
        }
        return seed;
    }

private:
    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    std::size_t size_ = 0;
};

}  // namespace riacho::video
