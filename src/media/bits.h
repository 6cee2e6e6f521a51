// Reading parameter sets bit by bit.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace riacho::media {

// Bits from the most significant on. Reads past the end give zeros and make ok() false, so that a parser checks once.
class BitReader {
public:
    // emulation: the bytes are a NAL unit's, in which 00 00 03 stands for 00 00.
    explicit BitReader(ByteSpan bytes, bool emulation = false) : bytes_(bytes), emulation_(emulation) {}

    std::uint32_t bit() {
        if (left_ == 0 && !load()) return 0;
        --left_;
        return current_ >> left_ & 1U;
    }
    std::uint32_t bits(unsigned count) {
        std::uint32_t value = 0;
        for (unsigned i = 0; i < count; ++i) value = value << 1 | bit();
        return value;
    }
    void skip(unsigned count) {
        for (unsigned i = 0; i < count; ++i) bit();
    }
    // Exp-Golomb, unsigned and signed; more than 31 leading zeros is no number.
    std::uint32_t ue() {
        unsigned zeros = 0;
        while (ok_ && bit() == 0) {
            if (++zeros > 31) {
                ok_ = false;
                return 0;
            }
        }
        return zeros == 0 ? 0 : ((1U << zeros) - 1) + bits(zeros);
    }
    std::int32_t se() {
        const std::uint32_t value = ue();
        const auto half = static_cast<std::int32_t>(value / 2);
        return value % 2 == 1 ? half + 1 : -half;
    }
    [[nodiscard]] bool ok() const { return ok_; }

private:
    bool load() {
        if (emulation_ && zeros_ >= 2 && at_ < bytes_.size() && bytes_[at_] == std::byte{3}) {
            ++at_;
            zeros_ = 0;
        }
        if (at_ == bytes_.size()) {
            ok_ = false;
            return false;
        }
        current_ = static_cast<std::uint8_t>(bytes_[at_++]);
        zeros_ = current_ == 0 ? zeros_ + 1 : 0;
        left_ = 8;
        return true;
    }

    ByteSpan bytes_;
    std::size_t at_ = 0;
    std::size_t zeros_ = 0;
    std::uint32_t current_ = 0;
    unsigned left_ = 0;
    bool emulation_;
    bool ok_ = true;
};

}  // namespace riacho::media
