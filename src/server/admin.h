// Admin: administrative calls from the command line: credentials, changed by commands in the common order, and the
// clock.
#pragma once

#include <string>
#include <string_view>

#include "catalog/fwd.h"
#include "core/fwd.h"
#include "core/task_fwd.h"
#include "http/fwd.h"
#include "log/fwd.h"

namespace riacho::server {

// Exists in the data directory, with mode 0600, while a server runs: {"address":"HOST:PORT","token":"..."}.
inline constexpr const char* admin_file = "admin.json";

// Owned by the node; called on every core.
class Admin {
public:
    Admin(log::CommandLog& log, catalog::Catalog& catalog, const catalog::Keyring& keyring, core::Rng& rng,
          core::NodeClock& clock, core::TestClock* test_clock);

    // The token that callers must send; a new one at each start.
    [[nodiscard]] const std::string& token() const { return token_; }

    // path: users/add, users/rotate, users/remove, users/list, clock/advance, clock/step, clock/accept. body: lines of
    // name=value. The reply is JSON.
    Task<http::Response> handle(core::Core& core, std::string_view path, std::string_view body);

private:
    Task<http::Response> put_user(core::Core& core, std::string name, std::string account, bool replace);
    Task<http::Response> remove_user(core::Core& core, std::string name);
    [[nodiscard]] http::Response list_users() const;
    [[nodiscard]] http::Response move_clock(std::string_view path, std::string_view by_ms) const;
    [[nodiscard]] http::Response accept_clock() const;

    log::CommandLog& log_;
    catalog::Catalog& catalog_;
    const catalog::Keyring& keyring_;
    core::Rng& rng_;
    core::NodeClock& clock_;
    core::TestClock* test_clock_;  // null: the time cannot be moved
    std::string token_;
};

}  // namespace riacho::server
