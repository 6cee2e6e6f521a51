// Forward declarations of io.
#pragma once

namespace riacho::io {
class File;
class FileLock;
class FileSystem;
struct IoError;
class SimulatedFileSystem;
}  // namespace riacho::io
