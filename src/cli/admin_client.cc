#include "cli/admin_client.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "core/clock.h"
#include "core/runtime.h"
#include "http/client.h"

namespace riacho::cli {

std::string admin_text(const std::string& json, const std::string& name) {
    const std::string key = "\"" + name + "\":\"";
    const auto start = json.find(key);
    if (start == std::string::npos) return {};
    const auto begin = start + key.size();
    return json.substr(begin, json.find('"', begin) - begin);
}

std::optional<AdminContact> read_admin_contact(const std::string& data_dir) {
    std::ifstream file(data_dir + "/admin.json");
    if (!file) return std::nullopt;
    std::stringstream content;
    content << file.rdbuf();
    AdminContact contact{admin_text(content.str(), "address"), admin_text(content.str(), "token")};
    // A server that listens on every address is called at the loopback address.
    for (const auto& [all, loopback] : {std::pair{"0.0.0.0:", "127.0.0.1:"}, std::pair{"[::]:", "[::1]:"}}) {
        if (contact.address.starts_with(all)) contact.address.replace(0, std::string_view(all).size(), loopback);
    }
    if (contact.address.empty()) return std::nullopt;
    return contact;
}

std::optional<AdminAnswer> post_admin(const AdminContact& contact, std::string_view path, std::string_view body) {
    core::SystemClock clock;
    core::Runtime runtime(1);
    http::Client client({}, runtime, clock);  // no proxy: the server is on this machine
    runtime.start();
    http::ClientRequest request;
    request.method = "POST";
    request.url = fmt::format("http://{}/_riacho/{}", contact.address, path);
    request.headers.add("authorization", "Bearer " + contact.token);
    request.body = {body};
    request.total_timeout_ms = 30'000;
    const auto reply = client.send_and_wait(std::move(request));
    if (!reply) return std::nullopt;
    return AdminAnswer{reply->status, std::string(reply->body.view())};
}

}  // namespace riacho::cli
