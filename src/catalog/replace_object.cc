#include "catalog/replace_object.h"

#include <utility>

namespace riacho::catalog {

ReplaceObjects replace_object(const ObjectState& object, std::string settings, std::int64_t transition_ms) {
    ReplaceObjects command;
    ReplaceObjects::Replacement& change = command.replacements.emplace_back();
    change.object.uid = object.uid;
    change.version = object.version;
    change.settings = std::move(settings);
    change.transition_ms = transition_ms;
    change.wake_at = object.wake_at;
    return command;
}

}  // namespace riacho::catalog
