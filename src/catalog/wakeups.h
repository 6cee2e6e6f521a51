// Wakeups: a timer queue with the next time at which each stream and each object has to be processed. For one thread.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/time.h"

namespace riacho::catalog {

// set() and take_due() cost O(log n) in the number of entries.
class Wakeups {
public:
    struct Id {
        enum class Kind : std::uint8_t { stream, object };
        Kind kind = Kind::stream;
        std::uint64_t uid = 0;
        friend auto operator<=>(const Id&, const Id&) = default;
    };

    // Replaces the id's earlier time.
    void set(Id id, TimestampMs at) {
        clear(id);
        times_.emplace(id, at);
        by_time_.emplace(at, id);
    }
    void clear(Id id) {
        const auto known = times_.find(id);
        if (known == times_.end()) return;
        by_time_.erase({known->second, id});
        times_.erase(known);
    }
    // The earliest time, if any is set.
    [[nodiscard]] std::optional<TimestampMs> next() const {
        return by_time_.empty() ? std::nullopt : std::optional(by_time_.begin()->first);
    }
    // Removes and returns one id whose time has come.
    std::optional<Id> take_due(TimestampMs now) {
        if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
        const Id id = by_time_.begin()->second;
        clear(id);
        return id;
    }
    [[nodiscard]] std::size_t size() const { return times_.size(); }

private:
    std::map<Id, TimestampMs> times_;
    std::set<std::pair<TimestampMs, Id>> by_time_;
};

}  // namespace riacho::catalog
