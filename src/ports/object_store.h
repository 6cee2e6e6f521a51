// ObjectStore: the destination of finished files (an S3 server or local folders); Body: the content of one file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/result.h"
#include "core/fwd.h"
#include "core/memory_budget.h"
#include "core/task_fwd.h"

namespace riacho::ports {

// The bytes of a body cannot be read any more (its file is unreadable): the body has to be made again.
struct BodyLost {
    std::string message;
};

// A finished body. Immutable, so that a retry, on any core, reads the same bytes again.
class Body {
public:
    virtual ~Body() = default;
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    [[nodiscard]] virtual const Sha256& sha256() const = 0;
    // All of it in order, when it is in memory; valid as long as the body is. Nothing when it has to be read().
    [[nodiscard]] virtual std::optional<std::span<const std::string_view>> pieces() const = 0;
    // Fills `out` from offset `at`; fewer bytes at the end only. Ends on `core`, where it was called.
    virtual Task<Expected<std::size_t, BodyLost>> read(core::Core& core, std::uint64_t at,
                                                       MutableByteSpan out) const = 0;
};

// A body in memory.
class MemoryBody final : public Body {
public:
    // `memory` accounts for the buffers and is given back when the last owner destroys the body.
    MemoryBody(std::vector<Buffer> buffers, const Sha256& sha256, core::MemoryLease memory = {});
    // For small ones and tests.
    explicit MemoryBody(std::string_view text);

    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] const Sha256& sha256() const override { return sha256_; }
    [[nodiscard]] std::optional<std::span<const std::string_view>> pieces() const override { return pieces_; }
    Task<Expected<std::size_t, BodyLost>> read(core::Core& core, std::uint64_t at, MutableByteSpan out) const override;

private:
    void index();

    std::vector<Buffer> buffers_;
    std::vector<std::string_view> pieces_;
    std::uint64_t size_ = 0;
    Sha256 sha256_{};
    core::MemoryLease memory_;
};

struct ObjectName {
    std::string bucket;
    std::string key;  // as S3 takes it: 1 to 1,024 bytes of UTF-8, not percent-encoded
};

struct PutOptions {
    std::string content_type = "application/octet-stream";
    std::string content_encoding;  // empty: none is sent
    std::string kms_key_id;        // empty: no encryption is asked for
    // Only if there is no object of that name; otherwise StoreFault::exists. A store that cannot check writes anyway.
    bool if_absent = false;
    std::int64_t timeout_ms = 60'000;  // for one attempt
};

enum class StoreFault : std::uint8_t {
    unreachable,  // nothing was sent
    timeout,      // or the connection ended on the way: the object may be there (ambiguous)
    slow_down,    // the store asks for a pause
    server,       // the store's own failure, or a reply that cannot be understood
    full,         // no room, or no file descriptors: it passes
    denied,       // the caller may not, or has no valid credentials
    no_bucket,
    exists,    // if_absent, and there is one
    kms,       // the key of the encryption
    rejected,  // anything else that the store refuses: the name, the size, a header
    body_lost  // see BodyLost; nothing was stored
};
std::string_view name_of(StoreFault fault);

struct StoreError {
    StoreFault fault = StoreFault::server;
    std::string
        code;  // as Firehose logs it (firehose spec 14.2): "S3.NoSuchBucket", "S3.AccessDenied", "InternalError"
    std::string message;                         // a sentence that names the bucket or the host
    std::optional<std::int64_t> retry_after_ms;  // from the store's reply
};

// An object that is written while it is made, and is not there before finish(): nobody sees a part of it, and what was
// written costs no memory. One attempt: what has failed is made again in another draft. Used by one coroutine at a
// time, on one core; destroyed before its store. A draft that was not finished leaves nothing behind for long.
class ObjectDraft {
public:
    virtual ~ObjectDraft() = default;
    // Appends. False: it has failed, nothing more is taken, and finish() tells why.
    virtual Task<bool> write(core::Core& core, std::vector<Buffer> pieces) = 0;
    // As ObjectStore::put(), with what was written as the body; called once, after the last write() has returned.
    virtual Task<Expected<void, StoreError>> finish(core::Core& core, PutOptions options) = 0;
};

// Thread-safe; owned by the composition root.
class ObjectStore {
public:
    virtual ~ObjectStore() = default;
    // Null: the store has to know the whole of an object, its size and its hash, before the first byte.
    [[nodiscard]] virtual std::unique_ptr<ObjectDraft> make_draft(const ObjectName& /*name*/) { return nullptr; }
    // One attempt to store an object, in one piece or not at all: when it succeeds, the object is durable by the
    // store's own rules, under exactly this key, replacing what was there. Called on `core`, where it ends. It makes no
    // second attempt but where it knows that the first had no effect.
    virtual Task<Expected<void, StoreError>> put(core::Core& core, ObjectName name, std::shared_ptr<const Body> body,
                                                 PutOptions options) = 0;
    // Attempts in progress fail soon, and so do later ones. Blocks; not for the cores. Idempotent.
    virtual void stop() {}
    // Identifies the server of a bucket: destinations with the same server share its health. "s3.example:9000".
    [[nodiscard]] virtual std::string host_of(std::string_view bucket) const = 0;
};

}  // namespace riacho::ports
