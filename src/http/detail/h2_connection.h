// H2Connection: HTTP/2 on one connection: a session, its socket and a task for each stream.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/task.h"
#include "http/detail/connection.h"
#include "http/detail/h2_session.h"

namespace riacho::http::detail {

// Lives in the frame of the coroutine that runs it, which ends after every stream's task.
class H2Connection final : public Protocol, private H2Host {
public:
    explicit H2Connection(Connection& connection);

    // received: bytes that were read already. Ends when the connection is to be closed.
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
    // Schedules flush() instead of calling it, so that the output of several streams goes out in one write.
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
    std::string unsent_;  // bytes that the socket did not take; drain() is writing them
    bool draining_ = false;
    bool broken_ = false;
    bool ended_ = false;  // no more reading, no new streams
    bool shutdown_noticed_ = false;
    bool shutdown_final_ = false;
    std::size_t tasks_ = 0;
    core::Wakeup* join_ = nullptr;
};

}  // namespace riacho::http::detail
