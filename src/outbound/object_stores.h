// Makes the object store of a node: an S3 server, or folders in its data directory.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "core/fwd.h"
#include "io/fwd.h"
#include "ports/object_store.h"

namespace riacho::outbound {

struct ObjectStoreOptions {
    // An http(s) URL; "aws" for Amazon's own; "local" for folders; empty: AWS_ENDPOINT_URL_S3 if that is set, else
    // folders. AWS_ENDPOINT_URL does not count: beside a running riacho it names riacho itself.
    std::string s3_endpoint;
    std::string region;      // to sign for when neither the environment nor a profile names one
    std::string local_root;  // the folder of all buckets
};

// The objects that a store uses; all of them outlive it.
struct ObjectStoreParts {
    core::Runtime& runtime;
    core::Clock& machine_clock;  // signatures go by it
    io::FileSystem& file_system;
    core::WorkPool& pool;  // for files
};

struct ObjectStoreMade {
    std::unique_ptr<ports::ObjectStore> store;
    std::string description;  // the destination, for a log line: "http://127.0.0.1:9000", "/data/buckets"
};
// Blocking: reads files. The error is a sentence. The store is destroyed before the runtime is stopped, not on a core.
Expected<ObjectStoreMade, std::string> make_object_store(const ObjectStoreOptions& options, ObjectStoreParts parts);

// Whether s3_endpoint may be `text`; when it is empty, the environment is checked. The error is a sentence.
Expected<void, std::string> check_s3_endpoint(const std::string& text);

}  // namespace riacho::outbound
