// The data directory: created if it is missing, checked for access, or temporary and removed at exit.
#pragma once

#include <string>

#include "base/result.h"

namespace riacho::server {

struct DataDirError {
    std::string message;
};

// A directory that exists and is writable; removed by the destructor if it is temporary.
class DataDir {
public:
    static Expected<DataDir, DataDirError> prepare(const std::string& path);
    static Expected<DataDir, DataDirError> make_temporary();
    DataDir(DataDir&& other) noexcept;
    DataDir& operator=(DataDir&&) = delete;
    ~DataDir();

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    DataDir(std::string path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}
    std::string path_;
    bool temporary_;
};

}  // namespace riacho::server
