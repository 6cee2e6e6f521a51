// HTTP/2 on one connection: a session, the socket under it and a task per stream.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/task.h"
#include "http/detail/connection.h"
#include "http/detail/h2_session.h"

namespace riacho::http::detail {

// Lives in the coroutine that runs it, which ends after every stream's task.
class H2Connection final : public Protocol, private H2Host {
public:
    explicit H2Connection(Connection& connection);

    // received is what was read already. Ends when the connection is to be closed.
    Task<void> run(std::string received);

    void on_sweep(MonotonicNs now) override;
    void on_stop() override;

private:
    class StreamReader;
    class StreamWriter;
    struct Flush final : core::Wakeup {
        explicit Flush(H2Connection& h) : http(h) {}
        void run() noexcept override;
        H2Connection& http;
    };
    struct WriteWait;

    MonotonicNs now() override { return worker_.now(); }
    BodyPlan on_head(const Request& request) override;
    void set_origin(Request& request) override;
    std::string_view date() override;
    core::MemoryBudget& memory() override { return worker_.memory(); }
    Response shed(const Request& request) override { return worker_.shed(request); }
    void wake(core::Wakeup& wakeup) override { worker_.core().wake(wakeup); }
    void count(Event event) override;

    Task<void> read_until_done();
    void start_ready();
    Task<void> run_stream(H2Stream* stream);
    Task<void> run_producer(H2Stream* stream);
    void end_task();
    // Soon, so that what many streams have to say at the same time goes out together.
    void schedule_flush();
    void flush();
    Task<void> drain();
    void watch_idle();

    Connection& connection_;
    Worker& worker_;
    Transport& transport_;
    H2Session session_;
    Flush flush_{*this};
    bool flush_scheduled_ = false;
    std::string unsent_;  // what the socket did not take; drain() is at it
    bool draining_ = false;
    bool broken_ = false;
    bool ended_ = false;  // nothing more is read or begun
    bool shutdown_noticed_ = false;
    bool shutdown_final_ = false;
    std::size_t tasks_ = 0;
    core::Wakeup* join_ = nullptr;
};

}  // namespace riacho::http::detail
