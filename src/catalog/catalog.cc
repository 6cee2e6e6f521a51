#include "catalog/catalog.h"

#include <iterator>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "base/try.h"
#include "core/file_exists.h"
#include "core/log.h"
#include "core/thread.h"

namespace riacho::catalog {
namespace {

// Time for which changes are gathered before they are written; a restart replays unwritten changes from the journal.
constexpr std::int64_t gather_ms = 200;
constexpr std::int64_t full_retry_ms = 1'000;

std::uint64_t next_catalog_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

// Changes that are not written yet, each key once. publish() adds to them under the lock, so an addition costs O(log n)
// in the number of unwritten changes.
struct Unwritten {
    std::set<std::uint64_t> streams;
    std::set<std::string> access_keys;
    std::set<std::uint64_t> objects;
    std::set<ProgressKey> progress;
    std::set<std::uint64_t> owners;
    bool ended_names = false;
    bool key_check = false;

    void add(Changes&& changes) {
        streams.insert(changes.streams.begin(), changes.streams.end());
        move_into(access_keys, changes.access_keys);
        objects.insert(changes.objects.begin(), changes.objects.end());
        move_into(progress, changes.progress);
        owners.insert(changes.owners.begin(), changes.owners.end());
        ended_names |= changes.ended_names;
    }
    void add(Unwritten&& others) {
        streams.merge(others.streams);
        access_keys.merge(others.access_keys);
        objects.merge(others.objects);
        progress.merge(others.progress);
        owners.merge(others.owners);
        ended_names |= others.ended_names;
        key_check |= others.key_check;
    }

private:
    template <class T>
    static void move_into(std::set<T>& to, std::vector<T>& from) {
        to.insert(std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    }
};

// The content of the next Feed.
struct Unpublished {
    std::set<std::uint64_t> streams;
    std::set<std::uint64_t> objects;
};

RowCounts counts_of(const Snapshot& snapshot) {
    return {snapshot.stream_count(), snapshot.credential_count(), snapshot.object_count(), snapshot.progress().size()};
}

}  // namespace

struct Catalog::Impl {
    std::string path;
    std::function<void(std::string_view)> on_failure;
    std::function<void(const Feed&)> on_publish;
    std::optional<SqliteStore> store;  // used only by the writing thread once that runs

    // Used only by the applying thread.
    State head;
    Unwritten unpublished;
    Unpublished feed;
    std::uint64_t head_lsn = 0;
    bool changed = false;

    Mutex mutex;
    Condition wake;
    std::shared_ptr<const Snapshot> visible GUARDED_BY(mutex);
    Unwritten dirty GUARDED_BY(mutex);
    std::optional<std::uint32_t> key_check GUARDED_BY(mutex);
    std::uint64_t visible_lsn GUARDED_BY(mutex) = 0;
    std::uint64_t visible_next_uid GUARDED_BY(mutex) = 1;
    std::uint64_t visible_next_object_uid GUARDED_BY(mutex) = first_object_uid;
    bool must_upgrade GUARDED_BY(mutex) = false;  // the database has the format of an older version
    bool hurry GUARDED_BY(mutex) = false;
    bool closing GUARDED_BY(mutex) = false;
    std::atomic<std::uint64_t> applied_lsn{0};
    std::thread writer;

