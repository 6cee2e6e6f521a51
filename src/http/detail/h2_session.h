// HTTP/2 without sockets: bytes in, requests out; responses in, bytes out. A thin, bounded layer over nghttp2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/time.h"
#include "core/fwd.h"
#include "core/memory_budget.h"
#include "http/detail/rate_watch.h"
#include "http/handler.h"
#include "http/message.h"
#include "http/server.h"

struct nghttp2_session;

namespace riacho::http::detail {

class H2Session;

// One request and its response. Owned by the session; lives until the stream is closed and no task uses it.
class H2Stream {
public:
    [[nodiscard]] std::int32_t id() const { return id_; }
    [[nodiscard]] Request& request() { return request_; }
    // The client has cancelled the stream, or it has ended: nothing more can be sent.
    [[nodiscard]] bool is_closed() const { return closed_; }
    [[nodiscard]] bool is_streamed() const { return streamed_; }

private:
    friend class H2Session;
    enum class State : std::uint8_t { head, body, complete };
    struct FieldSizes {
        std::uint32_t name;
        std::uint32_t value;
    };

    std::int32_t id_ = 0;
    State state_ = State::head;
    bool closed_ = false;
    bool in_use_ = false;   // in use by a task
    bool refused_ = false;  // answered before the request was complete; the rest of the request is dropped
    bool too_large_ = false;
    bool answered_ = false;
    bool streaming_ = false;      // the response's body comes from write()
    bool producer_done_ = false;  // nothing will follow chunk_
    Request request_;
    std::string head_;  // header names and values, concatenated
    std::vector<FieldSizes> fields_;
    std::size_t list_size_ = 0;
    std::size_t body_size_max_ = 0;
    Buffer body_;
    bool streamed_ = false;           // the handler reads the body
    bool broken_ = false;             // the body will not be completed
    Buffer reading_;                  // of a streamed body: bytes being read; body_ collects later bytes
    std::size_t read_ = 0;            // bytes of reading_ that were given to the reader
    std::size_t lent_ = 0;            // size of the last piece given to the reader, which may still use it
    std::size_t unconsumed_ = 0;      // bytes for which the flow-control window was not yet opened again
    std::size_t received_ = 0;        // bytes of a streamed body
    core::Wakeup* reader_ = nullptr;  // waits for more of the body
    StreamWatch watch_;
    core::MemoryLease memory_;  // memory of head and body
    RateWatch rate_;
    PaceWatch pace_;  // watches the request's body, then the response
    MonotonicNs began_at_;

    Response response_;
    core::MemoryLease reply_memory_;
    std::size_t sent_ = 0;
    std::string_view chunk_;              // data of a producer that waits until it is sent
    core::Wakeup* chunk_sent_ = nullptr;  // the waiting producer
    MonotonicNs progress_at_;             // time when data last moved towards the client, or began to wait

    H2Stream* previous_ = nullptr;
    H2Stream* next_ = nullptr;
};

// Services that a session needs from its connection.
class H2Host {
public:
    virtual MonotonicNs now() = 0;
    virtual BodyPlan on_head(const Request& request) = 0;
    virtual void set_origin(Request& request) = 0;
    virtual std::string_view date() = 0;  // "Mon, 23 Nov 2026 08:00:00 GMT"
    virtual core::MemoryBudget& memory() = 0;
    // The response to a request for which there is no memory; counts it.
    virtual Response shed(const Request& request) = 0;
    // Runs the wakeup later, never inside this call.
    virtual void wake(core::Wakeup& wakeup) = 0;
    enum class Event : std::uint8_t {
        request,
        head_too_large,
        body_too_large,
        bad_request,
        reply_dropped,
        flood,
        protocol_error,
        timeout_head,
        timeout_body,
        timeout_write
    };
    virtual void count(Event event) = 0;

protected:
    ~H2Host() = default;
};

// Lives on one core. No call suspends; call pull() after each.
class H2Session {
public:
    H2Session(const ServerOptions& options, H2Host& host);
    // No stream may be in use.
    ~H2Session();
    H2Session(const H2Session&) = delete;
    H2Session& operator=(const H2Session&) = delete;

