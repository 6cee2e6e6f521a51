// The encodings of commands and states, the catalog and its database, and the keyring.
#include "catalog/catalog.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "catalog/detail/test_commands.h"
#include "catalog/keyring.h"
#include "core/rng.h"

namespace riacho::catalog {
namespace {

using test::create;
using test::now;
using test::orders;

class Directory {
public:
    Directory() {
        char name[] = "/tmp/riacho-catalog-XXXXXX";
        path_ = mkdtemp(name);
    }
    ~Directory() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

std::unique_ptr<Catalog> open(const std::string& directory) {
    auto catalog = Catalog::open(directory, [](std::string_view reason) { FAIL() << reason; });
    EXPECT_TRUE(catalog) << catalog.error().message;
    return *std::move(catalog);
}

Outcome submit(Catalog& catalog, std::uint64_t lsn, const Command& command) {
    return catalog.apply(lsn, catalog.prepare(encode(command)), now);
}

ObjectState an_object() {
    ObjectState object;
    object.kind = ObjectState::Kind::queue;
    object.uid = first_object_uid + 3;
    object.account = "1";
    object.region = "r";
    object.name = "q";
    object.arn = "arn";
    object.version = 2;
    object.stream_uid = 7;
    object.created_at = now;
    object.wake_at = TimestampMs(now.value() + 5);
    object.settings = "s";
    object.tags = {{"a", "b"}};
    object.shards = {{5, ShardClass::records}, {6, ShardClass::media}};
    return object;
}

std::vector<Command> one_of_each() {
    return {create(3),
            DeleteStream{orders, 20, true},
            PurgeStream{7},
            SetRetention{orders, 48, SetRetention::Direction::decrease, {{5, 99}}},
            AddTags{orders, {{"a", "b"}, {"c", ""}}},
            RemoveTags{orders, {"a", "c"}},
            PutCredential{{"AKIA1", "111111111111", "ana", std::string("\0\1", 2), now}, true},
            RemoveUser{"ana"},
            Reshard{orders, {PendingReshard::Kind::split, 1, 2, U128{3} << 100, 4}, 20},
            ContinueReshard{7},
            RegisterConsumer{orders, "c1", {{"a", "b"}}, 20, 20},
            DeregisterConsumer{orders, "c1", 20},
            ConfigureStream{orders, 20, StreamMode::on_demand, 2048, 10, Distribution::automatic, 3, 4, "alias/k",
                            "sealed", "{}"},
            ConfigureStream{orders, -1, {}, {}, {}, {}, 0, 0, {}, {}, {}},
            ConfigureConsumer{orders, "c1", "{}", {{"a", "b"}}, {"c"}},
            CreateObject{an_object(), {ShardClass::records, ShardClass::media}, {{"k", "v"}}, 5, 20},
            ReplaceObjects{{{{7, ""}, 3, "new", 20, now, {ShardClass::media}, {5, 6}, {}},
                            {{0, "arn"}, 0, "", -1, {}, {}, {}, Tags{{"a", "b"}}}}},
            TagObject{{7, ""}, {{"a", "b"}}, {"c"}},
            DeleteObject{{7, ""}, 2, 20},
            PurgeObject{{7, ""}},
            MoveProgress{{{7, 1, {{"k", "old", "new"}, {"l", {}, {}}}, {{5, 9}}}, {8, 0, {}, {}}}},
            ForgetShards{3, {4, 5}},
            QueueProgress{"arn", {{QueueProgress::Action::restore, 5, 9}}}};
}

TEST(Command, survives_its_encoding) {
    for (const Command& command : one_of_each()) {
        const auto decoded = decode_command(encode(command));
        ASSERT_TRUE(decoded) << decoded.error().what;
        EXPECT_EQ(*decoded, command);
    }
}

TEST(Command, cut_short_or_with_more_behind_it_is_refused) {
    for (const Command& command : one_of_each()) {
        const std::string bytes = encode(command);
        for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_command(bytes.substr(0, size)));
        EXPECT_FALSE(decode_command(bytes + '\0'));
    }
    EXPECT_FALSE(decode_command("\x63\x01"));
}

TEST(Model, a_stream_survives_its_encoding_and_a_changed_byte_never_crashes) {
    State state;
    static_cast<void>(apply(state, create(4), now));
    const auto stream = state.snapshot->find(orders.account, orders.region, orders.name);
    const std::string bytes = encode(*stream);
    const auto decoded = decode_stream(bytes);
    ASSERT_TRUE(decoded) << decoded.error().what;
    EXPECT_EQ(*decoded, *stream);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::string changed = bytes;
        changed[i] = static_cast<char>(changed[i] ^ 0x40);
        const auto result = decode_stream(changed);
        if (result) EXPECT_EQ(encode(*result), changed) << "byte " << i;
    }
}

TEST(Catalog, shows_a_change_only_after_publish) {
    const Directory directory;
    const auto catalog = open(directory.path());
    ASSERT_TRUE(submit(*catalog, 64, create(2)).accepted);
    EXPECT_EQ(catalog->snapshot()->stream_count(), 0U);
    catalog->publish();
    EXPECT_EQ(catalog->snapshot()->stream_count(), 1U);
}

TEST(Catalog, comes_back_from_its_database_and_replays_only_what_it_lacks) {
    const Directory directory;
    std::string before;
    {
        const auto catalog = open(directory.path());
        static_cast<void>(submit(*catalog, 64, create(2)));
        static_cast<void>(submit(*catalog, 128, PutCredential{{"AKIA1", "1", "ana", "s", {}}, false}));
        catalog->publish();
        before = encode(*catalog->snapshot()->find(orders.account, orders.region, orders.name));
        catalog->close();
        EXPECT_EQ(catalog->applied_lsn(), 128U);
    }
    const auto catalog = open(directory.path());
    EXPECT_EQ(catalog->applied_lsn(), 128U);
    EXPECT_TRUE(catalog->replay(64, encode(Command(create(2))), now));
    EXPECT_TRUE(catalog->replay(128, "whatever: it was loaded", now));
    EXPECT_TRUE(catalog->replay(192, encode(Command(AddTags{orders, {{"late", "1"}}})), now));
    EXPECT_FALSE(catalog->replay(256, "\x7F\x01 from the future", now));
    EXPECT_EQ(encode(*catalog->snapshot()->find(orders.account, orders.region, orders.name)), before);
    catalog->publish();
    EXPECT_EQ(catalog->snapshot()->find(orders.account, orders.region, orders.name)->tags.size(), 2U);
    EXPECT_NE(catalog->snapshot()->find_credential("AKIA1"), nullptr);
}

TEST(Catalog, tells_what_a_publish_has_changed_and_nothing_when_only_progress_moved) {
    const Directory directory;
    const auto catalog = open(directory.path());
    std::vector<Feed> told;
    catalog->on_publish([&](const Feed& feed) { told.push_back(feed); });
    CreateStream active = create(1);
    active.transition_ms = 0;
    static_cast<void>(submit(*catalog, 64, active));
    static_cast<void>(submit(*catalog, 128, AddTags{orders, {{"x", "y"}}}));
    CreateObject queue;
    queue.object = an_object();
    queue.object.stream_uid = 1;
    queue.progress = {{"k", "1"}};
    const Outcome made = submit(*catalog, 192, queue);
    ASSERT_TRUE(made.accepted) << static_cast<int>(made.verdict.code);
    catalog->publish();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].streams, std::vector<std::uint64_t>{1});
    EXPECT_EQ(told[0].objects, std::vector<std::uint64_t>{first_object_uid});
    ASSERT_TRUE(submit(*catalog, 256, MoveProgress{{{first_object_uid, 0, {{"k", "1", "2"}}, {}}}}).accepted);
    catalog->publish();
    catalog->publish();
    EXPECT_EQ(told.size(), 1U);
    EXPECT_EQ(**catalog->snapshot()->progress().find(ProgressKey{first_object_uid, "k"}), "2");
    catalog->on_publish({});
}

