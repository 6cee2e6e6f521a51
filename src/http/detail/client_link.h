// One connection of the outbound client: opening it, and one request and its reply at a time on it.
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

// Where a connection goes, and how.
struct Route {
    Url url;
    std::optional<Proxy> proxy;

    // Connections of equal keys are interchangeable.
    [[nodiscard]] std::string key() const;
    // For messages.
    [[nodiscard]] std::string name() const { return url.host_and_port(); }
};

// Lives on one core.
class Link {
public:
    // What a new connection needs. The context is null unless the URL is https.
    struct Options {
        ssl_ctx_st* tls = nullptr;
        AddressRule addresses = AddressRule::any;
    };
    // Connects, through the proxy and with TLS as the route says. Ends early when the call has ended.
    static Task<Expected<std::unique_ptr<Link>, SendError>> open(Call* call, Resolver* resolver, const Route* route,
                                                                 Options options);

    explicit Link(Socket socket) : transport_(std::move(socket)) {}

    // Sends the request and reads its reply; all four outlive the task.
    Task<Expected<void, SendError>> exchange(Call* call, const Route* route, ClientRequest* request,
                                             ClientReply* reply);

    // After a successful exchange: whether another may follow.
    [[nodiscard]] bool is_reusable() const { return reusable_; }
    // After a failed exchange: the connection ended without a byte of a reply.
    [[nodiscard]] bool ended_unanswered() const { return ended_unanswered_; }
    // Of an idle connection: false if its server has closed it or sent something nobody asked for.
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
    std::unique_ptr<char[]> input_;  // while a request is under way
    std::size_t begin_ = 0;          // received and not yet parsed: input_[begin_, end_)
    std::size_t end_ = 0;
    Buffer body_;  // of the reply, until it goes to the sink or into the reply
    bool reusable_ = false;
    bool ended_unanswered_ = false;
    bool producer_failed_ = false;  // the producer or the sink ended early
    bool cut_ = false;              // the connection ended within the reply
};

}  // namespace riacho::http::detail
