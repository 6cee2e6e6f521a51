// HotCopy: copies a log directory that another process may be writing to, so that the copy is what a crash of that
// process would have left: the implementation of `riacho backup`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/fwd.h"
#include "log/directory.h"
#include "log/types.h"

namespace riacho::log {
namespace detail {
struct JournalFile;
using StoreUuid = std::array<std::byte, 16>;
}  // namespace detail

// Used by one thread. Takes no lock and asks the writing process for nothing; holds one file open at a time, or two.
class HotCopy {
public:
    // to: a directory that exists and is empty.
    HotCopy(std::string from, std::string to, io::FileSystem& fs);

    // Copies the existing segments: most of the bytes, so that copy_rest() is short. The copy is not consistent before
    // copy_rest().
    Expected<void, OpenError> copy_segments();

    // Copies the rest. What was durable before the call is in the copy, and nothing in it refers to what is not.
    // applied: the catalog that goes with the copy contains the commands before it, and was read before the call;
    // applied_now reads that number of the catalog that is in use. False: a file was removed or reused before it was
    // copied, or the catalog has moved on. Call again, with the catalog read again. A segment that is missing in the
    // source itself is missing in the copy: verify tells of it.
    Expected<bool, OpenError> copy_rest(Lsn applied, const std::function<Lsn()>& applied_now);

    [[nodiscard]] std::uint64_t bytes_copied() const { return bytes_copied_; }

private:
    enum class Copied : std::uint8_t { yes, gone };
    struct Base;  // what a start would read first

    Expected<Base, OpenError> read_base();
    Expected<std::optional<std::vector<std::byte>>, OpenError> small_file(std::string_view name);
    Expected<std::vector<std::string>, OpenError> list_segments();
    // Copies "data/B/S/N.rks", unless the copy of an earlier call is final. base: was read before the call.
    Expected<Copied, OpenError> copy_segment(const std::string& name, const Base& base);
    Expected<std::vector<detail::JournalFile>, OpenError> list_journal_files(const detail::StoreUuid& store);
    Expected<Copied, OpenError> copy_journal(const std::vector<detail::JournalFile>& files,
                                             const detail::StoreUuid& store);
    // Whether the copy has every segment that its journal needs, but for those that were missing the time before.
    Expected<bool, OpenError> has_referenced(const Base& base);
    Expected<void, io::IoError> remove_segments_but(const std::vector<std::string>& names);

    std::string from_;
    std::string to_;
    io::FileSystem& fs_;
    // Those in the copy, and whether they were final before they were copied: the others are copied again.
    std::map<std::string, bool> segments_;
    std::set<std::string> missing_;  // segments that the journal of the last try needed, and that were not in the copy
    std::uint64_t bytes_copied_ = 0;
};

}  // namespace riacho::log
