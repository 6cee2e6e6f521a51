// HTTP/1.x on one connection: requests one after another, answered in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/memory_budget.h"
#include "core/task.h"
#include "http/detail/connection.h"
#include "http/detail/h1_body_reader.h"
#include "http/detail/h1_parser.h"
#include "http/detail/rate_watch.h"

namespace riacho::http::detail {

class H1Connection final : public Protocol {
public:
    explicit H1Connection(Connection& connection);
    ~H1Connection();

    // received: bytes that were read already. Ends when the connection is to be closed.
    Task<void> run(std::string received);

    void on_sweep(MonotonicNs now) override;
    void on_stop() override;

private:
    class ChunkWriter;
    enum class Next : std::uint8_t { go_on, close, linger };

    // Outcome of a read: a status code to answer with before closing, or 0.
    struct Outcome {
        bool closed = false;
        int refused = 0;
    };

    [[nodiscard]] std::size_t pending() const { return end_ - begin_; }
    [[nodiscard]] std::string_view received() const { return {block_.data.get() + begin_, end_ - begin_}; }

    Task<Next> serve_one();
    // Serves a request, from its parsed head on, whose body its handler reads.
    Task<Next> serve_stream(const BodyPlan* plan);
    Task<Outcome> read_head();
    Outcome parse_head();
    bool take_received_body(std::size_t size_max);
    Task<Outcome> read_body(const BodyPlan* plan);
    Task<Outcome> read_sized_body(std::size_t size);
    Task<Outcome> read_chunked_body(std::size_t size_max);
    void keep_rest(std::string_view rest);
    // Waits for more bytes until the deadline that was set; refused is 408 when it has passed.
    Task<Outcome> read_some(char* to, std::size_t capacity, std::size_t& got);
    Task<bool> fill_block();
    bool make_room();
    // Takes memory for the whole declared length before any of the body is read.
    Task<Outcome> take_body_memory(std::size_t size);
    bool hold_body_memory(std::size_t bytes);
    bool grow_body(std::size_t capacity);
    void begin_body_clock(const std::optional<Pace>& pace);
    Task<bool> send_continue();
    void end_request();

    void hold(Response& response);
    bool hold_unsent(std::size_t bytes);
    Task<Next> refuse(int status);
    Task<Next> answer_head(Response* response);
    // The part of a response that the socket did not take at once: none, as a rule.
    struct Unsent {
        bool closed = false;
        std::string head;
        std::string_view body;
        [[nodiscard]] bool is_empty() const { return head.empty() && body.empty(); }
    };
    Unsent send_at_once(const Response& response);
    Task<bool> send_rest(const Unsent* rest);
    Task<bool> send(Response& response);
    Task<bool> send_stream(Response& response);
    void write_head(Buffer& to, const Response& response);

    Connection& connection_;
    Worker& worker_;
    Transport& transport_;
    Request request_;
    HeadScanner scanner_;
    std::optional<H1Parser> parser_;

    // Received and not yet consumed bytes: block_[begin_, end_). The head of the request being served stays before
    // them.
    Block block_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    Buffer body_;                     // holds bodies that do not fit into the block
    core::MemoryLease body_memory_;   // memory that body_ may use
    core::MemoryLease reply_memory_;  // memory of the response being sent
    // Bytes read beyond the end of a chunked body; they start the next request.
    Block rest_;
    std::size_t rest_size_ = 0;

    bool reading_body_ = false;
    RateWatch body_rate_;
    std::optional<H1BodyReader> reader_;  // reader of a streamed body
    PaceWatch pace_;                      // watches the request's body, then the response

    std::uint64_t requests_ = 0;
    bool keep_alive_ = true;
    bool head_only_ = false;  // the request was HEAD
    bool waiting_idle_ = false;
};

}  // namespace riacho::http::detail
