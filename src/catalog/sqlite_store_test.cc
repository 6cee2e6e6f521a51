#include "catalog/sqlite_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include "catalog/command.h"
#include "catalog/queue_progress.h"

namespace riacho::catalog {
namespace {

// SQLite's own file system with a limit of bytes to write, beyond which writes fail as on a full disk. For one database
// at a time.
class FullDisk {
public:
    FullDisk() {
        real_ = sqlite3_vfs_find(nullptr);
        vfs_ = *real_;
        vfs_.zName = "riacho-full-disk";
        vfs_.xOpen = &open;
        sqlite3_vfs_register(&vfs_, 1);
        left_ = -1;
    }
    ~FullDisk() {
        sqlite3_vfs_unregister(&vfs_);
        sqlite3_vfs_register(real_, 1);
    }
    // Sets how many bytes may still be written; negative: no limit.
    static void leave(std::int64_t bytes) { left_ = bytes; }

private:
    static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
        const int code = real_->xOpen(vfs, name, file, flags, out_flags);
        if (code != SQLITE_OK) return code;
        // Database and journal files have different method tables.
        const auto [known, is_new] = methods_.try_emplace(file->pMethods, *file->pMethods);
        if (is_new) {
            write_ = known->second.xWrite;
            known->second.xWrite = &write;
        }
        file->pMethods = &known->second;
        return code;
    }
    static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
        if (left_ >= 0 && (left_ -= size) < 0) {
            left_ = 0;
            return SQLITE_FULL;
        }
        return write_(file, data, size, at);
    }

    static inline sqlite3_vfs* real_ = nullptr;
    static inline sqlite3_vfs vfs_;
    static inline std::map<const sqlite3_io_methods*, sqlite3_io_methods> methods_;
    static inline int (*write_)(sqlite3_file*, const void*, int, sqlite3_int64) = nullptr;
    static inline std::int64_t left_ = -1;
};

