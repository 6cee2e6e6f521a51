// What an operation knows about the call it answers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "core/fwd.h"
#include "core/memory_budget.h"

namespace riacho::aws {

// Who calls, as the authenticator found it; views into the request or into what outlives it.
struct Identity {
    std::string_view account;
    std::string_view region;
    std::string_view user = {};       // empty when callers are not verified
    std::string_view operation = {};  // "PutRecord"
    std::string_view fault = {};      // X-Riacho-Fault
    std::string_view authority = {};  // the Host header as received, as the client sees this server
    bool secure = false;              // over TLS
};

// One call, from the moment its operation is known until its reply is encoded. Owned by the gateway's coroutine, on
// one core; operations hold it by pointer.
class OpContext {
public:
    OpContext(core::Core& core, Identity identity, TimestampMs now) : core_(&core), identity_(identity), now_(now) {}
    OpContext(const OpContext&) = delete;
    OpContext& operator=(const OpContext&) = delete;

    [[nodiscard]] core::Core& core() const { return *core_; }
    [[nodiscard]] std::string_view account() const { return identity_.account; }
    [[nodiscard]] std::string_view region() const { return identity_.region; }
    // The caller's name, when callers are verified (--auth=sigv4); empty otherwise.
    [[nodiscard]] std::string_view user() const { return identity_.user; }
    // As the API names it.
    [[nodiscard]] std::string_view operation() const { return identity_.operation; }
    // What the request's X-Riacho-Fault asks for; empty without one.
    [[nodiscard]] std::string_view fault() const { return identity_.fault; }
    // The Host header as received; may be empty, and is what a client typed: check it before it is repeated.
    [[nodiscard]] std::string_view authority() const { return identity_.authority; }
    [[nodiscard]] bool secure() const { return identity_.secure; }
    // The time at which the call was taken up; one call sees one time.
    [[nodiscard]] TimestampMs now() const { return now_; }

    // Keeps what an Output's views point into until the reply is encoded.
    void keep(std::shared_ptr<const void> owner) { kept_.push_back(std::move(owner)); }

    // The stream of a call whose input names none, for the debug log.
    void set_stream(std::string_view name) { stream_ = name; }
    [[nodiscard]] const std::string& stream() const { return stream_; }

    // Memory for a large reply, which an operation takes before the reply is encoded. The gateway hands it to the HTTP
    // server with the reply.
    void hold_reply(core::MemoryLease memory) { reply_memory_ = std::move(memory); }
    [[nodiscard]] core::MemoryLease& reply_memory() { return reply_memory_; }

private:
    core::Core* core_;
    Identity identity_;
    TimestampMs now_;
    std::vector<std::shared_ptr<const void>> kept_;
    std::string stream_;
    core::MemoryLease reply_memory_;
};

}  // namespace riacho::aws
