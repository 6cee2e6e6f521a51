// A self-signed certificate for the tests of this folder.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/clock.h"
#include "http/server.h"
#include "http/tls.h"

namespace riacho::http::test {

// A directory of its own with a certificate in it.
struct Certificate {
    Certificate() {
        char name[] = "/tmp/riacho-tls-XXXXXX";
        directory = ::mkdtemp(name);
        files = {.cert_path = directory + "/cert.pem", .key_path = directory + "/key.pem"};
        const std::vector<std::string> hosts = {"box.example", "10.1.2.3", "bad,name"};
        const auto made = make_self_signed(files, hosts, core::SystemClock().now().value() / 1000 - 60);
        if (!made) throw std::runtime_error(made.error().message);
    }
    ~Certificate() { std::filesystem::remove_all(directory); }
    [[nodiscard]] ServerOptions options() const {
        ServerOptions options;
        options.tls = files;
        return options;
    }
    std::string directory;
    TlsOptions files;
};

}  // namespace riacho::http::test