    void write_loop();
    // Marks everything for one transaction, which rewrites a database of an older version.
    void mark_all_dirty() REQUIRES(mutex);
    [[nodiscard]] bool has_work() const REQUIRES(mutex) {
        return visible_lsn != applied_lsn.load() || dirty.key_check || must_upgrade;
    }
    Expected<void, StoreError> write(const Unwritten& changes, const Snapshot& snapshot, StoreUpdate update);
};

Expected<void, StoreError> Catalog::Impl::write(const Unwritten& changes, const Snapshot& snapshot,
                                                StoreUpdate update) {
    if (!store) {
        TRY(auto opened, SqliteStore::open(path));
        store.emplace(std::move(opened));
    }
    for (const std::uint64_t uid : changes.streams) update.streams.emplace_back(uid, snapshot.find_by_uid(uid));
    for (const std::string& key : changes.access_keys)
        update.credentials.emplace_back(key, snapshot.find_credential(key));
    for (const std::uint64_t uid : changes.objects) update.objects.emplace_back(uid, snapshot.find_object(uid));
    update.ended_owners.assign(changes.owners.begin(), changes.owners.end());
    for (const ProgressKey& key : changes.progress) {
        const ProgressValue* value = snapshot.progress().find(key);
        update.progress.emplace_back(key, value == nullptr ? nullptr : *value);
    }
    update.counts = counts_of(snapshot);
    if (changes.ended_names) update.ended_names = encode(snapshot.ended_names());
    return store->write(update);
}

void Catalog::Impl::write_loop() {
    bool is_full = false;
    for (;;) {
        Unwritten changes;
        std::shared_ptr<const Snapshot> snapshot;
        StoreUpdate update;
        {
            const MutexLock lock(mutex);
            while (!has_work() && !closing) wake.wait(mutex);
            if (!hurry && !closing) wake.wait_for_ms(mutex, gather_ms);
            if (!has_work()) {
                if (closing) return;
                continue;
            }
            hurry = false;
            changes = std::exchange(dirty, {});
            snapshot = visible;
            update.next_uid = visible_next_uid;
            update.next_object_uid = visible_next_object_uid;
            update.applied_lsn = visible_lsn;
            update.key_check = key_check;
        }
        const std::uint64_t lsn = update.applied_lsn;
        const auto written = write(changes, *snapshot, std::move(update));
        if (written) {
            applied_lsn = lsn;
            is_full = false;
            const MutexLock lock(mutex);
            must_upgrade = false;
            continue;
        }
        // No change is lost: the journal keeps every change that the database lacks, and the next start replays it.
        if (written.error().kind != StoreError::Kind::full) return on_failure(written.error().message);
        if (!std::exchange(is_full, true)) {
            core::log_line(core::LogLevel::error, "disk full, the catalog stays in the journal",
                           {{"error", written.error().message}});
        }
        const MutexLock lock(mutex);
        dirty.add(std::move(changes));
        if (closing) return;
        wake.wait_for_ms(mutex, full_retry_ms);
    }
}

void Catalog::Impl::mark_all_dirty() {
    for (const auto& object : head.snapshot->objects()) dirty.objects.insert(object->uid);
    std::set<ProgressKey> rows;
    head.snapshot->progress().for_each([&rows](const ProgressKey& key, const ProgressValue&) {
        rows.insert(key);
        return true;
    });
    dirty.progress = std::move(rows);
    must_upgrade = true;
}

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)), id_(next_catalog_id()) {
    impl_->writer = std::thread([impl = impl_.get()] {
        core::begin_thread("catalog");
        impl->write_loop();
    });
}

Catalog::~Catalog() { close(); }

Expected<std::unique_ptr<Catalog>, StoreError> Catalog::open(const std::string& directory,
                                                             std::function<void(std::string_view)> on_failure) {
    auto impl = std::make_unique<Impl>();
    impl->path = directory + "/catalog.sqlite";
    impl->on_failure = std::move(on_failure);
    if (core::file_exists(impl->path)) {
        TRY(auto store, SqliteStore::open(impl->path));
        TRY(auto loaded, store.load());
        impl->store.emplace(std::move(store));
        impl->head = std::move(loaded.state);
        impl->head_lsn = loaded.applied_lsn;
        impl->applied_lsn = loaded.applied_lsn;
        const MutexLock lock(impl->mutex);
        impl->key_check = loaded.key_check;
        if (loaded.is_old) impl->mark_all_dirty();
    }
    {
        const MutexLock lock(impl->mutex);
        impl->visible = impl->head.snapshot;
        impl->visible_lsn = impl->head_lsn;
        impl->visible_next_uid = impl->head.next_uid;
        impl->visible_next_object_uid = impl->head.next_object_uid;
    }
    return std::unique_ptr<Catalog>(new Catalog(std::move(impl)));
}

