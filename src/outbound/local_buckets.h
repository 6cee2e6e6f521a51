// LocalBuckets: an object store in folders, ROOT/BUCKET/KEY: what delivers to S3 delivers here without an S3 server.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/fwd.h"
#include "io/fwd.h"
#include "ports/object_store.h"

namespace riacho::outbound {

// Folders of buckets and prefixes are made as they are needed. An object is written to a temporary file, synced,
// renamed to its name, and its folder is synced: a reader of the folders never sees half of one. Names are those of
// outbound/local_name.h. Thread-safe; file_system and pool outlive it. It blocks threads of the pool, never a core.
class LocalBuckets final : public ports::ObjectStore {
public:
    LocalBuckets(io::FileSystem& file_system, std::string root, core::WorkPool& pool);
    ~LocalBuckets() override;
    LocalBuckets(const LocalBuckets&) = delete;
    LocalBuckets& operator=(const LocalBuckets&) = delete;

    // A temporary file that grows.
    [[nodiscard]] std::unique_ptr<ports::ObjectDraft> make_draft(const ports::ObjectName& name) override;
    Task<Expected<void, ports::StoreError>> put(core::Core& core, ports::ObjectName name,
                                                std::shared_ptr<const ports::Body> body,
                                                ports::PutOptions options) override;
    // "local": one disk holds them all.
    [[nodiscard]] std::string host_of(std::string_view bucket) const override;

private:
    class Folders;
    class Draft;
    std::unique_ptr<Folders> folders_;
    core::WorkPool& pool_;
};

}  // namespace riacho::outbound
