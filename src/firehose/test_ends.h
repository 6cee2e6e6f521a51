// The two ends of a pipeline in memory: source streams, and a destination whose answers a test scripts.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/task.h"
#include "core/timer.h"
#include "firehose/test_log.h"
#include "ports/object_store.h"
#include "ports/record_source.h"
#include "ports/stream_directory.h"

namespace riacho::firehose {

// A destination. Stored objects survive restarts.
class TestStore final : public ports::ObjectStore {
public:
    explicit TestStore(Life& life) : life_(life) {}

    // late: as stored_and_lost, but stored only when attempts that began after it have ended.
    enum class Answer : std::uint8_t { ok, stored_and_lost, late, down, denied, no_bucket, slow_down };
    // The answer to each attempt; absent: ok.
    std::function<Answer(const ports::ObjectName&)> script;
    std::map<std::string, std::string> objects;  // by BUCKET/KEY
    std::vector<std::string> attempts;           // of all attempts, in order
    std::vector<std::string> overwritten;        // names that were stored again with other bytes
    bool takes_drafts = false;
    std::function<bool(std::size_t)> drafts_take;  // whether a draft that has so many bytes takes more; absent: yes

    [[nodiscard]] std::unique_ptr<ports::ObjectDraft> make_draft(const ports::ObjectName& name) override {
        if (!takes_drafts) return nullptr;
        return std::make_unique<Draft>(*this, name);
    }

    Task<Expected<void, ports::StoreError>> put(core::Core& core, ports::ObjectName name,
                                                std::shared_ptr<const ports::Body> body,
                                                ports::PutOptions options) override {
        co_await core::yield(core);
        const std::string path = name.bucket + '/' + name.key;
        attempts.push_back(path);
        const Answer answer = script ? script(name) : Answer::ok;
        constexpr int late_turns = 200;
        for (int turn = 0; answer == Answer::late && turn < late_turns; ++turn) co_await core::yield(core);
        const Life::Call call = life_.next("store");
        const bool stores =
            (answer == Answer::ok || answer == Answer::stored_and_lost || answer == Answer::late) && call.has_effect;
        if (stores && options.if_absent && objects.contains(path)) {
            if (!call.is_answered) co_return fail(error(ports::StoreFault::timeout, "Timeout"));
            co_return fail(error(ports::StoreFault::exists, "S3.PreconditionFailed"));
        }
        if (stores) {
            std::string bytes(body->size(), '\0');
            const auto read = co_await body->read(core, 0, std::as_writable_bytes(std::span(bytes)));
            EXPECT_TRUE(read && *read == bytes.size());
            const auto known = objects.find(path);
            if (known != objects.end() && known->second != bytes) overwritten.push_back(path);
            objects[path] = bytes;
        }
        if (!call.is_answered) co_return fail(error(ports::StoreFault::timeout, "Timeout"));
        switch (answer) {
            case Answer::ok:
                co_return Expected<void, ports::StoreError>();
            case Answer::stored_and_lost:
            case Answer::late:
                co_return fail(error(ports::StoreFault::timeout, "Timeout"));
            case Answer::down:
                co_return fail(error(ports::StoreFault::unreachable, "S3.Unreachable"));
            case Answer::denied:
                co_return fail(error(ports::StoreFault::denied, "S3.AccessDenied"));
            case Answer::no_bucket:
                co_return fail(error(ports::StoreFault::no_bucket, "S3.NoSuchBucket"));
            case Answer::slow_down:
                co_return fail(error(ports::StoreFault::slow_down, "S3.SlowDown"));
        }
        co_return Expected<void, ports::StoreError>();
    }
    [[nodiscard]] std::string host_of(std::string_view) const override { return "s3.test"; }

private:
    class Draft final : public ports::ObjectDraft {
    public:
        Draft(TestStore& store, ports::ObjectName name) : store_(store), name_(std::move(name)) {}
        Task<bool> write(core::Core& core, std::vector<Buffer> pieces) override {
            co_await core::yield(core);
            has_failed_ = has_failed_ || (store_.drafts_take && !store_.drafts_take(bytes_.size()));
            if (has_failed_) co_return false;
            for (const Buffer& piece : pieces) bytes_ += piece.view();
            co_return true;
        }
        Task<Expected<void, ports::StoreError>> finish(core::Core& core, ports::PutOptions options) override {
            EXPECT_FALSE(std::exchange(is_finished_, true)) << "a draft is for one attempt";
            if (has_failed_) co_return fail(error(ports::StoreFault::full, "InternalError"));
            auto body = std::make_shared<ports::MemoryBody>(bytes_);
            co_return co_await store_.put(core, std::move(name_), std::move(body), std::move(options));
        }

