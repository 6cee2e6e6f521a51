// H1BodyReader: reads the body of an HTTP/1.1 request when its handler asks for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/buffer.h"
#include "core/task.h"
#include "http/detail/chunk_decoder.h"
#include "http/detail/connection.h"
#include "http/detail/rate_watch.h"
#include "http/message.h"

namespace riacho::http::detail {

// Lives as long as its request, on the connection's core. Holds memory_size bytes, whatever the size of the body.
class H1BodyReader final : public BodyReader {
public:
    static constexpr std::size_t memory_size = 2 * piece_size_max;

    struct Options {
        // Bytes read from the socket after the head; they stay in place as long as the reader lives.
        std::string_view received;
        // The declared length; absent for a chunked body.
        std::optional<std::uint64_t> size;
        std::size_t size_max = 0;
        std::optional<Pace> pace;
    };
    H1BodyReader(Connection& connection, const Options& options);

    using BodyReader::read;
    Task<BodyPiece> read(std::int64_t idle_ms) override;

    // The body was read to its end; `received` may hold the start of the next request.
    [[nodiscard]] bool is_complete() const { return ended_ == BodyPiece::Kind::end; }
    [[nodiscard]] std::string_view received() const { return received_; }
    // Called at each sweep.
    void on_sweep(MonotonicNs now);

private:
    // The next piece from the received bytes; nothing if more bytes have to be read.
    std::optional<BodyPiece> take_received();
    std::optional<BodyPiece> take_sized();
    std::optional<BodyPiece> take_chunked();
    // Reads from the socket, or ends the body. False: the time for `idle` has passed.
    Task<bool> receive(std::int64_t idle_at_ns);
    BodyPiece end(BodyPiece::Kind how);

    Connection& connection_;
    Transport& transport_;
    Worker& worker_;
    std::string_view received_;
    std::uint64_t left_ = 0;  // remaining bytes of a body with a declared length
    std::optional<ChunkDecoder> chunks_;
    std::size_t size_max_;
    std::size_t total_ = 0;
    Buffer decoded_;  // decoded bytes of a chunked body; the last piece points into it
    Block input_;
    StreamWatch watch_;
    std::optional<BodyPiece::Kind> ended_;
    bool idle_ = false;
    bool too_slow_ = false;
};

}  // namespace riacho::http::detail
