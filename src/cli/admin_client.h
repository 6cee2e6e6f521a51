// Calls of a running server's administration (`riacho user`, `riacho clock`), found through its data directory.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace riacho::cli {

// What admin.json of a data directory says; server/admin.h writes it.
struct AdminContact {
    std::string address;  // "127.0.0.1:4566"
    std::string token;
};

struct AdminAnswer {
    int status = 0;
    std::string body;  // JSON
};

// Nothing without a file that can be read.
std::optional<AdminContact> read_admin_contact(const std::string& data_dir);

// POST /_riacho/PATH. Nothing when no server answers: the file can be older than the process.
std::optional<AdminAnswer> post_admin(const AdminContact& contact, std::string_view path, std::string_view body);

// The value of a member whose value is a plain string, of JSON that riacho wrote; empty without one.
std::string admin_text(const std::string& json, const std::string& name);

}  // namespace riacho::cli
