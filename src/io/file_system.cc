#include "io/file_system.h"

#include <cerrno>
#include <system_error>

#include "base/try.h"

namespace riacho::io {

std::string IoError::describe() const {
    std::string text = operation;
    text += ' ';
    text += path;
    text += ": ";
    text += std::generic_category().message(error);
    return text;
}

bool IoError::is_out_of_space() const { return error == ENOSPC || error == EDQUOT; }
bool IoError::is_not_found() const { return error == ENOENT; }
bool IoError::is_out_of_descriptors() const { return error == EMFILE || error == ENFILE; }

IoResult<void> replace_file(FileSystem& fs, const std::string& directory, std::string_view name, ByteSpan content) {
    const std::string path = directory + "/" + std::string(name);
    const std::string temporary = path + ".tmp";
    {
        TRY(const auto file, fs.open(temporary, {.mode = OpenMode::create}));
        // An earlier attempt may have left a longer temporary file.
        TRY_VOID(file->ftruncate(0));
        TRY_VOID(file->pwrite(0, content));
        TRY_VOID(file->fdatasync());
    }
    TRY_VOID(fs.rename(temporary, path));
    return fs.sync_directory(directory);
}

IoResult<std::vector<std::byte>> read_file(FileSystem& fs, const std::string& path, std::size_t bytes_max) {
    TRY(const auto file, fs.open(path, {.mode = OpenMode::read}));
    TRY(const std::uint64_t size, file->size());
    if (size > bytes_max) return fail(IoError{"read", path, EFBIG});
    std::vector<std::byte> content(static_cast<std::size_t>(size));
    TRY(const std::size_t got, file->pread(0, content));
    content.resize(got);
    return content;
}

}  // namespace riacho::io
