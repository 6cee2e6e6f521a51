// Administrative calls to a running server (`riacho user`, `riacho clock`), which is found through its data directory.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace riacho::cli {

// The content of a data directory's admin.json, which server/admin.h writes.
struct AdminContact {
    std::string address;  // "127.0.0.1:4566"
    std::string token;
};

struct AdminAnswer {
    int status = 0;
    std::string body;  // JSON
};

// Nothing if the file is missing or unreadable.
std::optional<AdminContact> read_admin_contact(const std::string& data_dir);

// POST /_riacho/PATH. Nothing when no server answers: the file may have been left by an ended process.
std::optional<AdminAnswer> post_admin(const AdminContact& contact, std::string_view path, std::string_view body);

// The value of a member whose value is a plain string, in JSON written by riacho; empty without one.
std::string admin_text(const std::string& json, const std::string& name);

}  // namespace riacho::cli
