#include "http/client.h"

#include <algorithm>
#include <deque>
#include <future>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "base/try.h"
#include "core/clock.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/timer.h"
#include "core/work_pool.h"
#include "http/detail/client_call.h"
#include "http/detail/client_link.h"
#include "http/detail/client_proxy.h"
#include "http/detail/client_tls.h"
#include "http/detail/resolver.h"

namespace riacho::http {
namespace {

using detail::Call;
using detail::Link;
using detail::Route;

constexpr std::size_t blocking_threads = 2;
constexpr std::size_t blocking_queue_max = 2 * detail::Resolver::lookups_max;
constexpr std::int64_t idle_look_ms = 10'000;

bool is_idempotent(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
}

bool is_method(std::string_view text) {
    return !text.empty() && text != "CONNECT" && std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

SendError bad_request(std::string message) { return {SendFault::bad_request, false, std::move(message)}; }

// The pooled connections of one core. Used on it only.
class Pool {
public:
    struct Host {
        std::vector<std::unique_ptr<Link>> idle;  // most recently used last
        std::size_t open = 0;                     // connections idle or in use
        std::deque<Call*> waiting;                // calls that wait for a connection
    };

    Pool(core::Core& core, const core::Clock& clock, const ClientOptions& options)
        : clock_(clock), options_(options), timer_(core) {}

    // A place for one call: an idle connection, or null and the right to open one. Ends early when the call has ended.
    struct Place {
        bool granted = false;
        std::unique_ptr<Link> link;
    };
    Task<Place> take(Call* call, std::string key) {
        for (;;) {
            Host& host = hosts_[key];
            while (!host.idle.empty()) {
                auto link = std::move(host.idle.back());
                host.idle.pop_back();
                if (is_fresh(*link) && link->is_alive()) co_return Place{true, std::move(link)};
                drop(host);
            }
            if (host.open < options_.connections_per_host_max) {
                add(host);
                co_return Place{true, nullptr};
            }
            host.waiting.push_back(call);
            co_await call->pause();
            std::erase(hosts_[key].waiting, call);
            if (call->ended() != Call::End::none) {
                // The wake-up of this call may have announced a free place, which the next call can use.
                wake_next(key);
                forget_if_unused(key);
                co_return Place();
            }
        }
    }
    // Returns the place; link is null unless another call can use the connection.
    void give(const std::string& key, std::unique_ptr<Link> link) {
        Host& host = hosts_[key];
        if (link != nullptr && !stopped_) {
            link->idle_since = clock_.monotonic();
            host.idle.push_back(std::move(link));
            look_later();
        } else {
            drop(host);
        }
        wake_next(key);
        forget_if_unused(key);
    }

    void add_call(Call& call) {
        call.next = first_;
        if (first_ != nullptr) first_->previous = &call;
        first_ = &call;
        if (stopped_) call.stop();
    }
    void remove_call(Call& call) {
        if (call.previous != nullptr) call.previous->next = call.next;
        if (call.next != nullptr) call.next->previous = call.previous;
        if (first_ == &call) first_ = call.next;
        if (stopped_ && first_ == nullptr) tell_ended();
    }
    // Ends the calls in progress; all_ended is called once there are none.
    void stop(std::function<void()> all_ended) {
        stopped_ = true;
        all_ended_ = std::move(all_ended);
        timer_.cancel();
        for (auto& [key, host] : hosts_) {
            while (!host.idle.empty()) {
                host.idle.pop_back();
                drop(host);
            }
        }
        for (Call* call = first_; call != nullptr; call = call->next) call->stop();
        if (first_ == nullptr) tell_ended();
    }

    [[nodiscard]] std::size_t open() const { return open_.load(std::memory_order_relaxed); }

private:
    void tell_ended() {
        if (const auto tell = std::exchange(all_ended_, nullptr)) tell();
    }
    [[nodiscard]] bool is_fresh(const Link& link) const {
        return clock_.monotonic().value() - link.idle_since.value() < options_.idle_timeout_ms * 1'000'000;
    }
    void add(Host& host) {
        ++host.open;
        open_.fetch_add(1, std::memory_order_relaxed);
    }
    void drop(Host& host) {
        --host.open;
        open_.fetch_sub(1, std::memory_order_relaxed);
    }
    void wake_next(const std::string& key) {
        const auto found = hosts_.find(key);
        if (found == hosts_.end() || found->second.waiting.empty()) return;
        Call* const call = found->second.waiting.front();
        found->second.waiting.pop_front();
        call->wake();
    }
    void forget_if_unused(const std::string& key) {
        const auto found = hosts_.find(key);
        if (found == hosts_.end() || found->second.open > 0 || !found->second.waiting.empty()) return;
        hosts_.erase(found);
    }
    void look_later() {
        if (std::exchange(looking_, true)) return;
        timer_.start(idle_look_ms, [this] {
            looking_ = false;
            close_old();
        });
    }
    void close_old() {
        bool some_idle = false;
        for (auto& [key, host] : hosts_) {
            const std::size_t old = std::erase_if(host.idle, [&](const auto& link) { return !is_fresh(*link); });
            for (std::size_t i = 0; i < old; ++i) drop(host);
            some_idle |= !host.idle.empty();
        }
        std::erase_if(hosts_, [](const auto& entry) { return entry.second.open == 0 && entry.second.waiting.empty(); });
        if (some_idle) look_later();
    }

    const core::Clock& clock_;
    const ClientOptions& options_;
    core::Timer timer_;
    bool looking_ = false;
    std::map<std::string, Host> hosts_;
    std::atomic<std::size_t> open_{0};
    Call* first_ = nullptr;
    bool stopped_ = false;
    std::function<void()> all_ended_;
};

}  // namespace

std::string_view name_of(SendFault fault) {
    switch (fault) {
        case SendFault::bad_request:
            return "bad_request";
        case SendFault::resolve:
            return "resolve";
        case SendFault::refused:
            return "refused";
        case SendFault::connect:
            return "connect";
        case SendFault::tls:
            return "tls";
        case SendFault::reset_before_sent:
            return "reset_before_sent";
        case SendFault::reset:
            return "reset";
        case SendFault::timeout:
            return "timeout";
        case SendFault::too_large:
            return "too_large";
        case SendFault::protocol:
            return "protocol";
        case SendFault::stopped:
            return "stopped";
    }
    return "unknown";
}

struct Client::Impl {
    Impl(ClientOptions o, core::Runtime& r, core::Clock& c)
        : options(std::move(o)), runtime(r), clock(c), resolver(blocking, c, options.dns_ttl_ms) {
        for (std::size_t i = 0; i < runtime.size(); ++i) {
            pools.push_back(std::make_unique<Pool>(runtime.core(i), clock, options));
        }
    }

