#include "catalog/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <map>

#include "catalog/command.h"

namespace riacho::catalog {
namespace {

// SQLite's own file system, until writes are allowed no more: then each is answered as a full disk answers it. For one
// database at a time.
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
    // How many bytes may still be written; negative: any number.
    static void leave(std::int64_t bytes) { left_ = bytes; }

private:
    static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
        const int code = real_->xOpen(vfs, name, file, flags, out_flags);
        if (code != SQLITE_OK) return code;
        // Databases and journals have methods of their own.
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
    return update;
}

// A transaction that does not fit SQLite's cache writes in the middle of a statement; the statements that follow must
// not hide what went wrong there: a full disk is waited for, a failing one ends the process.
TEST(Store, a_disk_that_fills_inside_a_statement_is_full_and_not_failing) {
    char directory[] = "/tmp/riacho-store-XXXXXX";
    const std::string path = std::string(mkdtemp(directory)) + "/catalog.sqlite";
    const FullDisk disk;
    auto store = Store::open(path);
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

}  // namespace
}  // namespace riacho::catalog
