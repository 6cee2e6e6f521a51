#include "http/detail/h2_session.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "http/detail/body_rules.h"
#include "http/detail/request_builder.h"

namespace riacho::http::detail {
namespace {

constexpr std::size_t field_overhead = 32;  // RFC 9113 6.5.2
constexpr std::size_t feed_size = 4096;
// Responses up to this size are not counted: their streams cost as much memory.
constexpr std::size_t reply_size_counted = 4 * 1024;

std::string_view view_of(const std::uint8_t* at, std::size_t size) { return {reinterpret_cast<const char*>(at), size}; }

// Long values are ids, which do not return: in the table of the compression they would only drive out what does.
constexpr std::size_t indexed_value_size_max = 32;

nghttp2_nv make_field(std::string_view name, std::string_view value) {
    const bool indexed = value.size() <= indexed_value_size_max;
    return {.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
            .value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
            .namelen = name.size(),
            .valuelen = value.size(),
            .flags = static_cast<std::uint8_t>(indexed ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX)};
}

nghttp2_option* make_option(const ServerOptions& options) {
    nghttp2_option* option = nullptr;
    RIACHO_CHECK(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_stream_reset_rate_limit(option, options.h2_reset_burst, options.h2_reset_rate);
    nghttp2_option_set_max_continuations(option, options.h2_continuations_max);
    nghttp2_option_set_max_outbound_ack(option, options.h2_outbound_acks_max);
    nghttp2_option_set_max_settings(option, options.h2_settings_max);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, options.h2_header_table_size);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_no_auto_window_update(option, 1);
    return option;
}

}  // namespace

// nghttp2 is C: exceptions must not pass through it, so each callback ends the session instead.
struct H2Callbacks {
    static H2Session& self(void* user) { return *static_cast<H2Session*>(user); }
    static H2Stream* find(nghttp2_session* session, std::int32_t id) {
        return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
    }
    template <class Body>
    static int guarded(Body body) noexcept {
        try {
            return body();
        } catch (...) {
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }
    static bool begins_request(const nghttp2_frame* frame) {
        return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    }

    static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) noexcept {
        if (!begins_request(frame)) return 0;
        return guarded([&] {
            H2Session& s = self(user);
            // nghttp2 does not count cancelled streams, but their tasks still run.
            if (s.terminated_ || s.in_use_count_ >= s.options_.h2_streams_max) {
                nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
                return 0;
            }
            H2Stream& stream = s.open_stream(frame->hd.stream_id);
            nghttp2_session_set_stream_user_data(session, stream.id(), &stream);
            return 0;
        });
    }
    static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                         void* user) noexcept {
        H2Stream* stream = find(session, frame->hd.stream_id);
        if (stream == nullptr || !begins_request(frame)) return 0;  // trailer fields are dropped
        return guarded([&] {
            H2Session& s = self(user);
            s.on_field(*stream, view_of(name, name_size), view_of(value, value_size));
            // Stops decoding an oversized header block: decoding the rest would serve the attack.
            return s.terminated_ ? int{NGHTTP2_ERR_CALLBACK_FAILURE} : 0;
        });
    }
    static int on_frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user) noexcept {
        return guarded([&] {
            H2Session& s = self(user);
            if (frame->hd.type == NGHTTP2_RST_STREAM) s.on_reset_received();
            H2Stream* stream = find(session, frame->hd.stream_id);
            if (stream == nullptr) return 0;
            if (begins_request(frame)) s.on_head_complete(*stream);
            const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
            if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) s.on_request_complete(*stream);
            return 0;
        });
    }
    static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                       std::size_t size, void* user) noexcept {
        H2Stream* stream = find(session, id);
        if (stream == nullptr) return nghttp2_session_consume(session, id, size);
        return guarded([&] {
            self(user).on_body(*stream, view_of(data, size));
            return 0;
        });
    }
    static int on_close(nghttp2_session* session, std::int32_t id, std::uint32_t error_code, void* user) noexcept {
        H2Stream* stream = find(session, id);
        if (stream == nullptr) return 0;
        return guarded([&] {
            self(user).on_closed(*stream, error_code);
            return 0;
        });
    }
    static int on_frame_send(nghttp2_session* session, const nghttp2_frame* frame, void* user) noexcept {
        const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
        if (!may_end || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
        H2Stream* stream = find(session, frame->hd.stream_id);
        if (stream != nullptr) self(user).on_last_frame_sent(*stream);
        return 0;
    }
    static int on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user) noexcept {
        self(user).host_.count(H2Host::Event::protocol_error);
        return 0;
    }
    static ssize_t read_data(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t capacity,
                             std::uint32_t* flags, nghttp2_data_source* source, void* user) noexcept {
        auto& stream = *static_cast<H2Stream*>(source->ptr);
        const std::size_t n = self(user).fill_data(stream, reinterpret_cast<char*>(to), capacity, *flags);
        if (n == 0 && *flags == NGHTTP2_DATA_FLAG_NONE) return NGHTTP2_ERR_DEFERRED;
        return static_cast<ssize_t>(n);
    }
    static nghttp2_session_callbacks* make() {
        nghttp2_session_callbacks* callbacks = nullptr;
        RIACHO_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
        return callbacks;
    }
};