TEST(Catalog, objects_and_progress_come_back_from_the_database) {
    const Directory directory;
    const auto open_again = [&] { return open(directory.path()); };
    std::uint64_t uid = 0;
    {
        const auto catalog = open_again();
        static_cast<void>(submit(*catalog, 64, create(1)));
        CreateObject wanted;
        wanted.object = an_object();
        wanted.object.stream_uid = 0;
        wanted.object.kind = ObjectState::Kind::channel;
        wanted.shards = {ShardClass::media};
        wanted.progress = {{"a", "1"}, {"b", "2"}};
        const Outcome made = submit(*catalog, 128, wanted);
        ASSERT_TRUE(made.accepted);
        EXPECT_EQ(made.effects.create.size(), 1U);
        catalog->publish();
        uid = catalog->snapshot()->objects().front()->uid;
        ASSERT_TRUE(submit(*catalog, 192, MoveProgress{{{uid, 0, {{"a", {}, {}}, {"c", {}, "3"}}, {}}}}).accepted);
        catalog->publish();
    }
    {
        const auto catalog = open_again();
        const auto snapshot = catalog->snapshot();
        ASSERT_NE(snapshot->find_object(uid), nullptr);
        EXPECT_EQ(snapshot->find_object(uid)->shards.front().shard_class, ShardClass::media);
        EXPECT_EQ(snapshot->progress().size(), 2U);
        EXPECT_EQ(**snapshot->progress().find(ProgressKey{uid, "c"}), "3");
        ASSERT_TRUE(submit(*catalog, 256, DeleteObject{{uid, ""}, 0, 0}).accepted);
        const Outcome purged = submit(*catalog, 320, PurgeObject{{uid, ""}});
        ASSERT_TRUE(purged.accepted);
        EXPECT_EQ(purged.effects.drop.size(), 1U);
        catalog->publish();
    }
    const auto catalog = open_again();
    EXPECT_EQ(catalog->snapshot()->object_count(), 0U);
    EXPECT_TRUE(catalog->snapshot()->progress().empty());
    CreateObject again;
    again.object = an_object();
    again.object.stream_uid = 0;
    ASSERT_TRUE(submit(*catalog, 384, again).accepted);
    catalog->publish();
    EXPECT_EQ(catalog->snapshot()->objects().front()->uid, uid + 1) << "a uid is never used again";
}

