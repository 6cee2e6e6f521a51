// LocalBuckets: an object store in folders, ROOT/BUCKET/KEY, for deliveries without an S3 server.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/fwd.h"
#include "io/fwd.h"
#include "ports/object_store.h"

namespace riacho::outbound {

// Folders of buckets and prefixes are made when they are needed. An object is written to a temporary file, synced and
// renamed, and its folder is synced: a reader of the folders never sees a partial file. Names are those of
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
    // "local": all buckets are on one disk.
    [[nodiscard]] std::string host_of(std::string_view bucket) const override;

private:
    class Folders;
    class Draft;
    std::unique_ptr<Folders> folders_;
    core::WorkPool& pool_;
};

}  // namespace riacho::outbound
