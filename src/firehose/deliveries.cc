#include "firehose/deliveries.h"

#include <algorithm>
#include <future>
#include <map>
#include <utility>

#include "base/check.h"
#include "catalog/catalog.h"
#include "core/alarm.h"
#include "core/clock.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "firehose/detail/home.h"
#include "firehose/detail/stream.h"
#include "firehose/metrics.h"

namespace riacho::firehose {
namespace {

using catalog::ObjectState;
using catalog::StreamStatus;
using detail::Home;
using detail::Stream;

// A flush is woken by what happens to its stream; a stop is seen so late.
constexpr std::int64_t flush_look_ms = 100;

}  // namespace

// The delivery streams of one core.
struct Place {
    Place(const Needs& needs, core::Core& core, HostHealth& health, std::function<void()> on_recovery)
        : home(needs, core, health, std::move(on_recovery)) {}

    // Starts the pipeline of a delivery stream when it is no longer CREATING.
    struct Activation final : Home::Timed {
        Activation(Place& p, std::uint64_t u) : place(p), uid(u) {}
        void on_time() override { place.look(uid); }
        Place& place;
        const std::uint64_t uid;
    };

    // Brings the pipeline of a delivery stream in line with the catalog.
    void look(std::uint64_t uid);
    void look_at_source(std::uint64_t stream_uid);
    void forget(std::uint64_t uid);
    void stop();

    Home home;
    std::promise<void> stopped;
    std::map<std::uint64_t, std::shared_ptr<Stream>> streams;
    std::map<std::uint64_t, std::unique_ptr<Activation>> creating;
};

void Place::forget(std::uint64_t uid) {
    if (const auto found = streams.find(uid); found != streams.end()) {
        found->second->stop();
        streams.erase(found);
    }
    if (const auto found = creating.find(uid); found != creating.end()) {
        home.clear(*found->second);
        creating.erase(found);
    }
}

void Place::look(std::uint64_t uid) {
    if (home.is_stopping()) return;
    const auto snapshot = home.needs().snapshot();
    const auto object = snapshot->find_object(uid);
    if (object == nullptr) {
        forget(uid);
        home.needs().metrics.forget(uid);
        return;
    }
    if (object->kind != ObjectState::Kind::delivery_stream) return;
    const StreamStatus status = object->status(home.now());
    // Undelivered records of a deleted delivery stream are dropped (spec 3.2).
    if (status == StreamStatus::deleting) return forget(uid);
    if (status == StreamStatus::creating) {
        auto& activation = creating[uid];
        if (activation == nullptr) activation = std::make_unique<Activation>(*this, uid);
        home.set(*activation, object->transition_until);
        return;
    }
    if (const auto found = creating.find(uid); found != creating.end()) {
        home.clear(*found->second);
        creating.erase(found);
    }
    if (const auto known = streams.find(uid); known != streams.end()) {
        known->second->update(*object);
        return;
    }
    auto stream = Stream::make(home, *object, *snapshot);
    if (stream == nullptr) return;
    streams.emplace(uid, stream);
    stream->start();
}

void Place::look_at_source(std::uint64_t stream_uid) {
    if (home.is_stopping()) return;
    for (const auto& object : home.needs().snapshot()->objects_over(stream_uid)) {
        if (const auto known = streams.find(object->uid); known != streams.end()) known->second->on_source_change();
    }
}

void Place::stop() {
    for (const auto& [uid, stream] : streams) stream->stop();
    for (const auto& [uid, activation] : creating) home.clear(*activation);
    home.begin_stop();
    stopped.set_value();
}

struct Deliveries::Impl {
    explicit Impl(Needs given) : needs(std::move(given)), health(needs.rng) {}

    Place& place_of(std::uint64_t uid) { return *places[uid % places.size()]; }
    void on_recovery();

