// OpContext: the properties of a call that its operation can read.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "core/fwd.h"
#include "core/memory_budget.h"

namespace riacho::aws {

// The authenticated caller; views into the request or into objects that outlive it.
struct Identity {
    std::string_view account;
    std::string_view region;
    std::string_view user = {};       // empty when callers are not verified
    std::string_view operation = {};  // "PutRecord"
    std::string_view fault = {};      // X-Riacho-Fault
    std::string_view authority = {};  // the Host header as received: this server's address as the client knows it
    bool secure = false;              // true over TLS
};

// One call, from the selection of its operation until its reply is encoded. Owned by the gateway's coroutine, on one
// core; operations hold it by pointer.
class OpContext {
public:
    OpContext(core::Core& core, Identity identity, TimestampMs now) : core_(&core), identity_(identity), now_(now) {}
    OpContext(const OpContext&) = delete;
    OpContext& operator=(const OpContext&) = delete;

    [[nodiscard]] core::Core& core() const { return *core_; }
    [[nodiscard]] std::string_view account() const { return identity_.account; }
    [[nodiscard]] std::string_view region() const { return identity_.region; }
    // The caller's name, if callers are verified (--auth=sigv4); empty otherwise.
    [[nodiscard]] std::string_view user() const { return identity_.user; }
    // The operation's name in the API.
    [[nodiscard]] std::string_view operation() const { return identity_.operation; }
    // The value of the request's X-Riacho-Fault header; empty without one.
    [[nodiscard]] std::string_view fault() const { return identity_.fault; }
    // The Host header as received; may be empty. The client chooses it: validate it before including it in a reply.
    [[nodiscard]] std::string_view authority() const { return identity_.authority; }
    [[nodiscard]] bool secure() const { return identity_.secure; }
    // The time at which the call began; constant during the call.
    [[nodiscard]] TimestampMs now() const { return now_; }

    // Keeps an owner of data that an Output's views point into alive until the reply is encoded.
    void keep(std::shared_ptr<const void> owner) { kept_.push_back(std::move(owner)); }

    // Sets the stream in the debug log, for a call whose input names none.
    void set_stream(std::string_view name) { stream_ = name; }
    [[nodiscard]] const std::string& stream() const { return stream_; }

    // Stores memory for a large reply, taken by the operation before the reply is encoded. The gateway passes it to the
    // HTTP server with the reply.
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
