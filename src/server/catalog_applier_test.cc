// The catalog and the log, connected as in a node.
#include "server/catalog_applier.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "catalog/catalog.h"
#include "core/clock.h"
#include "core/rng.h"
#include "io/file_system.h"
#include "log/directory.h"
#include "log/local_log.h"

namespace riacho::server {
namespace {

using Direction = catalog::SetRetention::Direction;

class CatalogApplierTest : public testing::Test {
protected:
    CatalogApplierTest() { open(); }
    ~CatalogApplierTest() override {
        close();
        std::filesystem::remove_all(directory_);
    }

    void open() {
        lock_ = *log::Directory::open(directory_, neighbours_, io::posix_file_system());
        catalog_ = *catalog::Catalog::open(directory_, [](std::string_view reason) { FAIL() << reason; });
        applier_ = std::make_unique<CatalogApplier>(*catalog_);
        log_ = *log::LocalLog::open({}, *lock_, clock_, rng_, *applier_);
        catalog_->publish();
        applier_->own_retention(*log_);
    }
    void close() {
        log_->close();
        catalog_->close();
        log_.reset();
        catalog_.reset();
        lock_.reset();
    }
    void submit(catalog::Command command) {
        const auto result = log_->submit_and_wait(catalog::encode(command));
        ASSERT_TRUE(result && result->accepted);
    }
    void set_retention(std::int32_t hours, Direction direction) {
        catalog::SetRetention command;
        command.key = key_;
        command.hours = hours;
        command.direction = direction;
        submit(command);
    }
    // The retention of the stream's shards, in hours.
    std::vector<std::int64_t> retentions() {
        std::vector<std::int64_t> hours;
        for (const auto& shard : catalog_->snapshot()->find(key_.account, key_.region, key_.name)->shards) {
            hours.push_back(log_->last_known(log::ShardUid(shard.uid))->retention_ms / 3'600'000);
        }
        return hours;
    }

    const catalog::StreamKey key_{"000000000000", "us-east-1", "s"};
    std::string directory_ = [] {
        char name[] = "/tmp/riacho-applier-XXXXXX";
        return std::string(mkdtemp(name));
    }();
    const std::vector<std::string> neighbours_ = {"LOCK", "catalog"};
    std::unique_ptr<log::Directory> lock_;
    core::SystemClock clock_;
    core::SystemRng rng_;
    std::unique_ptr<catalog::Catalog> catalog_;
    std::unique_ptr<CatalogApplier> applier_;
    std::unique_ptr<log::LocalLog> log_;
};

// If callers set the retention after their calls return, an earlier change could overwrite a later one.
TEST_F(CatalogApplierTest, the_log_keeps_records_as_long_as_the_last_command_says_when_its_call_returns) {
    catalog::CreateStream create;
    create.key = key_;
    create.arn = "arn";
    create.shard_count = 1;
    submit(create);
    EXPECT_EQ(retentions(), (std::vector<std::int64_t>{24}));
    set_retention(48, Direction::increase);
    EXPECT_EQ(retentions(), (std::vector<std::int64_t>{48}));
    set_retention(24, Direction::decrease);
    set_retention(72, Direction::increase);
    EXPECT_EQ(retentions(), (std::vector<std::int64_t>{72}));
    catalog::Reshard split;
    split.key = key_;
    split.plan.new_starting_hash_key = U128{1} << 100;
    submit(split);
    submit(catalog::ContinueReshard{catalog_->snapshot()->find(key_.account, key_.region, key_.name)->uid});
    EXPECT_EQ(retentions(), (std::vector<std::int64_t>{72, 72, 72}));
    close();
    open();
    EXPECT_EQ(retentions(), (std::vector<std::int64_t>{72, 72, 72})) << "after a restart";
}

}  // namespace
}  // namespace riacho::server