    // Processes received bytes. False: the session is broken; send the remaining output of pull(), then close.
    bool feed(std::string_view received);
    // Complete requests since the last call, each now in use by the caller until release().
    std::vector<H2Stream*> take_ready();
    // The next bytes to send, valid until the next call; empty if there are none now.
    std::string_view pull();
    [[nodiscard]] bool has_output() const;
    // Nothing more will be received or sent.
    [[nodiscard]] bool is_done() const;
    [[nodiscard]] std::size_t streams() const { return stream_count_; }

    // For a stream whose body its handler reads (is_streamed()): the next piece. The call also releases the piece
    // before, whose bytes the flow-control window may admit anew. Nothing: wait for more.
    std::optional<BodyPiece> read(H2Stream& stream);
    // Runs wakeup when read() would return a piece, or at idle_at_ns.
    void wait_to_read(H2Stream& stream, core::Wakeup& wakeup, std::int64_t idle_at_ns);

    // Answers the stream, unless it is closed or already answered. True: the response has a producer, which the caller
    // must run until it ends. False: there is no producer to run (the client has cancelled the stream, the response was
    // dropped, or its status allows no body), and the stream then needs no task.
    [[nodiscard]] bool respond(H2Stream& stream, Response response);
    // Passes data of a response's producer to the session. True: the data was accepted, and `sent` runs when all of it
    // was put into frames or the stream was closed. False: the stream is closed.
    bool begin_write(H2Stream& stream, std::string_view data, core::Wakeup& sent);
    void end_write(H2Stream& stream);
    // Resets a response that cannot be completed, so that the client does not take it for complete.
    void abort(H2Stream& stream);
    [[nodiscard]] BodyProducer& producer(H2Stream& stream) { return stream.response_.producer; }
    // The task of the stream has ended.
    void release(H2Stream& stream);

    // Resets or refuses streams that are too slow.
    void sweep(MonotonicNs now);
    // Admits no new streams; open streams may finish. Sends a shutdown notice; finish_shutdown() sends the final
    // GOAWAY.
    void begin_shutdown();
    void finish_shutdown();
    // Ends the session at once, with a GOAWAY.
    void terminate(std::uint32_t error_code);
    // Closes all streams after the connection was lost, so that their tasks end.
    void close_streams();

private:
    friend struct H2Callbacks;

    H2Stream& open_stream(std::int32_t id);
    void delete_stream(H2Stream& stream);
    void on_field(H2Stream& stream, std::string_view name, std::string_view value);
    void on_head_complete(H2Stream& stream);
    void on_body(H2Stream& stream, std::string_view data);
    void on_request_complete(H2Stream& stream);
    void on_reset_received();
    void on_closed(H2Stream& stream, std::uint32_t error_code);
    void on_last_frame_sent(H2Stream& stream);
    std::size_t fill_data(H2Stream& stream, char* to, std::size_t capacity, std::uint32_t& flags);
    int build_request(H2Stream& stream);
    void refuse(H2Stream& stream, int status, H2Host::Event event);
    void shed(H2Stream& stream);
    // False: there is no memory for the response; the stream was reset.
    bool hold(H2Stream& stream);
    bool is_in_the_way(H2Stream& stream, MonotonicNs now);
    void wake_writer(H2Stream& stream);
    void wake_reader(H2Stream& stream);
    void begin_task(H2Stream& stream);
    void on_streamed_body(H2Stream& stream, std::string_view data);
    void break_body(H2Stream& stream);
    void drop_unread(H2Stream& stream);
    // Opens the flow-control windows of the stream and of the connection by this many bytes.
    void consume(H2Stream& stream, std::size_t bytes);
    void sweep_streamed(H2Stream& stream, MonotonicNs now);
    bool room_for_body(H2Stream& stream, std::size_t size);
    bool hold_request(H2Stream& stream, std::size_t total);
    void free_request(H2Stream& stream);

    const ServerOptions& options_;
    H2Host& host_;
    nghttp2_session* session_ = nullptr;
    H2Stream* first_ = nullptr;
    std::size_t stream_count_ = 0;
    std::size_t in_use_count_ = 0;
    std::vector<H2Stream*> ready_;
    bool broken_ = false;
    bool terminated_ = false;
    MonotonicNs cancel_window_at_;
    std::uint64_t requests_ = 0;
    std::uint32_t cancelled_ = 0;
    std::uint32_t completed_ = 0;
};

}  // namespace riacho::http::detail
