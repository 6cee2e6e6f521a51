// SHA-256 of data that arrives in pieces.
#pragma once

#include <memory>
#include <string_view>

#include "base/digest.h"

namespace riacho {

// Movable; not thread-safe. After finish() it must not be used.
class Sha256Hasher {
public:
    Sha256Hasher();
    ~Sha256Hasher();
    Sha256Hasher(Sha256Hasher&&) noexcept;
    Sha256Hasher& operator=(Sha256Hasher&&) noexcept;

    void update(std::string_view data);
    [[nodiscard]] Sha256 finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace riacho
