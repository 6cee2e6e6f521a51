// Paths of objects in local folders: an injective mapping from keys to paths, all of them inside the bucket's folder.
//
// A key's segments (the parts between slashes) become folders, the last one a file. In each, "%", "\", control
// characters and a "." at its beginning are written as %XX, so that no name is "." or ".." or hidden. An empty segment
// is "%". One of more than about 200 bytes is cut into several folders, all but the last of which end in "%+".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace riacho::outbound {

// The suffix of an object's file whose name a folder has already: "a%" beside "a/", the folder of "a/b".
inline constexpr std::string_view moved_aside = "%";

// The components of the object's path below the folder of all buckets: first the bucket's, last the file's. The
// error is a sentence: an empty name, a key of more than 1,024 bytes, a NUL.
Expected<std::vector<std::string>, std::string> local_names(std::string_view bucket, std::string_view key);

// The inverse, for names below a bucket's folder, with or without moved_aside. Nothing for names that no key has.
std::optional<std::string> key_of_local_names(const std::vector<std::string>& names);

}  // namespace riacho::outbound
