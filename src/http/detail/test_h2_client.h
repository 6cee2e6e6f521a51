// An HTTP/2 client for the tests of this folder, and hand-made frames.
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/detail/test_support.h"

namespace riacho::http::test {

// A client session on a blocking socket. Window updates are sent as data arrives unless a stream is held.
class H2Client {
public:
    struct Stream {
        int status = 0;             // the latest status
        std::vector<int> statuses;  // including interim statuses
        std::map<std::string, std::string> headers;
        std::set<std::string> never_indexed;  // names of the headers that came as such (RFC 7541 section 6.2.3)
        std::string body;
        std::string upload;
        std::size_t uploaded = 0;
        bool upload_ends = true;  // false: more data may follow `upload`
        bool closed = false;
        std::uint32_t error = 0;
        bool held = false;  // no window updates are sent for the stream
    };

    explicit H2Client(std::uint16_t port, std::int32_t stream_window = 65'535) : client_(port) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_option* option = nullptr;
        nghttp2_option_new(&option);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_peer_max_concurrent_streams(option, 10'000);
        nghttp2_session_client_new2(&session_, callbacks, this, option);
        nghttp2_option_del(option);
        nghttp2_session_callbacks_del(callbacks);
        const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                            static_cast<std::uint32_t>(stream_window)};
        nghttp2_submit_settings(session_, 0, &window, 1);
        nghttp2_session_set_local_window_size(session_, 0, 0, 1 << 30);
    }
    ~H2Client() { nghttp2_session_del(session_); }
    H2Client(const H2Client&) = delete;
    H2Client& operator=(const H2Client&) = delete;

    using Headers = std::vector<std::pair<std::string, std::string>>;

    std::int32_t submit(const std::string& method, const std::string& path, std::string body = {},
                        const Headers& more = {}, bool end = true) {
        std::vector<nghttp2_nv> fields;
        const auto add = [&fields](const std::string& name, const std::string& value) {
            fields.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                              reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
                              value.size(), NGHTTP2_NV_FLAG_NONE});
        };
        const Headers pseudo = {{":method", method}, {":scheme", "http"}, {":authority", "test"}, {":path", path}};
        for (const auto& [name, value] : pseudo) add(name, value);
        for (const auto& [name, value] : more) add(name, value);
        nghttp2_data_provider provider{};
        provider.read_callback = read_upload;
        const bool has_body = !body.empty() || !end;
        const std::int32_t id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                                       has_body ? &provider : nullptr, nullptr);
        streams[id].upload = std::move(body);
        streams[id].upload_ends = end;
        return id;
    }
    // Sends more of a body that was submitted without its end.
    void upload(std::int32_t id, std::string_view more, bool end = false) {
        Stream& stream = streams[id];
        stream.upload.erase(0, std::exchange(stream.uploaded, 0));
        stream.upload += more;
        stream.upload_ends = end;
        nghttp2_session_resume_data(session_, id);
        flush();
    }
    void flush() {
        const std::uint8_t* data = nullptr;
        for (;;) {
            const ssize_t n = nghttp2_session_mem_send(session_, &data);
            if (n <= 0) return;
            if (!client_.send({reinterpret_cast<const char*>(data), static_cast<std::size_t>(n)})) return;
        }
    }
    // False when the server has closed, or when the read timed out.
    bool step() {
        flush();
        if (!client_.fill()) return false;
        const auto n = nghttp2_session_mem_recv(
            session_, reinterpret_cast<const std::uint8_t*>(client_.received.data()), client_.received.size());
        client_.received.clear();
        flush();
        return n >= 0;
    }
    Stream& finish(std::int32_t id) {
        while (!streams[id].closed && step()) {
        }
        return streams[id];
    }
    Stream& request(const std::string& method, const std::string& path, std::string body = {},
                    const Headers& more = {}) {
        return finish(submit(method, path, std::move(body), more));
    }
    void run_to_end() {
        while (step()) {
        }
    }
    void resume(std::int32_t id) {
        Stream& stream = streams[id];
        stream.held = false;
        nghttp2_session_consume(session_, id, stream.body.size());
        flush();
    }
    void reset(std::int32_t id, std::uint32_t code = NGHTTP2_CANCEL) {
        nghttp2_submit_rst_stream(session_, 0, id, code);
    }

    [[nodiscard]] TestClient& socket() { return client_; }
    [[nodiscard]] nghttp2_session* session() { return session_; }

    std::map<std::int32_t, Stream> streams;
    std::vector<std::uint32_t> goaways;
    int pings_acknowledged = 0;

