#include "ports/object_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/task.h"

namespace riacho::ports {

MemoryBody::MemoryBody(std::vector<Buffer> buffers, const Sha256& sha256, core::MemoryLease memory)
    : buffers_(std::move(buffers)), sha256_(sha256), memory_(std::move(memory)) {
    index();
}

MemoryBody::MemoryBody(std::string_view text) : sha256_(riacho::sha256(text)) {
    buffers_.emplace_back(text);
    index();
}

void MemoryBody::index() {
    for (const Buffer& buffer : buffers_) {
        if (buffer.empty()) continue;
        pieces_.push_back(buffer.view());
        size_ += buffer.size();
    }
}

Task<Expected<std::size_t, BodyLost>> MemoryBody::read(core::Core& /*core*/, std::uint64_t at,
                                                       MutableByteSpan out) const {
    std::size_t done = 0;
    for (const std::string_view piece : pieces_) {
        if (done == out.size()) break;
        if (at >= piece.size()) {
            at -= piece.size();
            continue;
        }
        const std::string_view rest = piece.substr(static_cast<std::size_t>(at));
        const std::size_t n = std::min(rest.size(), out.size() - done);
        std::memcpy(out.data() + done, rest.data(), n);
        done += n;
        at = 0;
    }
    co_return done;
}

std::string_view name_of(StoreFault fault) {
    switch (fault) {
        case StoreFault::unreachable:
            return "unreachable";
        case StoreFault::timeout:
            return "timeout";
        case StoreFault::slow_down:
            return "slow_down";
        case StoreFault::server:
            return "server";
        case StoreFault::full:
            return "full";
        case StoreFault::denied:
            return "denied";
        case StoreFault::no_bucket:
            return "no_bucket";
        case StoreFault::exists:
            return "exists";
        case StoreFault::kms:
            return "kms";
        case StoreFault::rejected:
            return "rejected";
        case StoreFault::body_lost:
            return "body_lost";
    }
    return "";
}

}  // namespace riacho::ports