H2Session::H2Session(const ServerOptions& options, H2Host& host)
    : options_(options), host_(host), cancel_window_at_(host.now()) {
    nghttp2_session_callbacks* callbacks = H2Callbacks::make();
    nghttp2_option* option = make_option(options);
    RIACHO_CHECK(nghttp2_session_server_new2(&session_, callbacks, this, option) == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const std::array<nghttp2_settings_entry, 4> settings{{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.h2_streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.h2_stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(options.header_block_size_max)},
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, options.h2_header_table_size},
    }};
    RIACHO_CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0);
    RIACHO_CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                                       static_cast<std::int32_t>(options.h2_connection_window)) == 0);
}

H2Session::~H2Session() {
    RIACHO_CHECK(in_use_count_ == 0);
    nghttp2_session_del(std::exchange(session_, nullptr));
    while (first_ != nullptr) delete_stream(*first_);
}

// --- receiving -------------------------------------------------------------------------------------------------------

bool H2Session::feed(std::string_view received) {
    // In slices, so that a slice that ends the session is not followed by the rest of a flood.
    while (!received.empty() && !terminated_ && !broken_) {
        const std::string_view slice = received.substr(0, feed_size);
        const ssize_t used =
            nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(slice.data()), slice.size());
        if (used < 0) {
            broken_ = true;
            if (terminated_) return false;
            const bool flood = used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
            host_.count(flood ? H2Host::Event::flood : H2Host::Event::protocol_error);
            if (used != NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
                nghttp2_session_terminate_session(session_, flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_INTERNAL_ERROR);
            }
            return false;
        }
        received.remove_prefix(static_cast<std::size_t>(used));
    }
    return !broken_;
}

H2Stream& H2Session::open_stream(std::int32_t id) {
    auto* stream = new H2Stream;
    stream->id_ = id;
    stream->began_at_ = host_.now();
    stream->next_ = first_;
    if (first_ != nullptr) first_->previous_ = stream;
    first_ = stream;
    ++stream_count_;
    host_.set_origin(stream->request_);
    RequestBuilder::set_version(stream->request_, Version::http_2);
    return *stream;
}

void H2Session::delete_stream(H2Stream& stream) {
    free_request(stream);
    if (stream.previous_ != nullptr) stream.previous_->next_ = stream.next_;
    if (stream.next_ != nullptr) stream.next_->previous_ = stream.previous_;
    if (first_ == &stream) first_ = stream.next_;
    --stream_count_;
    delete &stream;
}

void H2Session::free_request(H2Stream& stream) {
    stream.body_ = Buffer();
    stream.reading_ = Buffer();
    consume(stream, stream.unconsumed_);
    stream.memory_.shrink_to(0);
    RequestBuilder::clear(stream.request_);
    std::string().swap(stream.head_);
}

void H2Session::on_field(H2Stream& stream, std::string_view name, std::string_view value) {
    stream.list_size_ += name.size() + value.size() + field_overhead;
    const bool pseudo = name.starts_with(':');
    if (stream.list_size_ > options_.header_block_size_max || stream.fields_.size() >= options_.header_count_max + 4 ||
        (!pseudo && name.size() + value.size() + 2 > options_.header_size_max)) {
        stream.too_large_ = true;
        if (stream.list_size_ > 2 * options_.header_block_size_max) {
            host_.count(H2Host::Event::flood);
            terminate(NGHTTP2_ENHANCE_YOUR_CALM);
        }
        return;
    }
    if (stream.head_.empty()) stream.head_.reserve(1024);
    stream.head_.append(name).append(value);
    stream.fields_.push_back(
        {.name = static_cast<std::uint32_t>(name.size()), .value = static_cast<std::uint32_t>(value.size())});
}

