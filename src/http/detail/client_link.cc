#include "http/detail/client_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/try.h"

namespace riacho::http::detail {
namespace {

constexpr std::size_t reply_input_capacity = 32 * 1024;
// At most this much memory is reserved for an announced body length.
constexpr std::size_t reserved_max = std::size_t{1} << 20;

bool has_length(std::string_view method) { return method == "POST" || method == "PUT" || method == "PATCH"; }

std::string head_of(const Route& route, const ClientRequest& request, std::uint64_t body_size) {
    const bool absolute = route.proxy && !route.url.secure;
    std::string head = fmt::format("{} {}{}{} HTTP/1.1\r\nhost: {}\r\n", request.method, absolute ? "http://" : "",
                                   absolute ? route.url.authority() : "", route.url.target, route.url.authority());
    if (absolute && !route.proxy->authorization.empty()) {
        head += fmt::format("proxy-authorization: {}\r\n", route.proxy->authorization);
    }
    head += request.headers.text();
    if (request.producer && !request.producer_size) {
        head += "transfer-encoding: chunked\r\n";
    } else if (body_size > 0 || has_length(request.method)) {
        head += fmt::format("content-length: {}\r\n", body_size);
    }
    head += "\r\n";
    return head;
}

}  // namespace

std::string Route::key() const {
    std::string text = fmt::format("{}{}", url.secure ? "s:" : "p:", url.host_and_port());
    if (!proxy) return text;
    // Plain http requests to any host share the connections to their proxy.
    if (!url.secure) text = "p:";
    return fmt::format("{}@{}:{}@{}", text, proxy->host, proxy->port, proxy->authorization);
}

// --- one request -----------------------------------------------------------------------------------------------------

void Link::begin_exchange(ReplyRules rules) {
    parser_.emplace(rules);
    state_ = ReplyParser::State::head;
    input_ = std::make_unique_for_overwrite<char[]>(reply_input_capacity);
    begin_ = end_ = 0;
    body_.clear();
    reusable_ = ended_unanswered_ = producer_failed_ = cut_ = false;
}

void Link::end_exchange() {
    input_.reset();
    parser_.reset();
    body_ = Buffer();
}

SendError Link::failure(const Call& call, const Route& route) const {
    using State = ReplyParser::State;
    if (call.ended() != Call::End::none) return call.error(route.name());
    if (producer_failed_) {
        return {SendFault::stopped, call.sent, fmt::format("the request to {} was not completed", route.name())};
    }
    if (state_ == State::too_large) {
        return {SendFault::too_large, call.sent, fmt::format("the reply of {} exceeds its bound", route.name())};
    }
    if (state_ == State::broken && !cut_) {
        return {SendFault::protocol, call.sent, fmt::format("{} does not answer in HTTP/1.1", route.name())};
    }
    const SendFault fault = call.sent ? SendFault::reset : SendFault::reset_before_sent;
    return {fault, call.sent, fmt::format("{} ended the connection", route.name())};
}

Task<Expected<void, SendError>> Link::exchange(Call* call, const Route* route, ClientRequest* request,
                                               ClientReply* reply) {
    begin_exchange({.has_no_body = request->method == "HEAD", .body_size_max = request->reply_size_max});
    call->sent = false;
    const Step step = co_await write_request(call, route, request);
    if (step == Step::failed) co_return fail(failure(*call, *route));
    // A server that refuses an upload may answer before its end and close at once: its reply has to be read.
    if (step == Step::closed && !call->sent && begin_ == end_) {
        ended_unanswered_ = true;
        co_return fail(failure(*call, *route));
    }
    CO_TRY_VOID(co_await read_reply(call, route, request, reply));
    reusable_ = step == Step::go_on && parser_->keep_alive() && begin_ == end_;
    end_exchange();
    co_return Expected<void, SendError>();
}

Task<bool> Link::read_some(Call* call) {
    begin_ = end_ = 0;
    for (;;) {
        const IoResult got = transport_.read(input_.get(), reply_input_capacity);
        if (got.state == IoState::done) {
            end_ = got.size;
            call->moved();
            co_return true;
        }
        if (got.state == IoState::closed) co_return false;
        co_await call->ready(transport_, got.state);
        if (call->ended() != Call::End::none) co_return false;
    }
}

Task<Expected<void, SendError>> Link::read_reply(Call* call, const Route* route, ClientRequest* request,
                                                 ClientReply* reply) {
    using State = ReplyParser::State;
    bool head_taken = false;
    while (state_ == State::head || state_ == State::body || !head_taken) {
        if (state_ == State::head || state_ == State::body) {
            if (begin_ == end_) {
                const bool got = co_await read_some(call);
                if (call->ended() != Call::End::none) co_return fail(failure(*call, *route));
                if (!got) {
                    ended_unanswered_ = parser_->is_untouched();
                    state_ = transport_.ended_in_order() ? parser_->finish() : State::broken;
                    cut_ = state_ != State::done;
                    if (cut_) co_return fail(failure(*call, *route));
                    break;
                }
            }
            const auto fed = parser_->feed({input_.get() + begin_, end_ - begin_}, body_);
            begin_ += fed.used;
            state_ = fed.state;
        }
        if (state_ == State::too_large || state_ == State::broken) co_return fail(failure(*call, *route));
        if (!head_taken && state_ != State::head) {
            head_taken = true;
            reply->status = parser_->status();
            reply->headers = std::move(parser_->headers());
            body_.reserve(std::min<std::uint64_t>(parser_->content_length().value_or(0), reserved_max));
        }
        if (request->sink && reply->status / 100 == 2 && !body_.empty()) {
            const bool wanted = co_await request->sink(*reply, body_.view());
            body_.clear();
            if (!wanted || call->ended() != Call::End::none) {
                producer_failed_ = true;
                co_return fail(failure(*call, *route));
            }
        }
    }
    reply->body = std::move(body_);
    co_return Expected<void, SendError>();
}

bool Link::is_alive() {
    char byte = 0;
    // TLS may have records of its own to read, such as session tickets.
    return transport_.read(&byte, 1).state == IoState::want_read;
}

// --- sending ---------------------------------------------------------------------------------------------------------

// Checks, without waiting, whether a final reply has begun although the request is not completely sent.
bool Link::has_early_reply() {
    if (begin_ == end_) {
        const IoResult got = transport_.read(input_.get(), reply_input_capacity);
        if (got.state != IoState::done) return false;
        begin_ = 0;
        end_ = got.size;
    }
    if (state_ == ReplyParser::State::head) {
        const auto fed = parser_->feed({input_.get() + begin_, end_ - begin_}, body_);
        begin_ += fed.used;
        state_ = fed.state;
    }
    return state_ != ReplyParser::State::head;
}

Task<Link::Step> Link::write_all(Call* call, std::span<const std::string_view> pieces) {
    std::size_t done = 0;  // written bytes of the first piece
    for (;;) {
        while (!pieces.empty() && done == pieces.front().size()) {
            pieces = pieces.subspan(1);
            done = 0;
        }
        if (pieces.empty()) co_return Step::go_on;
        std::array<std::string_view, Transport::pieces_max> next;
        const std::size_t count = std::min(pieces.size(), next.size());
        std::copy_n(pieces.begin(), count, next.begin());
        next[0].remove_prefix(done);
        const IoResult result = transport_.write(std::span<const std::string_view>(next).first(count));
        if (result.state == IoState::closed) co_return Step::closed;
        if (result.state != IoState::done) {
            if (has_early_reply()) co_return Step::early_reply;
            co_await call->ready(transport_, result.state);
            if (call->ended() != Call::End::none) co_return Step::failed;
            continue;
        }
        call->sent |= result.size > 0;
        call->moved();
        done += result.size;
        while (!pieces.empty() && done >= pieces.front().size() && pieces.size() > 1) {
            done -= pieces.front().size();
            pieces = pieces.subspan(1);
        }
    }
}

Task<Link::Step> Link::write_request(Call* call, const Route* route, ClientRequest* request) {
    std::uint64_t size = request->producer_size.value_or(0);
    if (!request->producer) {
        size = 0;
        for (const std::string_view piece : request->body) size += piece.size();
    }
    const std::string head = head_of(*route, *request, size);
    std::vector<std::string_view> pieces{head};
    if (!request->producer) pieces.insert(pieces.end(), request->body.begin(), request->body.end());
    const Step step = co_await write_all(call, pieces);
    if (step != Step::go_on || !request->producer) co_return step;
    co_return co_await write_produced(call, request);
}

// The BodyWriter of a request's producer.
class Link::RequestBody final : public BodyWriter {
public:
    RequestBody(Link& link, Call& call, std::optional<std::uint64_t> size) : link_(link), call_(call), left_(size) {}