StoreUpdate streams_with_tags(std::uint64_t count) {
    State state;
    StoreUpdate update;
    for (std::uint64_t i = 0; i < count; ++i) {
        CreateStream command;
        command.key = {"000000000000", "us-east-1", "s" + std::to_string(i)};
        command.tags["t"] = std::string(4'000, 'x');
        static_cast<void>(apply(state, command, TimestampMs(1'700'000'000'000)));
    }
    for (const auto& stream : state.snapshot->all_streams()) update.streams.emplace_back(stream->uid, stream);
    update.next_uid = state.next_uid;
    update.applied_lsn = 64;
    update.counts = {count, 0, 0, 0};
    return update;
}

// A transaction that exceeds SQLite's cache writes in the middle of a statement; the statements that follow must not
// hide its error: a full disk is waited for, a failing disk ends the process.
TEST(SqliteStore, a_disk_that_fills_inside_a_statement_is_full_and_not_failing) {
    char directory[] = "/tmp/riacho-store-XXXXXX";
    const std::string path = std::string(mkdtemp(directory)) + "/catalog.sqlite";
    const FullDisk disk;
    auto store = SqliteStore::open(path);
    ASSERT_TRUE(store) << store.error().message;
    const StoreUpdate update = streams_with_tags(500);  // 2 MB
    for (const std::int64_t left : {0, 4'096, 65'536, 700'000, 1'500'000}) {
        FullDisk::leave(left);
        const auto written = store->write(update);
        ASSERT_FALSE(written) << left;
        EXPECT_EQ(written.error().kind, StoreError::Kind::full) << left << " " << written.error().message;
        EXPECT_NE(written.error().message.find("full"), std::string::npos) << written.error().message;
    }
    FullDisk::leave(-1);
    const auto written = store->write(update);
    ASSERT_TRUE(written) << written.error().message;
    const auto loaded = store->load();
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->state.snapshot->stream_count(), 500U);
    std::filesystem::remove_all(directory);
}

std::string text_of(const Loaded& loaded) {
    std::string text;
    for (const auto& stream : loaded.state.snapshot->all_streams()) text += encode(*stream);
    for (const auto& credential : loaded.state.snapshot->credentials()) text += encode(*credential);
    for (const auto& object : loaded.state.snapshot->objects()) text += encode(*object);
    loaded.state.snapshot->progress().for_each([&](const ProgressKey& key, const ProgressValue& value) {
        text += key.key + *value;
        return true;
    });
    return text;
}

// The transaction by which a start converts a database of an older version.
StoreUpdate all_of(const Loaded& loaded) {
    const Snapshot& snapshot = *loaded.state.snapshot;
    StoreUpdate update;
    for (const auto& object : snapshot.objects()) update.objects.emplace_back(object->uid, object);
    snapshot.progress().for_each([&](const ProgressKey& key, const ProgressValue& value) {
        update.progress.emplace_back(key, value);
        return true;
    });
    update.next_uid = loaded.state.next_uid;
    update.next_object_uid = loaded.state.next_object_uid;
    update.applied_lsn = loaded.applied_lsn;
    update.counts = {snapshot.stream_count(), snapshot.credential_count(), snapshot.object_count(),
                     snapshot.progress().size()};
    return update;
}

TEST(SqliteStore, a_database_of_version_1_is_read_and_becomes_one_of_version_2) {
    char directory[] = "/tmp/riacho-store-XXXXXX";
    const std::string path = mkdtemp(directory);
    const std::string unpack = "tar -xJf tests/golden/data-directory-v1.tar.xz -C " + path;
    ASSERT_EQ(std::system(unpack.c_str()), 0) << "tests run in the root of the repository";
    std::string before;
    {
        auto store = SqliteStore::open(path + "/catalog.sqlite");
        ASSERT_TRUE(store) << store.error().message;
        const auto loaded = store->load();
        ASSERT_TRUE(loaded) << loaded.error().message;
        EXPECT_TRUE(loaded->is_old);
        const Snapshot& snapshot = *loaded->state.snapshot;
        const auto queue = snapshot.find_object(ObjectState::Kind::queue, "000000000000", "us-east-1", "jobs");
        ASSERT_NE(queue, nullptr);
        EXPECT_EQ(queue->tags.at("env"), "golden");
        EXPECT_EQ(queue->version, 1U);
        EXPECT_EQ(snapshot.object_count(), 2U);
        EXPECT_EQ(snapshot.credential_count(), 1U);
        // Fifteen records are done, one of them dead; later records are only in the journal.
        std::uint64_t done = 0;
        std::uint64_t dead = 0;
        for (const ShardState& shard : snapshot.find_by_uid(queue->stream_uid)->shards) {
            const QueueShardView view(snapshot.progress(), queue->uid, shard.uid);
            done += view.done_between(1, 100);
            dead += view.dead_count();
        }
        EXPECT_EQ(done, 15U);
        EXPECT_EQ(dead, 1U);
        before = text_of(*loaded);
        const auto written = store->write(all_of(*loaded));
        ASSERT_TRUE(written) << written.error().message;
    }
    auto store = SqliteStore::open(path + "/catalog.sqlite");
    ASSERT_TRUE(store) << store.error().message;
    const auto loaded = store->load();
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_FALSE(loaded->is_old);
    EXPECT_EQ(text_of(*loaded), before);
    EXPECT_TRUE(store->check());
    std::filesystem::remove_all(directory);
}

// A backup locks the catalog of a server that was killed while it recovers its write-ahead log; the server starts
// again.
TEST(Store, that_somebody_else_recovers_is_waited_for) {
    char name[] = "/tmp/riacho-store-XXXXXX";
    const std::string directory = mkdtemp(name);
    const std::string path = directory + "/catalog.sqlite";
    ASSERT_TRUE(SqliteStore::open(path));
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
    const char* const lock = "PRAGMA locking_mode=EXCLUSIVE; BEGIN IMMEDIATE; CREATE TABLE other(a); COMMIT;";
    ASSERT_EQ(sqlite3_exec(other, lock, nullptr, nullptr, nullptr), SQLITE_OK);
    std::thread release([other] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        sqlite3_close(other);
    });
    const auto store = SqliteStore::open(path);
    EXPECT_TRUE(store) << (store ? "" : store.error().message);
    release.join();
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace riacho::catalog
