// TestApplier: a CommandApplier for the tests of the log.
#pragma once

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "log/applier.h"

namespace riacho::log::detail {

// A value that threads share; copied with its owner.
template <class T>
class Shared {
public:
    Shared(T value = {}) : value_(value) {}
    Shared(const Shared& other) : value_(other) {}
    Shared& operator=(const Shared& other) { return *this = T(other); }
    Shared& operator=(T value) {
        value_ = value;
        return *this;
    }
    operator T() const { return value_.load(); }

private:
    std::atomic<T> value_;
};

// Parses "create 1 2", "create_media 1", "close 1", "drop 1", "trim 1=5", "reject", and records the calls it receives.
class TestApplier final : public CommandApplier {
public:
    struct Seen {
        Lsn lsn;
        std::string command;
        TimestampMs now;
        std::vector<std::uint64_t> next;  // next numbers of the shards that the command names
        friend bool operator==(const Seen&, const Seen&) = default;
    };

    std::size_t effects_max(std::string_view command) const override {
        return static_cast<std::size_t>(std::count(command.begin(), command.end(), ' ')) * 2;
    }
    bool may_end_shards(std::string_view command) const override {
        return command.starts_with("close") || command.starts_with("drop");
    }
    CommandOutcome on_sequenced(Lsn lsn, std::string_view command, TimestampMs now,
                                const SequencerView& view) override {
        if (command == "reject") return {.accepted = false, .reply = "no"};
        CommandOutcome outcome{.accepted = true, .reply = "done"};
        std::string_view rest = command;
        const std::string_view verb = next_word(rest);
        for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest)) {
            const auto [uid, seq] = parse(word);
            if (verb == "create_media") {
                outcome.effects.create.push_back(
                    {.shard = uid, .first = seq.value_or(SeqIx(1)), .shard_class = ShardClass::media});
            }
            if (verb == "create") outcome.effects.create.push_back({uid, seq.value_or(SeqIx(1))});
            if (verb == "close") outcome.effects.close.push_back(uid);
            if (verb == "drop") outcome.effects.drop.push_back(uid);
            if (verb == "trim") outcome.effects.trim.push_back({uid, seq.value_or(SeqIx(0))});
        }
        sequenced.push_back(look(lsn, command, now, view));
        return outcome;
    }
    void on_durable(Lsn lsn) override {
        durable = lsn;
        if (stores_at_once) applied = lsn;
    }
    void on_replay(Lsn lsn, std::string_view command, TimestampMs now, const SequencerView& view) override {
        replayed.push_back(look(lsn, command, now, view));
    }
    Lsn applied_lsn() const override { return applied; }
    void request_materialise() override { requests = requests + 1; }

    std::vector<Seen> sequenced;
    std::vector<Seen> replayed;
    Lsn durable;
    Shared<Lsn> applied;
    bool stores_at_once = true;
    Shared<int> requests;

private:
    static std::string_view next_word(std::string_view& rest) {
        const std::size_t space = std::min(rest.find(' '), rest.size());
        const std::string_view word = rest.substr(0, space);
        rest.remove_prefix(std::min(space + 1, rest.size()));
        return word;
    }
    static std::uint64_t number(std::string_view text) {
        std::uint64_t value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    }
    static std::pair<ShardUid, std::optional<SeqIx>> parse(std::string_view word) {
        const std::size_t sign = word.find('=');
        if (sign == std::string_view::npos) return {ShardUid(number(word)), std::nullopt};
        return {ShardUid(number(word.substr(0, sign))), SeqIx(number(word.substr(sign + 1)))};
    }
    static Seen look(Lsn lsn, std::string_view command, TimestampMs now, const SequencerView& view) {
        Seen seen{.lsn = lsn, .command = std::string(command), .now = now, .next = {}};
        next_word(command);
        for (std::string_view word = next_word(command); !word.empty(); word = next_word(command)) {
            seen.next.push_back(view.next_seq(parse(word).first).value());
        }
        return seen;
    }
};

}  // namespace riacho::log::detail