    using BodyWriter::write;
    Task<bool> write(std::string_view data) override {
        if (step_ != Step::go_on) co_return false;
        if (data.empty()) co_return !stopping();
        if (left_ && data.size() > *left_) {
            step_ = Step::failed;
            co_return false;
        }
        if (left_) *left_ -= data.size();
        const std::string size_line = left_ ? std::string() : fmt::format("{:x}\r\n", data.size());
        const std::array<std::string_view, 3> pieces{size_line, data, left_ ? "" : "\r\n"};
        step_ = co_await link_.write_all(&call_, pieces);
        co_return step_ == Step::go_on;
    }
    [[nodiscard]] bool stopping() const override { return call_.ended() != Call::End::none; }
    [[nodiscard]] Step step() const { return step_; }
    [[nodiscard]] bool is_complete() const { return left_.value_or(0) == 0; }

private:
    Link& link_;
    Call& call_;
    std::optional<std::uint64_t> left_;
    Step step_ = Step::go_on;
};

Task<Link::Step> Link::write_produced(Call* call, ClientRequest* request) {
    call->started = true;
    RequestBody body(*this, *call, request->producer_size);
    co_await request->producer(body);
    if (body.step() != Step::go_on && body.step() != Step::failed) co_return body.step();
    if (body.step() == Step::failed || !body.is_complete()) {
        producer_failed_ = true;
        co_return Step::failed;
    }
    if (request->producer_size) co_return Step::go_on;
    static constexpr std::array<std::string_view, 1> last_chunk{"0\r\n\r\n"};
    co_return co_await write_all(call, last_chunk);
}

}  // namespace riacho::http::detail
