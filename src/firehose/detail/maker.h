// Makes the file of a batch: reads its records again, de-aggregates, joins and compresses them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "firehose/needs.h"
#include "ports/record_source.h"

namespace riacho::ports {
class Body;
class ObjectDraft;
}  // namespace riacho::ports

namespace riacho::firehose::detail {

// The records [first, next) of a shard.
struct Range {
    std::uint64_t shard_uid = 0;
    std::uint64_t first = 0;
    std::uint64_t next = 0;
};

// Has a body, or a draft if the store takes one, or neither: no byte is left.
struct Made {
    std::shared_ptr<const ports::Body> body;
    std::shared_ptr<ports::ObjectDraft> draft;  // for one attempt; it may have failed
    [[nodiscard]] bool has_bytes() const { return body != nullptr || draft != nullptr; }

    std::uint64_t records = 0;  // as they were put into the source
    std::uint64_t bytes = 0;    // of the file before compression
    std::uint64_t lost = 0;     // records that their source no longer has
};

enum class MakeFault : std::uint8_t {
    busy,        // for a while there was no room in the budget or the source was overloaded; or a stop
    unreadable,  // records are damaged on disk
    denied,      // the source's policy no longer allows reading
    key          // the records are sealed and their key cannot be used
};

// The same ranges under the same plan make the same bytes, but for records that have expired meanwhile. bytes_expected:
// of the data as it was read. draft: null if the store takes none.
// entry_name: of a ZIP archive's only entry. Ends soon when is_stopped() says so. Everything it is given is alive until
// it returns.
Task<Expected<Made, MakeFault>> make_file(const Needs& needs, core::Core& core,
                                          std::shared_ptr<ports::RecordSource> source, std::shared_ptr<const Plan> plan,
                                          std::shared_ptr<ports::ObjectDraft> draft, std::vector<Range> ranges,
                                          std::uint64_t bytes_expected, std::string entry_name,
                                          std::function<bool()> is_stopped);

}  // namespace riacho::firehose::detail