// Returns the status code to refuse the request with, or 0.
int H2Session::build_request(H2Stream& stream) {
    Request& request = stream.request_;
    std::string_view rest = stream.head_;
    std::string_view target;
    std::string_view host;
    for (const auto& sizes : stream.fields_) {
        const std::string_view name = rest.substr(0, sizes.name);
        const std::string_view value = rest.substr(sizes.name, sizes.value);
        rest.remove_prefix(name.size() + value.size());
        if (name == ":method") {
            RequestBuilder::set_method(request, value);
        } else if (name == ":path") {
            target = value;
        } else if (name == ":authority") {
            RequestBuilder::set_authority(request, value);
        } else if (!name.starts_with(':')) {
            if (name == "host") host = value;
            if (name == "content-length") {
                const std::optional<std::uint64_t> length = parse_length(value);
                if (!length) return 400;
                RequestBuilder::set_content_length(request, *length);
            }
            RequestBuilder::add_header(request, name, value);
        }
    }
    if (request.authority().empty()) RequestBuilder::set_authority(request, host);
    if (request.headers().size() > options_.header_count_max) return 431;
    if (target.size() > options_.request_line_size_max) return 414;
    return RequestBuilder::set_target(request, target) ? 0 : 400;
}

void H2Session::on_head_complete(H2Stream& stream) {
    stream.state_ = H2Stream::State::body;
    const int status = stream.too_large_ ? 431 : build_request(stream);
    if (status != 0) {
        return refuse(stream, status, status == 400 ? H2Host::Event::bad_request : H2Host::Event::head_too_large);
    }
    BodyPlan plan = host_.on_head(stream.request_);
    if (plan.answer) {
        stream.refused_ = true;
        host_.count(H2Host::Event::request);
        if (respond(stream, *std::move(plan.answer))) end_write(stream);
        return free_request(stream);
    }
    stream.body_size_max_ = plan.size_max;
    if (stream.request_.content_length().value_or(0) > plan.size_max) {
        return refuse(stream, 413, H2Host::Event::body_too_large);
    }
    // A few bytes on the wire can expand to a head of many kilobytes, so heads of open streams are counted as memory.
    if (!hold_request(stream, stream.head_.size())) return shed(stream);
    stream.rate_.begin(host_.now(), options_, plan.pace);
    stream.pace_.begin(host_.now(), 0);
    const auto expect = stream.request_.find("expect");
    if (expect && equal_ignoring_case(*expect, "100-continue")) {
        const nghttp2_nv field = make_field(":status", "100");
        nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr, &field, 1, nullptr);
    }
    if (!plan.stream) return;
    stream.streamed_ = true;
    stream.watch_.begin(host_.now(), options_, plan.pace);
    begin_task(stream);
}

void H2Session::begin_task(H2Stream& stream) {
    stream.in_use_ = true;
    ++in_use_count_;
    ready_.push_back(&stream);
}

void H2Session::on_request_complete(H2Stream& stream) {
    stream.state_ = H2Stream::State::complete;
    if (stream.refused_) return;
    if (stream.streamed_) return wake_reader(stream);
    stream.body_.reserve(stream.body_.size() + Request::body_padding);
    RequestBuilder::set_body(stream.request_, stream.body_.view());
    begin_task(stream);
}

std::vector<H2Stream*> H2Session::take_ready() {
    std::vector<H2Stream*> ready;
    ready.reserve(ready_.size());
    for (H2Stream* stream : std::exchange(ready_, {})) {
        // A stream that was cancelled before its task began is not executed.
        if (stream->closed_) {
            release(*stream);
        } else {
            host_.count(H2Host::Event::request);
            ready.push_back(stream);
            if (++requests_ == options_.requests_per_connection_max) finish_shutdown();
        }
    }
    return ready;
}

void H2Session::refuse(H2Stream& stream, int status, H2Host::Event event) {
    stream.refused_ = true;
    host_.count(event);
    Response response;
    response.status = status;
    (void)respond(stream, std::move(response));
    free_request(stream);
}

void H2Session::shed(H2Stream& stream) {
    stream.refused_ = true;
    (void)respond(stream, host_.shed(stream.request_));
    free_request(stream);
}

