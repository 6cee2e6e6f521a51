// Copies the catalog's database while a server writes to it: a part of `riacho backup`.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace riacho::catalog {

struct CopyError {
    bool is_damage = false;  // of the database; otherwise the disk, or another process that holds it
    std::string message;     // one sentence, with the path
};

// from: a database that SqliteStore made. to: a file that does not exist, in the same format afterwards; not durable
// when this returns. Returns an applied_lsn: the copy contains at least the commands before it. A database that is
// being made is not copied; 0. Hinders no writer.
// The result is exact, if another read of the original afterwards, by read_applied_lsn(), gives the same.
Expected<std::uint64_t, CopyError> copy_database(const std::string& from, const std::string& to);

// The applied_lsn of a database that another process may be writing to; 0 while it is being made, or if it cannot be
// read.
std::uint64_t read_applied_lsn(const std::string& path);

}  // namespace riacho::catalog
