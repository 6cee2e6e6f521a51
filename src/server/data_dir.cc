#include "server/data_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace riacho::server {
namespace {

std::unexpected<DataDirError> problem(std::string_view what, const std::string& path) {
    return fail(DataDirError{fmt::format("{} {}: {}", what, path, std::generic_category().message(errno))});
}

}  // namespace

Expected<DataDir, DataDirError> DataDir::prepare(const std::string& path) {
    std::error_code ec;
    std::filesystem::create_directories(path, ec);
    if (ec) return fail(DataDirError{fmt::format("cannot make the data directory {}: {}", path, ec.message())});
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) return problem("cannot use the data directory", path);
    return DataDir(path, false);
}

Expected<DataDir, DataDirError> DataDir::make_temporary() {
    const char* base = std::getenv("TMPDIR");
    std::string path = fmt::format("{}/riacho-XXXXXX", base != nullptr && *base != '\0' ? base : "/tmp");
    if (::mkdtemp(path.data()) == nullptr) return problem("cannot make a temporary directory", path);
    return DataDir(std::move(path), true);
}

DataDir::DataDir(DataDir&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}

DataDir::~DataDir() {
    if (!temporary_) return;
    std::error_code ec;
    std::filesystem::remove_all(path_, ec);
}

}  // namespace riacho::server