// CVE-2023-44487: opening and cancelling streams costs the client nothing. nghttp2 limits the rate of resets; this
// limits clients that stay below it and never wait for an answer.
void H2Session::on_reset_received() {
    const MonotonicNs now = host_.now();
    if (now.value() - cancel_window_at_.value() > options_.h2_cancelled_window_ms * 1'000'000) {
        cancel_window_at_ = now;
        cancelled_ = completed_ = 0;
    }
    ++cancelled_;
    if (cancelled_ > options_.h2_cancelled_max && completed_ * 10 < cancelled_) {
        host_.count(H2Host::Event::flood);
        terminate(NGHTTP2_ENHANCE_YOUR_CALM);
    }
}

void H2Session::on_closed(H2Stream& stream, std::uint32_t error_code) {
    if (error_code == NGHTTP2_NO_ERROR) ++completed_;
    nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
    stream.closed_ = true;
    if (stream.streamed_) drop_unread(stream);
    wake_writer(stream);
    wake_reader(stream);
    if (!stream.in_use_) delete_stream(stream);
}

// --- sending ---------------------------------------------------------------------------------------------------------

std::string_view H2Session::pull() {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size < 0) {
        broken_ = true;
        return {};
    }
    return size == 0 ? std::string_view() : view_of(data, static_cast<std::size_t>(size));
}

bool H2Session::has_output() const { return nghttp2_session_want_write(session_) != 0; }

bool H2Session::is_done() const {
    return broken_ || (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

// Takes memory for a response until its stream is closed. A large response for which there is none becomes a 503.
bool H2Session::hold(H2Stream& stream) {
    const std::size_t size = memory_of(stream.response_.body);
    if (size <= options_.response_size_small) {
        stream.response_.memory.shrink_to(0);
        stream.reply_memory_ = core::MemoryLease(host_.memory(), core::MemoryUse::small_replies);
        if (size <= reply_size_counted || stream.reply_memory_.grow_to(size)) return true;
        host_.count(H2Host::Event::reply_dropped);
        stream.response_ = Response();
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_ENHANCE_YOUR_CALM);
        return false;
    }
    stream.reply_memory_ = std::move(stream.response_.memory);
    if (stream.reply_memory_.bytes() == 0) {
        stream.reply_memory_ = core::MemoryLease(host_.memory(), core::MemoryUse::replies);
    }
    if (!stream.reply_memory_.grow_to(size)) stream.response_ = host_.shed(stream.request_);
    stream.reply_memory_.shrink_to(memory_of(stream.response_.body));
    return true;
}

bool H2Session::respond(H2Stream& stream, Response response) {
    if (stream.closed_ || stream.answered_) return false;
    stream.answered_ = true;
    stream.response_ = std::move(response);
    if (!hold(stream)) return false;
    stream.progress_at_ = host_.now();
    stream.pace_.begin(stream.progress_at_, 0);
    const Response& r = stream.response_;
    const bool head_only = stream.request_.method() == "HEAD" || has_no_body(r.status);
    stream.streaming_ = static_cast<bool>(r.producer) && !head_only;
    const fmt::format_int status(r.status);
    const fmt::format_int length(r.body.size());
    std::vector<nghttp2_nv> fields;
    fields.reserve(16);
    fields.push_back(make_field(":status", {status.data(), status.size()}));
    fields.push_back(make_field("date", host_.date()));
    for (std::string_view text = r.headers.text(); !text.empty();) {
        const HeaderField field = take_header_line(text);
        fields.push_back(make_field(field.name, field.value));
    }
    if (!r.producer && !has_no_body(r.status)) {
        fields.push_back(make_field("content-length", {length.data(), length.size()}));
    }
    nghttp2_data_provider provider{};
    provider.source.ptr = &stream;
    provider.read_callback = H2Callbacks::read_data;
    const bool has_data = stream.streaming_ || (!head_only && !r.body.empty());
    if (nghttp2_submit_response(session_, stream.id_, fields.data(), fields.size(), has_data ? &provider : nullptr) !=
        0) {
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_INTERNAL_ERROR);
    }
    if (r.close_connection) finish_shutdown();
    return stream.streaming_;
}

std::size_t H2Session::fill_data(H2Stream& stream, char* to, std::size_t capacity, std::uint32_t& flags) {
    flags = NGHTTP2_DATA_FLAG_NONE;
    const std::string_view rest = stream.streaming_ ? stream.chunk_ : stream.response_.body.view().substr(stream.sent_);
    const std::size_t n = std::min(capacity, rest.size());
    if (n > 0) {
        std::memcpy(to, rest.data(), n);
        stream.progress_at_ = host_.now();
    }
    if (!stream.streaming_) {
        stream.sent_ += n;
        if (stream.sent_ == stream.response_.body.size()) flags = NGHTTP2_DATA_FLAG_EOF;
        return n;
    }
    stream.chunk_.remove_prefix(n);
    if (stream.chunk_.empty()) {
        wake_writer(stream);
        if (stream.producer_done_) flags = NGHTTP2_DATA_FLAG_EOF;
    }
    return n;
}