    static Task<Expected<ClientReply, SendError>> send(Impl* self, Call* call, ClientRequest* request);
    // One attempt. may_repeat: whether it failed on a pooled connection in such a way that another attempt is harmless.
    static Task<Expected<ClientReply, SendError>> attempt(Impl* self, Call* call, const Route* route,
                                                          ClientRequest* request, bool* may_repeat);
    // The TLS context for https; made at first use, off the cores.
    static Task<Expected<ssl_ctx_st*, SendError>> tls_context(Impl* self, Call* call);
    using Promise = std::promise<Expected<ClientReply, SendError>>;
    static Task<void> send_for(Client* client, core::Core* core, ClientRequest* request, std::shared_ptr<Promise> done);

    Pool& pool(core::Core& core) { return *pools[core.index()]; }

    const ClientOptions options;
    core::Runtime& runtime;
    core::Clock& clock;
    core::WorkPool blocking{{.name = "http-client", .threads_max = blocking_threads, .queue_max = blocking_queue_max}};
    detail::Resolver resolver;
    std::vector<std::unique_ptr<Pool>> pools;
    Mutex tls_mutex;
    detail::SslContext tls GUARDED_BY(tls_mutex);
    std::atomic<std::uint64_t> calls{0}, failed{0}, made{0}, reused{0};
    std::atomic<bool> stopped{false};
};

Task<Expected<ssl_ctx_st*, SendError>> Client::Impl::tls_context(Impl* self, Call* call) {
    {
        const MutexLock lock(self->tls_mutex);
        if (self->tls) co_return self->tls.get();
    }
    struct Loading {
        Call* call;
        bool done = false;
        ssl_ctx_st* context = nullptr;
        std::string failure;
    };
    auto loading = std::make_shared<Loading>(call);
    const auto submitted = self->blocking.submit([self, loading, &core = call->core()] {
        {
            // Concurrent first calls wait here for the context.
            const MutexLock lock(self->tls_mutex);
            if (!self->tls) {
                auto made = detail::make_client_context(self->options.ca_file);
                if (made) {
                    self->tls = *std::move(made);
                } else {
                    loading->failure = made.error().message;
                }
            }
            loading->context = self->tls.get();
        }
        core::post(core, [loading] {
            loading->done = true;
            if (loading->call != nullptr) loading->call->wake();
        });
    });
    if (!submitted) co_return fail(SendError(SendFault::tls, false, "too many calls wait for a thread"));
    while (!loading->done && call->ended() == Call::End::none) co_await call->pause();
    loading->call = nullptr;
    if (!loading->done) co_return fail(call->error("the certificates to trust"));
    if (loading->context == nullptr) co_return fail(SendError(SendFault::tls, false, loading->failure));
    co_return loading->context;
}

Task<Expected<ClientReply, SendError>> Client::Impl::attempt(Impl* self, Call* call, const Route* route,
                                                             ClientRequest* request, bool* may_repeat) {
    Pool& pool = self->pool(call->core());
    const std::string key = route->key();
    *may_repeat = false;
    // Returns the place however this function ends.
    struct Holder {
        Pool& pool;
        const std::string& key;
        bool held = false;
        std::unique_ptr<Link> link;
        ~Holder() {
            if (held) pool.give(key, std::move(link));
        }
    };
    Holder holder{pool, key, false, nullptr};
    {
        auto place = co_await pool.take(call, key);
        holder.held = place.granted;
        holder.link = std::move(place.link);
    }
    if (!holder.held) co_return fail(call->error(route->name()));
    std::unique_ptr<Link> link = std::move(holder.link);
    const bool reused = link != nullptr;
    if (reused) {
        self->reused.fetch_add(1, std::memory_order_relaxed);
    } else {
        call->begin_connect();
        Link::Options options;
        options.addresses = self->options.addresses;
        if (route->url.secure) {
            CO_TRY(options.tls, co_await tls_context(self, call));
        }
        CO_TRY(link, co_await Link::open(call, &self->resolver, route, options));
        self->made.fetch_add(1, std::memory_order_relaxed);
    }
    call->end_connect();
    ClientReply reply;
    auto done = co_await link->exchange(call, route, request, &reply);
    if (!done) {
        const bool harmless = !call->sent || request->repeatable || is_idempotent(request->method);
        *may_repeat = reused && link->ended_unanswered() && harmless && !call->started;
        co_return fail(std::move(done).error());
    }
    if (link->is_reusable()) holder.link = std::move(link);
    co_return reply;
}

Task<Expected<ClientReply, SendError>> Client::Impl::send(Impl* self, Call* call, ClientRequest* request) {
    if (!is_method(request->method)) co_return fail(bad_request(request->method + " is not a method"));
    Route route;
    auto url = parse_url(request->url);
    if (!url) co_return fail(bad_request(url.error()));
    if (!url->user_info.empty()) co_return fail(bad_request("a URL with a user name is not supported"));
    route.url = *std::move(url);
    auto proxy = detail::choose_proxy(self->options.proxies, route.url);
    if (!proxy) co_return fail(bad_request(proxy.error()));
    route.proxy = *std::move(proxy);
    // A server may close an idle connection at any moment; after its restart all pooled connections are closed.
    for (std::size_t tries = 0;; ++tries) {
        bool may_repeat = false;
        auto reply = co_await attempt(self, call, &route, request, &may_repeat);
        if (reply || !may_repeat || tries > self->options.connections_per_host_max) co_return reply;
    }
}

Client::Client(ClientOptions options, core::Runtime& runtime, core::Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), runtime, clock)) {}

