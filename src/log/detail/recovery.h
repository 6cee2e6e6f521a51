// Recovery: restores the state of a store from the files of its directory, and begins a new journal file.
#pragma once

#include <memory>

#include "core/fwd.h"
#include "io/file_system.h"
#include "log/detail/flusher.h"
#include "log/detail/journal_scan.h"
#include "log/detail/sequencer.h"
#include "log/detail/store.h"

namespace riacho::log::detail {

// Recovers the store in store.options.directory; missing files of a new store are created.
Expected<void, OpenError> recover(Store& store, Sequencer& sequencer, Flusher& flusher, core::Rng& rng);

// The identity of a store's directory; nothing if there is no STORE file.
Expected<std::optional<StoreFile>, OpenError> read_store_file(io::FileSystem& fs, const std::string& directory);
// The last checkpoint; nothing if there is none.
Expected<std::optional<Checkpoint>, OpenError> read_checkpoint(io::FileSystem& fs, const std::string& directory,
                                                               const StoreUuid& store);

// Whether the journal's files follow one another, up to the one that the checkpoint was written in.
Expected<void, OpenError> check_chain(const JournalListing& listing, const Checkpoint& checkpoint,
                                      const std::string& journal_directory);

}  // namespace riacho::log::detail
