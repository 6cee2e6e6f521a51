#include "server/catalog_log.h"

#include <string_view>

#include "core/log.h"
#include "server/resource_kind.h"

namespace riacho::server {
namespace {

constexpr core::LogLevel level = core::LogLevel::debug;

template <class State>
void log_change(std::string_view event, std::string_view kind, const State& state) {
    core::log_line(level, event, {{"kind", kind}, {"name", state.name}, {"arn", state.arn}});
}

}  // namespace

CatalogLog::CatalogLog(const catalog::Catalog& catalog) : catalog_(catalog) {
    if (!core::is_logged(level)) return;
    const auto snapshot = catalog_.snapshot();
    for (const auto& stream : snapshot->all_streams()) {
        known_.emplace(stream->uid, stream->transition == catalog::StreamStatus::deleting);
    }
    for (const auto& object : snapshot->objects()) {
        known_.emplace(object->uid, object->transition == catalog::StreamStatus::deleting);
    }
}

void CatalogLog::on_publish(const catalog::Feed& feed) {
    if (!core::is_logged(level)) return;
    const auto snapshot = catalog_.snapshot();
    const auto look = [&](std::uint64_t uid, std::string_view kind, const auto& state) {
        if (state == nullptr) {
            known_.erase(uid);
            return;
        }
        const auto [at, is_new] = known_.emplace(uid, false);
        if (is_new) log_change("created", kind, *state);
        const bool is_deleting = state->transition == catalog::StreamStatus::deleting;
        if (is_deleting && !at->second) log_change("deleted", kind, *state);
        at->second = is_deleting;
    };
    for (const std::uint64_t uid : feed.streams) look(uid, "stream", snapshot->find_by_uid(uid));
    for (const std::uint64_t uid : feed.objects) {
        const auto object = snapshot->find_object(uid);
        look(uid, object == nullptr ? "" : name_of(object->kind), object);
    }
}

}  // namespace riacho::server