    private:
        TestStore& store_;
        ports::ObjectName name_;
        std::string bytes_;
        bool has_failed_ = false;
        bool is_finished_ = false;
    };
    static ports::StoreError error(ports::StoreFault fault, std::string code) {
        ports::StoreError made;
        made.fault = fault;
        made.code = std::move(code);
        made.message = "as the test wants it";
        return made;
    }
    Life& life_;
};

// A stream of Data Streams whose shards a test makes, fills and closes.
class TestSource final : public ports::RecordSource {
public:
    struct Shard {
        ports::SourceShard shown;
        std::deque<std::pair<TimestampMs, std::string>> records;
        std::uint64_t first = 1;
    };
    std::map<std::uint64_t, Shard> by_uid;
    bool is_gone = false;
    std::map<std::uint64_t, ports::SourceFault> faults;  // of the next reads, by shard
    std::size_t reads = 0;

    Shard& add(std::uint64_t uid, std::optional<std::int32_t> parent = {}, std::optional<std::int32_t> adjacent = {}) {
        Shard& shard = by_uid[uid];
        shard.shown.uid = uid;
        shard.shown.index = next_index_++;
        shard.shown.parent = parent;
        shard.shown.adjacent_parent = adjacent;
        return shard;
    }
    void put(std::uint64_t uid, TimestampMs at, std::string data) {
        by_uid.at(uid).records.emplace_back(at, std::move(data));
        wake();
    }
    // Makes all records of the shard expire.
    void expire(std::uint64_t uid) {
        by_uid.erase(uid);
        wake();
    }
    void close(std::uint64_t uid) {
        by_uid.at(uid).shown.is_closed = true;
        wake();
    }

    [[nodiscard]] std::vector<ports::SourceShard> shards() const override {
        std::vector<ports::SourceShard> listing;
        if (is_gone) return listing;
        for (const auto& [uid, shard] : by_uid) listing.push_back(shard.shown);
        return listing;
    }
    Task<Expected<std::uint64_t, ports::SourceFault>> tip(core::Core&, std::uint64_t uid) override {
        co_return next_of(by_uid.at(uid));
    }
    Task<Expected<ports::SourceSlice, ports::SourceFault>> read(core::Core&, std::uint64_t uid, std::uint64_t from,
                                                                std::size_t bytes_max) override {
        ++reads;
        if (is_gone || !by_uid.contains(uid)) co_return fail(ports::SourceFault::gone);
        if (const auto fault = faults.find(uid); fault != faults.end()) co_return fail(fault->second);
        const Shard& shard = by_uid.at(uid);
        ports::SourceSlice slice;
        slice.first = std::max({from, shard.first, std::uint64_t{1}});
        slice.next = slice.first;
        for (; slice.next < next_of(shard); ++slice.next) {
            const auto& [at, data] = shard.records[slice.next - shard.first];
            if (!slice.records.empty() && slice.bytes + data.size() > bytes_max) break;
            slice.records.push_back({slice.next, at, "key", data});
            slice.bytes += data.size();
        }
        slice.at_tip = slice.next == next_of(shard);
        slice.has_ended = slice.at_tip && shard.shown.is_closed;
        co_return slice;
    }
    std::unique_ptr<ports::SourceWatch> watch(core::Core&, std::uint64_t uid, std::uint64_t seen,
                                              std::function<void()> ready) override {
        if (is_gone || !by_uid.contains(uid)) return nullptr;
        const Shard& shard = by_uid.at(uid);
        if (next_of(shard) > seen || shard.shown.is_closed) return nullptr;
        auto watch = std::make_unique<Watch>(*this, std::move(ready));
        watches_.push_back(watch.get());
        return watch;
    }
    [[nodiscard]] std::int64_t retention_ms() const override { return 86'400'000; }

private:
    struct Watch final : ports::SourceWatch {
        Watch(TestSource& s, std::function<void()> r) : source(s), ready(std::move(r)) {}
        ~Watch() override { std::erase(source.watches_, this); }
        TestSource& source;
        std::function<void()> ready;
    };
    static std::uint64_t next_of(const Shard& shard) { return shard.first + shard.records.size(); }
    // A callback without new records arms its watch again.
    void wake() {
        for (Watch* watch : std::exchange(watches_, {})) {
            const auto ready = std::move(watch->ready);
            ready();
        }
    }
    std::vector<Watch*> watches_;
    std::int32_t next_index_ = 0;
};

class TestDirectory final : public ports::StreamDirectory {
public:
    std::shared_ptr<TestSource> stream = std::make_shared<TestSource>();

    [[nodiscard]] Expected<ports::FoundStream, ports::StreamFault> find(std::string_view, const ports::StreamUser&,
                                                                        ports::StreamAccess) const override {
        return fail(ports::StreamFault::missing);
    }
    [[nodiscard]] std::shared_ptr<ports::RecordSource> source(std::uint64_t, const ports::StreamUser&) override {
        return stream;
    }
    [[nodiscard]] std::shared_ptr<ports::RecordSink> sink(std::uint64_t, const ports::StreamUser&) override {
        return nullptr;
    }
};

}  // namespace riacho::firehose
