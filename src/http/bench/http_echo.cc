// http_echo: the server with a trivial handler, to measure the cost of the HTTP layer alone.
//   http_echo PORT [CORES] [RESPONSE_SIZE]        answers every request with the same body; runs until SIGINT or
//   SIGTERM
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "core/clock.h"
#include "core/memory_budget.h"
#include "core/task.h"
#include "http/handler.h"
#include "http/message.h"
#include "http/server.h"

namespace {

using namespace riacho;

class FixedReply final : public http::Handler {
public:
    explicit FixedReply(std::size_t size) : body_(size, 'x') {}
    Task<http::Response> handle(http::Request& request) override {
        http::Response response;
        response.headers.add("content-type", "application/x-amz-json-1.1");
        response.headers.add("x-request-size", std::to_string(request.body().size()));
        response.body.append(body_);
        co_return response;
    }

private:
    std::string body_;
};

}  // namespace

int main(int argc, char** argv) {
    const auto argument = [&](int i, unsigned long otherwise) {
        return argc > i ? std::strtoul(argv[i], nullptr, 10) : otherwise;
    };
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    core::Runtime runtime(argument(2, 2));
    core::SystemClock clock;
    FixedReply handler(argument(3, 100));
    http::ServerOptions options;
    options.port = static_cast<std::uint16_t>(argument(1, 0));
    if (argc > 5) {
        options.tls = {.cert_path = argv[4], .key_path = argv[5]};
        const auto made = http::check_certificate(*options.tls)
                              ? Expected<void, http::TlsError>()
                              : http::make_self_signed(*options.tls, {}, clock.now().value() / 1000);
        if (!made) {
            fmt::print(stderr, "{}\n", made.error().message);
            return 1;
        }
    }
    core::MemoryBudget memory(core::MemoryBudget::unlimited());
    http::Server server(options, runtime, clock, handler, memory);
    if (const auto listening = server.listen(); !listening) {
        fmt::print(stderr, "{}\n", listening.error().message);
        return 1;
    }
    runtime.start();
    fmt::print("listening on port {}\n", server.port());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&signals, &signal);
    server.stop(1000);
    runtime.stop();
    return 0;
}