void H2Session::wake_writer(H2Stream& stream) {
    if (stream.chunk_sent_ != nullptr) host_.wake(*std::exchange(stream.chunk_sent_, nullptr));
}

bool H2Session::begin_write(H2Stream& stream, std::string_view data, core::Wakeup& sent) {
    RIACHO_CHECK(stream.chunk_sent_ == nullptr, "one write at a time");
    if (stream.closed_) return false;
    stream.chunk_ = data;
    stream.chunk_sent_ = &sent;
    stream.progress_at_ = host_.now();
    nghttp2_session_resume_data(session_, stream.id_);
    return true;
}

void H2Session::end_write(H2Stream& stream) {
    stream.producer_done_ = true;
    if (!stream.closed_) nghttp2_session_resume_data(session_, stream.id_);
}

void H2Session::abort(H2Stream& stream) {
    if (!stream.closed_) {
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_INTERNAL_ERROR);
    }
}

void H2Session::on_last_frame_sent(H2Stream& stream) {
    // RFC 9113 8.1: asks the client to stop sending a request whose response is complete.
    if (stream.state_ != H2Stream::State::complete) {
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_NO_ERROR);
    }
}

void H2Session::release(H2Stream& stream) {
    RIACHO_CHECK(stream.in_use_ && stream.reader_ == nullptr, "a body is read after its handler has ended");
    stream.in_use_ = false;
    if (stream.state_ != H2Stream::State::complete) stream.refused_ = true;
    --in_use_count_;
    if (stream.closed_) {
        delete_stream(stream);
    } else {
        free_request(stream);
    }
}

// --- ending ----------------------------------------------------------------------------------------------------------

void H2Session::sweep(MonotonicNs now) {
    const auto age_ms = [now](MonotonicNs since) { return (now.value() - since.value()) / 1'000'000; };
    for (H2Stream* stream = first_; stream != nullptr; stream = stream->next_) {
        if (stream->closed_) continue;
        if (stream->state_ == H2Stream::State::head && age_ms(stream->began_at_) > options_.head_timeout_ms) {
            // An incomplete header block blocks the whole connection: no other frame may come before its end.
            host_.count(H2Host::Event::timeout_head);
            return terminate(NGHTTP2_ENHANCE_YOUR_CALM);
        }
        if (stream->streamed_) {
            sweep_streamed(*stream, now);
        } else if (stream->state_ == H2Stream::State::body && !stream->refused_ &&
                   (stream->rate_.is_too_slow(now, options_) || is_in_the_way(*stream, now))) {
            refuse(*stream, 408, H2Host::Event::timeout_body);
        }
        const bool has_data = stream->answered_ && (!stream->streaming_ || !stream->chunk_.empty());
        if (has_data && (age_ms(stream->progress_at_) > options_.write_timeout_ms || is_in_the_way(*stream, now))) {
            host_.count(H2Host::Event::timeout_write);
            stream->progress_at_ = now;
            nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id_, NGHTTP2_CANCEL);
        }
    }
}

// Whether the stream holds memory of a scarce share and moves too slowly.
bool H2Session::is_in_the_way(H2Stream& stream, MonotonicNs now) {
    if (stream.answered_) {
        return stream.pace_.is_too_slow(now, stream.sent_, stream.reply_memory_.bytes(), options_) &&
               stream.reply_memory_.is_scarce();
    }
    return stream.pace_.is_too_slow(now, stream.rate_.received(), stream.memory_.bytes(), options_) &&
           stream.memory_.is_scarce();
}

void H2Session::begin_shutdown() { nghttp2_submit_shutdown_notice(session_); }

void H2Session::finish_shutdown() {
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
}

void H2Session::terminate(std::uint32_t error_code) {
    terminated_ = true;
    nghttp2_session_terminate_session(session_, error_code);
}

void H2Session::close_streams() {
    broken_ = true;
    for (H2Stream* stream = first_; stream != nullptr; stream = stream->next_) {
        stream->closed_ = true;
        wake_writer(*stream);
        wake_reader(*stream);
    }
    for (H2Stream* stream : std::exchange(ready_, {})) {
        stream->in_use_ = false;
        --in_use_count_;
    }
}

}  // namespace riacho::http::detail
