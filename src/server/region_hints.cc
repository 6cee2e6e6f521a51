#include "server/region_hints.h"

#include <fmt/format.h>

#include <array>

#include "catalog/catalog.h"
#include "core/clock.h"
#include "core/log.h"
#include "server/resource_kind.h"

namespace riacho::server {
namespace {

constexpr std::int64_t pause_ns = 1'000'000'000;
constexpr std::size_t told_max = 1'000;

}  // namespace

void RegionHints::on_not_found(std::string_view account, std::string_view region, std::string_view name) {
    if (name.empty()) return;
    const MonotonicNs now = clock_.monotonic();
    {
        const MutexLock lock(mutex_);
        if (looked_at_.value() != 0 && now.value() - looked_at_.value() < pause_ns) return;
        if (told_.size() >= told_max || told_.contains(fmt::format("{}/{}", region, name))) return;
        looked_at_ = now;
    }
    const auto snapshot = catalog_.snapshot();
    std::string places;
    std::string_view kind;
    const auto look = [&](std::string_view of_kind, const auto& states) {
        for (const auto& state : states) {
            if (state->name != name || state->is_gone(clock_.now())) continue;
            if (state->region == region && state->account == account) continue;
            kind = of_kind;
            if (!places.empty()) places += ", ";
            places += state->account == account ? state->region
                                                : fmt::format("{} of account {}", state->region, state->account);
        }
    };
    look("stream", snapshot->all_streams());
    for (const auto& object : snapshot->objects()) look(name_of(object->kind), std::array{object});
    if (places.empty()) return;
    core::log_line(core::LogLevel::warn, "asked in the wrong region",
                   {{"kind", kind}, {"name", name}, {"asked_in", region}, {"exists_in", places}});
    const MutexLock lock(mutex_);
    told_.insert(fmt::format("{}/{}", region, name));
}

}  // namespace riacho::server
