// Link: one connection of the outbound client; it carries one request and its reply at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "core/task.h"
#include "http/client.h"
#include "http/detail/client_call.h"
#include "http/detail/client_proxy.h"
#include "http/detail/reply_parser.h"
#include "http/detail/resolver.h"
#include "http/detail/transport.h"

struct ssl_ctx_st;

namespace riacho::http::detail {

// The URL of a connection, and the proxy it goes through.
struct Route {
    Url url;
    std::optional<Proxy> proxy;

    // Connections with equal keys are interchangeable.
    [[nodiscard]] std::string key() const;
    // The host and port for error messages.
    [[nodiscard]] std::string name() const { return url.host_and_port(); }
};

// Lives on one core.
class Link {
public:
    // Inputs of a new connection. The TLS context is null unless the URL is https.
    struct Options {
        ssl_ctx_st* tls = nullptr;
        AddressRule addresses = AddressRule::any;
    };
    // Connects, through the proxy and with TLS as the route requires. Ends early when the call has ended.
    static Task<Expected<std::unique_ptr<Link>, SendError>> open(Call* call, Resolver* resolver, const Route* route,
                                                                 Options options);

    explicit Link(Socket socket) : transport_(std::move(socket)) {}

    // Sends the request and reads its reply; the four arguments outlive the task.
    Task<Expected<void, SendError>> exchange(Call* call, const Route* route, ClientRequest* request,
                                             ClientReply* reply);

    // After a successful exchange: whether another exchange may follow.
    [[nodiscard]] bool is_reusable() const { return reusable_; }
    // After a failed exchange: the connection ended without a byte of a reply.
    [[nodiscard]] bool ended_unanswered() const { return ended_unanswered_; }
    // For an idle connection: false if its server has closed it or sent unsolicited data.
    bool is_alive();

    MonotonicNs idle_since;

private:
    class RequestBody;
    enum class Step : std::uint8_t { go_on, early_reply, closed, failed };

    Task<Expected<void, SendError>> connect_proxy(Call* call, const Route* route);
    Task<Expected<void, SendError>> shake_hands(Call* call, const Route* route, ssl_ctx_st* context);

    Task<Step> write_all(Call* call, std::span<const std::string_view> pieces);
    Task<Step> write_request(Call* call, const Route* route, ClientRequest* request);
    Task<Step> write_produced(Call* call, ClientRequest* request);
    Task<Expected<void, SendError>> read_reply(Call* call, const Route* route, ClientRequest* request,
                                               ClientReply* reply);
    Task<bool> read_some(Call* call);
    bool has_early_reply();
    void begin_exchange(ReplyRules rules);
    void end_exchange();
    [[nodiscard]] SendError failure(const Call& call, const Route& route) const;

    Transport transport_;
    std::optional<ReplyParser> parser_;
    ReplyParser::State state_ = ReplyParser::State::head;
    std::unique_ptr<char[]> input_;  // allocated while a request is in progress
    std::size_t begin_ = 0;          // received bytes not yet parsed: input_[begin_, end_)
    std::size_t end_ = 0;
    Buffer body_;  // the reply's body, until it goes to the sink or into the reply
    bool reusable_ = false;
    bool ended_unanswered_ = false;
    bool producer_failed_ = false;  // the producer or the sink ended early
    bool cut_ = false;              // the connection ended in the middle of the reply
};

}  // namespace riacho::http::detail