private:
    static H2Client& self(void* user) { return *static_cast<H2Client*>(user); }
    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                         const std::uint8_t* value, std::size_t value_size, std::uint8_t flags, void* user) {
        Stream& stream = self(user).streams[frame->hd.stream_id];
        const std::string n(reinterpret_cast<const char*>(name), name_size);
        const std::string v(reinterpret_cast<const char*>(value), value_size);
        if (n == ":status") {
            stream.status = std::stoi(v);
            stream.statuses.push_back(stream.status);
        } else {
            stream.headers[n] = v;
            if ((flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0) stream.never_indexed.insert(n);
        }
        return 0;
    }
    static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                       std::size_t size, void* user) {
        Stream& stream = self(user).streams[id];
        stream.body.append(reinterpret_cast<const char*>(data), size);
        if (!stream.held) nghttp2_session_consume(session, id, size);
        return 0;
    }
    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
        self(user).streams[id].closed = true;
        self(user).streams[id].error = error;
        return 0;
    }
    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        if (frame->hd.type == NGHTTP2_GOAWAY) self(user).goaways.push_back(frame->goaway.error_code);
        if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
            ++self(user).pings_acknowledged;
        return 0;
    }
    static ssize_t read_upload(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t capacity,
                               std::uint32_t* flags, nghttp2_data_source*, void* user) {
        Stream& stream = self(user).streams[id];
        const std::size_t n = std::min(capacity, stream.upload.size() - stream.uploaded);
        std::copy_n(stream.upload.data() + stream.uploaded, n, reinterpret_cast<char*>(to));
        stream.uploaded += n;
        if (stream.uploaded == stream.upload.size()) {
            if (!stream.upload_ends) return n > 0 ? static_cast<ssize_t>(n) : NGHTTP2_ERR_DEFERRED;
            *flags |= NGHTTP2_DATA_FLAG_EOF;
        }
        return static_cast<ssize_t>(n);
    }

    TestClient client_;
    nghttp2_session* session_ = nullptr;
};

inline std::string frame(std::size_t size, int type, int flags, std::uint32_t stream, std::string_view payload) {
    std::string text;
    for (int shift = 16; shift >= 0; shift -= 8) text += static_cast<char>(size >> shift);
    text += static_cast<char>(type);
    text += static_cast<char>(flags);
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(stream >> shift);
    return text.append(payload);
}
inline std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload) {
    return frame(payload.size(), type, flags, stream, payload);
}
inline const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(NGHTTP2_SETTINGS, 0, 0, "");
// ":method: GET", ":scheme: http", ":path: /" from the static table, ":authority: t" literally.
inline const std::string get_block = "\x82\x86\x84\x41\x01t";

// The error code of the first GOAWAY in the received bytes, or -1.
inline int goaway_code(std::string_view received) {
    for (std::size_t at = 0; at + 9 <= received.size();) {
        const auto byte = [&](std::size_t i) {
            return static_cast<std::size_t>(static_cast<unsigned char>(received[i]));
        };
        const std::size_t size = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
        if (byte(at + 3) == NGHTTP2_GOAWAY && at + 17 <= received.size()) return static_cast<int>(byte(at + 16));
        at += 9 + size;
    }
    return -1;
}

}  // namespace riacho::http::test
