#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace riacho {

void check_failed(const char* condition, const char* file, int line, const char* context) noexcept {
    std::fprintf(stderr, "riacho: check failed: %s at %s:%d %s\n", condition, file, line, context);
    std::abort();
}

}  // namespace riacho