    const Needs needs;
    HostHealth health;
    std::vector<std::unique_ptr<Place>> places;  // one a core
    bool is_stopping = false;
    bool is_stopped = false;
};

void Deliveries::Impl::on_recovery() {
    for (const auto& place : places) {
        core::post(place->home.core(), [at = place.get()] {
            for (const auto& [uid, stream] : at->streams) {
                for (const auto& lane : stream->lanes()) lane->on_recovery();
            }
        });
    }
}

Deliveries::Deliveries(Needs needs) : impl_(std::make_shared<Impl>(std::move(needs))) {
    RIACHO_CHECK(!impl_->needs.cores.empty(), "deliveries need a core");
    for (core::Core* core : impl_->needs.cores) {
        impl_->places.push_back(
            std::make_unique<Place>(impl_->needs, *core, impl_->health, [impl = impl_.get()] { impl->on_recovery(); }));
    }
}

Deliveries::~Deliveries() { RIACHO_CHECK(impl_->is_stopping, "deliveries were not stopped"); }

void Deliveries::start() {
    for (const auto& place : impl_->places) {
        Home& home = place->home;
        core::post(home.core(), [impl = impl_, at = place.get()] {
            const auto snapshot = impl->needs.snapshot();
            for (const auto& object : snapshot->objects()) {
                if (object->kind == ObjectState::Kind::delivery_stream && &impl->place_of(object->uid) == at) {
                    at->look(object->uid);
                }
            }
            if (impl->needs.has_timers) at->home.spawn([at] { return at->home.run(); });
        });
    }
}

void Deliveries::on_publish(const catalog::Feed& feed) {
    for (const std::uint64_t uid : feed.objects) {
        Place& place = impl_->place_of(uid);
        core::post(place.home.core(), [impl = impl_, &place, uid] { place.look(uid); });
    }
    for (const std::uint64_t uid : feed.streams) {
        for (const auto& place : impl_->places) {
            core::post(place->home.core(), [impl = impl_, at = place.get(), uid] { at->look_at_source(uid); });
        }
    }
}

Task<Expected<FlushReport, FlushFault>> Deliveries::flush(core::Core& core, std::uint64_t stream_uid,
                                                          std::int64_t wait_ms) {
    Place& place = impl_->place_of(stream_uid);
    Expected<FlushReport, FlushFault> result = fail(FlushFault::no_stream);
    // The result is made on the stream's core and moved to the caller's.
    co_await core::suspend([&](core::Wakeup& wakeup) {
        const auto work = [&, impl = impl_]() -> Task<void> {
            const auto found = place.streams.find(stream_uid);
            if (found != place.streams.end()) {
                const std::shared_ptr<Stream> stream = found->second;
                result = FlushReport();
                const MonotonicNs until = impl->needs.clock.monotonic().plus(wait_ms * 1'000'000);
                core::Alarm alarm(place.home.core());
                stream->watch(alarm);
                for (std::size_t i = 0; i < stream->lanes().size(); ++i) stream->lanes()[i]->flush();
                for (;;) {
                    std::size_t left = 0;
                    for (const auto& lane : stream->lanes()) {
                        if (!lane->is_empty() || lane->is_flushing())
                            left += std::max<std::size_t>(lane->batch_count(), 1);
                    }
                    result->undelivered = left;
                    if (left == 0 || stream->is_stopped()) break;
                    if (impl->needs.clock.monotonic() >= until) {
                        result = fail(FlushFault::timeout);
                        break;
                    }
                    co_await alarm.sleep(flush_look_ms);
                }
                stream->unwatch(alarm);
            }
            core.wake(wakeup);
        };
        if (!place.home.spawn(work)) core.wake(wakeup);
    });
    co_return result;
}

void Deliveries::begin_stop() {
    if (std::exchange(impl_->is_stopping, true)) return;
    for (const auto& place : impl_->places) {
        core::post(place->home.core(), [impl = impl_, at = place.get()] { at->stop(); });
    }
}

void Deliveries::stop() {
    begin_stop();
    if (std::exchange(impl_->is_stopped, true)) return;
    for (const auto& place : impl_->places) {
        place->stopped.get_future().get();
        place->home.wait_until_empty();
    }
}

void Deliveries::run_due() {
    for (const auto& place : impl_->places) place->home.run_due();
}

const HostHealth& Deliveries::health() const { return impl_->health; }

}  // namespace riacho::firehose