Client::~Client() {
    stop();
    impl_->blocking.stop();
}

Task<Expected<ClientReply, SendError>> Client::send(core::Core& core, ClientRequest request) {
    RIACHO_CHECK(core.is_current(), "a call is made on its core");
    Impl* const self = impl_.get();
    // The order matters: stop() sets its flag before it looks for calls, so either this call or stop() sees the other.
    self->calls.fetch_add(1);
    if (self->stopped.load()) co_return fail(SendError(SendFault::stopped, false, "the client was stopped"));
    Call call(core, self->clock, request);
    struct Membership {
        Membership(Pool& p, Call& c) : pool(p), call(c) { pool.add_call(call); }
        ~Membership() { pool.remove_call(call); }
        Pool& pool;
        Call& call;
    };
    const Membership membership(self->pool(core), call);
    auto reply = co_await Impl::send(self, &call, &request);
    if (!reply) self->failed.fetch_add(1, std::memory_order_relaxed);
    co_return reply;
}

Task<void> Client::Impl::send_for(Client* client, core::Core* core, ClientRequest* request,
                                  std::shared_ptr<Promise> done) {
    try {
        done->set_value(co_await client->send(*core, std::move(*request)));
    } catch (...) {
        done->set_exception(std::current_exception());
    }
}

Expected<ClientReply, SendError> Client::send_and_wait(ClientRequest request) {
    core::Core& core = impl_->runtime.core(0);
    RIACHO_CHECK(!core.is_current(), "a core must not wait");
    auto done = std::make_shared<Impl::Promise>();
    core::spawn(core, [this, &core, &request, done] { return Impl::send_for(this, &core, &request, done); });
    return done->get_future().get();
}

void Client::stop() {
    if (impl_->stopped.exchange(true) || impl_->calls.load() == 0) return;
    for (std::size_t i = 0; i < impl_->pools.size(); ++i) {
        RIACHO_CHECK(!impl_->runtime.core(i).is_current(), "the client is stopped from outside its cores");
        auto ended = std::make_shared<std::promise<void>>();
        core::post(impl_->runtime.core(i),
                   [&pool = *impl_->pools[i], ended] { pool.stop([ended] { ended->set_value(); }); });
        ended->get_future().get();
    }
}

ClientStats Client::stats() const {
    ClientStats stats;
    stats.calls = impl_->calls.load(std::memory_order_relaxed);
    stats.failed = impl_->failed.load(std::memory_order_relaxed);
    stats.connections_made = impl_->made.load(std::memory_order_relaxed);
    stats.connections_reused = impl_->reused.load(std::memory_order_relaxed);
    for (const auto& pool : impl_->pools) stats.connections_open += pool->open();
    return stats;
}

}  // namespace riacho::http