TEST(Catalog, a_database_of_a_later_version_is_refused_with_both_versions) {
    const Directory directory;
    {
        const auto catalog = open(directory.path());
        static_cast<void>(submit(*catalog, 64, create(1)));
        catalog->publish();
    }
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((directory.path() + "/catalog.sqlite").c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version = 7", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
    const auto catalog = Catalog::open(directory.path(), [](std::string_view) {});
    ASSERT_FALSE(catalog);
    EXPECT_EQ(catalog.error().kind, StoreError::Kind::unknown_format);
    EXPECT_NE(catalog.error().message.find("format 7"), std::string::npos) << catalog.error().message;
    EXPECT_NE(catalog.error().message.find("1 to 2"), std::string::npos) << catalog.error().message;
}

TEST(Catalog, new_numbers_go_on_after_a_restart) {
    const Directory directory;
    std::uint64_t last = 0;
    for (int i = 0; i < 3; ++i) {
        const auto catalog = open(directory.path());
        CreateStream command = create(2);
        command.key.name = "s" + std::to_string(i);
        const Outcome outcome = submit(*catalog, 64 * (static_cast<std::uint64_t>(i) + 1), command);
        EXPECT_GT(outcome.effects.create.front().uid, last);
        last = outcome.effects.create.back().uid;
        catalog->publish();
    }
}

TEST(Catalog, a_damaged_row_is_named_not_served) {
    const Directory directory;
    {
        const auto catalog = open(directory.path());
        static_cast<void>(submit(*catalog, 64, create(2)));
        catalog->publish();
    }
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((directory.path() + "/catalog.sqlite").c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, "UPDATE streams SET crc = crc + 1", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
    const auto catalog = Catalog::open(directory.path(), [](std::string_view) {});
    ASSERT_FALSE(catalog);
    EXPECT_EQ(catalog.error().kind, StoreError::Kind::damaged);
}

// Everything that a catalog returns, as text; empty when the catalog cannot be opened.
std::string answers(const std::string& directory) {
    const auto catalog = Catalog::open(directory, [](std::string_view) {});
    if (!catalog) return {};
    std::string text = std::to_string((*catalog)->applied_lsn());
    for (const auto& stream : (*catalog)->snapshot()->all_streams()) text += encode(*stream);
    for (const auto& object : (*catalog)->snapshot()->objects()) text += encode(*object);
    (*catalog)->snapshot()->progress().for_each([&](const ProgressKey& key, const ProgressValue& value) {
        text += key.key + *value;
        return true;
    });
    for (const std::string key : {"AKIA1", "AKIA2"}) {
        const auto credential = (*catalog)->snapshot()->find_credential(key);
        text += credential == nullptr ? "none" : encode(*credential);
    }
    CreateStream next = create(1);
    next.key.name = "next";
    return text + std::to_string(submit(**catalog, 1 << 20, next).effects.create.front().uid);
}

TEST(Catalog, a_changed_byte_of_the_database_never_gives_a_wrong_answer) {
    const Directory directory;
    {
        const auto catalog = open(directory.path());
        std::uint64_t lsn = 0;
        for (int i = 0; i < 3; ++i) {
            CreateStream command = create(4);
            command.key.name = "s" + std::to_string(i);
            static_cast<void>(submit(*catalog, lsn += 64, command));
        }
        for (const std::string key : {"AKIA1", "AKIA2"}) {
            const PutCredential put{{key, "1", key, "sealed", {}}, false};
            static_cast<void>(submit(*catalog, lsn += 64, put));
        }
        catalog->publish();
    }
    const std::string path = directory.path() + "/catalog.sqlite";
    const std::string before = answers(directory.path());
    ASSERT_FALSE(before.empty());
    std::string original(std::filesystem::file_size(path), '\0');
    std::ifstream(path, std::ios::binary).read(original.data(), static_cast<std::streamsize>(original.size()));
    const auto restore = [&](std::string_view content) {
        for (const char* beside : {"-wal", "-shm"}) std::filesystem::remove(path + beside);
        std::ofstream(path, std::ios::binary) << content;
    };
    int noticed = 0;
    for (std::size_t at = 0; at < original.size(); at += original[at] == 0 ? 31 : 1) {
        std::string changed = original;
        changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
        restore(changed);
        const std::string after = answers(directory.path());
        if (after.empty()) {
            ++noticed;
        } else {
            ASSERT_TRUE(after == before) << "byte " << at;
        }
    }
    EXPECT_GT(noticed, 300);
    for (std::size_t size = 0; size < original.size(); size += 512) {
        restore(std::string_view(original).substr(0, size));
        const std::string after = answers(directory.path());
        ASSERT_TRUE(after.empty() || after == before || size == 0) << "cut to " << size;
    }
}

TEST(Keyring, keeps_its_key_and_binds_secrets_to_their_access_key) {
    const Directory directory;
    core::SystemRng rng;
    const std::string path = directory.path() + "/keyring";
    EXPECT_FALSE(Keyring::open(path, false, rng));
    const auto made = Keyring::open(path, true, rng);
    ASSERT_TRUE(made) << made.error().message;
    const auto again = Keyring::open(path, false, rng);
    ASSERT_TRUE(again);
    EXPECT_EQ(made->derive("x"), again->derive("x"));
    EXPECT_NE(made->derive("x"), made->derive("y"));
    const std::string sealed = made->seal_secret("AKIA1", "secret", rng);
    EXPECT_EQ(again->open_secret("AKIA1", sealed), "secret");
    EXPECT_FALSE(again->open_secret("AKIA2", sealed));
    std::filesystem::permissions(path, std::filesystem::perms(0644));
    EXPECT_FALSE(Keyring::open(path, false, rng));
}

}  // namespace
}  // namespace riacho::catalog
