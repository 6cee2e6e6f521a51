#include "base/lineage.h"

#include <algorithm>
#include <set>

namespace riacho {

void Lineage::update(std::span<const LineageShard> listing) {
    std::set<std::int32_t> listed;
    for (const LineageShard& shard : listing) listed.insert(shard.index);
    std::erase_if(shards_, [&](const auto& entry) {
        return entry.second.state != State::reading && !listed.contains(entry.first);
    });
    add(listing);
}

void Lineage::add(std::span<const LineageShard> shards) {
    for (const LineageShard& shard : shards) shards_.try_emplace(shard.index, Known{.shard = shard});
}

std::vector<std::int32_t> Lineage::take_ready() {
    std::vector<std::int32_t> ready;
    for (auto& [index, known] : shards_) {
        if (known.state != State::waiting) continue;
        if (holds_up(known.shard.parent) || holds_up(known.shard.adjacent_parent)) continue;
        ready.push_back(index);
    }
    for (const std::int32_t index : ready) shards_.find(index)->second.state = State::reading;
    return ready;
}

void Lineage::finish(std::int32_t index) {
    const auto found = shards_.find(index);
    if (found != shards_.end()) found->second.state = State::finished;
}

std::size_t Lineage::reading() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(shards_, [](const auto& entry) { return entry.second.state == State::reading; }));
}

bool Lineage::holds_up(const std::optional<std::int32_t>& parent) const {
    if (!parent) return false;
    const auto found = shards_.find(*parent);
    return found != shards_.end() && found->second.state != State::finished;
}

}  // namespace riacho