Prepared Catalog::prepare(std::string_view command) const {
    auto decoded = decode_command(command);
    if (!decoded) return {};
    Prepared prepared{.command = *std::move(decoded)};
    prepared.may_end_shards = catalog::may_end_shards(*prepared.command);
    prepare_again(prepared);
    return prepared;
}

void Catalog::prepare_again(Prepared& prepared) const {
    if (prepared.command) prepared.effects_max = catalog::effects_max(impl_->head, *prepared.command);
}

Outcome Catalog::apply(std::uint64_t lsn, const Prepared& prepared, TimestampMs now) {
    if (!prepared.command) return {false, {Verdict::Code::stream_missing, StreamStatus::active, 0, {}}, {}, {}};
    Outcome outcome = catalog::apply(impl_->head, *prepared.command, now);
    if (outcome.accepted) {
        RIACHO_CHECK(prepared.may_end_shards || (outcome.effects.close.empty() && outcome.effects.drop.empty()),
                     "a command ends shards and did not say so");
        impl_->feed.streams.insert(outcome.changes.streams.begin(), outcome.changes.streams.end());
        impl_->feed.objects.insert(outcome.changes.objects.begin(), outcome.changes.objects.end());
        impl_->unpublished.add(Changes(outcome.changes));
        impl_->head_lsn = lsn;
        impl_->changed = true;
    }
    return outcome;
}

bool Catalog::replay(std::uint64_t lsn, std::string_view command, TimestampMs now) {
    if (lsn <= impl_->head_lsn) return true;
    const Prepared prepared{prepare(command)};
    // A command in the journal was accepted, and applying it to the same state accepts it again.
    return prepared.command && apply(lsn, prepared, now).accepted;
}

void Catalog::publish() {
    if (!std::exchange(impl_->changed, false)) return;
    {
        const MutexLock lock(impl_->mutex);
        impl_->visible = impl_->head.snapshot;
        impl_->visible_lsn = impl_->head_lsn;
        impl_->visible_next_uid = impl_->head.next_uid;
        impl_->visible_next_object_uid = impl_->head.next_object_uid;
        impl_->dirty.add(std::exchange(impl_->unpublished, {}));
    }
    version_.fetch_add(1, std::memory_order_release);
    impl_->wake.notify_one();
    const Unpublished feed = std::exchange(impl_->feed, {});
    if (!impl_->on_publish || (feed.streams.empty() && feed.objects.empty())) return;
    impl_->on_publish(Feed{{feed.streams.begin(), feed.streams.end()}, {feed.objects.begin(), feed.objects.end()}});
}

std::shared_ptr<const Snapshot> Catalog::snapshot() const {
    struct Seen {
        std::uint64_t catalog = 0;
        std::uint64_t version = 0;
        std::shared_ptr<const Snapshot> snapshot;
    };
    thread_local Seen seen;
    const std::uint64_t version = version_.load(std::memory_order_acquire);
    if (seen.catalog != id_ || seen.version != version) {
        const MutexLock lock(impl_->mutex);
        seen = {id_, version, impl_->visible};
    }
    return seen.snapshot;
}

std::optional<std::uint32_t> Catalog::key_check() const {
    const MutexLock lock(impl_->mutex);
    return impl_->key_check;
}

void Catalog::set_key_check(std::uint32_t value) {
    const MutexLock lock(impl_->mutex);
    impl_->key_check = value;
    // A directory without a database gets one with its first command.
    impl_->dirty.key_check = impl_->visible_lsn != 0;
    impl_->wake.notify_one();
}

std::uint64_t Catalog::applied_lsn() const { return impl_->applied_lsn.load(); }

void Catalog::request_materialise() {
    const MutexLock lock(impl_->mutex);
    impl_->hurry = true;
    impl_->wake.notify_one();
}

void Catalog::on_publish(std::function<void(const Feed&)> callback) { impl_->on_publish = std::move(callback); }

void Catalog::close() {
    {
        const MutexLock lock(impl_->mutex);
        impl_->closing = true;
        impl_->wake.notify_one();
    }
    if (impl_->writer.joinable()) impl_->writer.join();
}

}  // namespace riacho::catalog
