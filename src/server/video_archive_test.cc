// The archive of a video stream over the real log on a disk that loses power: every fragment that was acknowledged is
// there byte for byte, and the index finds it, whatever was lost of the index itself.
#include "video/archive.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <map>

#include "core/clock.h"
#include "core/rng.h"
#include "core/runtime.h"
#include "core/task.h"
#include "io/simulated.h"
#include "log/local_log.h"

namespace riacho::video {
namespace {

constexpr std::uint64_t media_uid = 1;
constexpr std::uint64_t index_uid = 2;

// Creates the two shards with its first command.
class ShardMaker final : public log::CommandApplier {
public:
    std::size_t effects_max(std::string_view) const override { return 2; }
    bool may_end_shards(std::string_view) const override { return true; }
    log::CommandOutcome on_sequenced(log::Lsn lsn, std::string_view, TimestampMs, const log::SequencerView&) override {
        log::CommandOutcome outcome{.accepted = true, .effects = {}, .reply = {}};
        outcome.effects.create.push_back({log::ShardUid(media_uid), log::SeqIx(1), log::ShardClass::media});
        outcome.effects.create.push_back({log::ShardUid(index_uid), log::SeqIx(1), log::ShardClass::records});
        applied_ = lsn;
        return outcome;
    }
    void on_durable(log::Lsn) override {}
    void on_replay(log::Lsn lsn, std::string_view, TimestampMs, const log::SequencerView&) override { applied_ = lsn; }
    log::Lsn applied_lsn() const override { return applied_; }
    void request_materialise() override {}

private:
    log::Lsn applied_;
};

StreamRef stream() {
    auto object = std::make_shared<catalog::ObjectState>();
    object->kind = catalog::ObjectState::Kind::video_stream;
    object->uid = 3;
    object->shards = {{media_uid, catalog::ShardClass::media}, {index_uid, catalog::ShardClass::records}};
    StreamSettings settings;
    settings.retention_hours = 24;
    return {object, settings};
}

std::string payload_of(std::uint64_t sequence) {
    core::SeededRng rng(sequence);
    std::string text(sequence % 7 == 0 && sequence < 100 ? part_size_max + 5'000 : 200 + sequence % 300, '\0');
    rng.fill(std::as_writable_bytes(std::span(text)));
    return text;
}

// The lifetime of one process; the disk outlives it.
class Life {
public:
    Life(io::SimulatedFileSystem& disk, ShardMaker& maker, core::Clock& clock) : clock_(clock) {
        runtime_.start();
        auto directory = log::Directory::open("/store", {}, disk);
        if (!directory) return;
        directory_ = *std::move(directory);
        log::Options options;
        options.journal_file_bytes = 8 << 20;
        options.segment_bytes = 4 << 20;
        auto log = log::LocalLog::open(std::move(options), *directory_, clock_, rng_, maker);
        if (!log) return;
        log_ = *std::move(log);
        archive_ = std::make_shared<Archive>(*log_, clock_, pages_, arrivals_, stream());
    }
    ~Life() {
        if (log_) log_->close();
        runtime_.stop();
    }
    [[nodiscard]] bool is_open() const { return archive_ != nullptr; }
    log::LocalLog& log() { return *log_; }
    Archive& archive() { return *archive_; }

    template <class Make>
    void run(Make make) {
        std::promise<void> done;
        core::spawn(runtime_.core(0), [&]() -> Task<void> {
            co_await make(runtime_.core(0));
            done.set_value();
        });
        done.get_future().get();
    }

    // Stores fragments until one is refused; returns the acknowledged sequence numbers.
    std::vector<std::uint64_t> store(std::uint64_t first, std::uint64_t last, bool with_index) {
        std::vector<std::uint64_t> stored;
        run([&](core::Core& core) -> Task<void> {
            for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
                const std::string payload = payload_of(sequence);
                Closing closing;
                closing.entry.sequence = sequence;
                closing.entry.server_ms = clock_.now().value();
                closing.entry.producer_ms = static_cast<std::int64_t>(sequence) * 1'000;
                closing.entry.size = static_cast<std::uint32_t>(payload.size());
                closing.header_size = 10;
                closing.cluster_size = closing.entry.size - 10;
                std::string_view rest = payload;
                Pieces part;
                if (rest.size() > part_size_max) {
                    part.append(as_bytes(rest.substr(0, part_size_max)));
                    rest.remove_prefix(part_size_max);
                    const auto chunk = co_await archive_->append_chunk(core, sequence, 0, part);
                    if (!chunk) co_return;
                    closing.chunks.push_back(*chunk);
                    part.clear();
                }
                part.append(as_bytes(rest));
                closing.entry.crc = crc32c(as_bytes(payload));
                const auto done = co_await archive_->append_closing(core, std::move(closing), part);
                if (!done && done.error() == log::LogError::overloaded) {
                    --sequence;  // the disk is behind: once more
                    continue;
                }
                if (!done) co_return;
                stored.push_back(sequence);
                if (with_index) co_await archive_->write_index(core, Archive::Effort::usual);
            }
        });
        return stored;
    }

    [[nodiscard]] Arrivals& arrivals() { return *arrivals_; }

    std::uint64_t append_index(const IndexRecord& record) {
        const std::string bytes = encode(record);
        log::BatchBuilder builder(0);
        const auto out = builder.add(index_key, nullptr, bytes.size());
        std::memcpy(out.data(), bytes.data(), bytes.size());
        std::uint64_t position = 0;
        run([&](core::Core& core) -> Task<void> {
            const auto appended = co_await log_->append(core, log::ShardUid(index_uid), builder.seal());
            EXPECT_TRUE(appended);
            if (appended) position = appended->first.value();
        });
        return position;
    }
    // Opens the archive as a start does: its state comes from the shards.
    void open_again() { archive_ = std::make_shared<Archive>(*log_, clock_, pages_, arrivals_, stream()); }

    std::vector<FragmentEntry> entries() {
        std::vector<FragmentEntry> all;
        run([&](core::Core& core) -> Task<void> {
            ScanQuery query;
            query.entries_max = 10'000;
            const auto page = co_await archive_->scan(core, query);
            EXPECT_TRUE(page && !page->resume_after);
            if (page) all = page->entries;
        });
        return all;
    }

    // Every fragment that the archive finds, with its bytes.
    std::map<std::uint64_t, std::string> load_all() {
        std::map<std::uint64_t, std::string> found;
        run([&](core::Core& core) -> Task<void> {
            ScanQuery query;
            for (;;) {
                const auto page = co_await archive_->scan(core, query);
                EXPECT_TRUE(page);
                if (!page) co_return;
                for (const FragmentEntry& entry : page->entries) {
                    const auto fragment = co_await archive_->load(core, entry);
                    EXPECT_TRUE(fragment) << entry.sequence;
                    std::string text;
                    if (fragment) {
                        for (const auto* list : {&(*fragment)->header, &(*fragment)->cluster, &(*fragment)->trailing}) {
                            for (const std::string_view piece : *list) text += piece;
                        }
                    }
                    found[entry.sequence] = std::move(text);
                }
                if (!page->resume_after) co_return;
                query.after_sequence = *page->resume_after;
            }
        });
        return found;
    }

private:
    core::Clock& clock_;
    core::SeededRng rng_{1};
    core::Runtime runtime_{1};
    PageCache pages_{16};
    std::shared_ptr<Arrivals> arrivals_ = std::make_shared<Arrivals>();
    std::unique_ptr<log::Directory> directory_;
    std::unique_ptr<log::LocalLog> log_;
    std::shared_ptr<Archive> archive_;
};

// Item 37 of the video specification's conformance list, at every kind of crash.
TEST(VideoArchive, what_was_acknowledged_survives_a_loss_of_power_at_any_write) {
    core::SystemClock clock;
    std::size_t checked = 0;
    for (std::uint64_t round = 0; round < 24; ++round) {
        io::SimulatedFileSystem disk;
        ShardMaker maker;
        std::vector<std::uint64_t> acknowledged;
        {
            Life life(disk, maker, clock);
            ASSERT_TRUE(life.is_open());
            ASSERT_TRUE(life.log().submit_and_wait("create"));
            acknowledged = life.store(1, 10, true);
            disk.power_off_at_change(1 + round * 7);
            const auto more = life.store(11, 60, true);
            acknowledged.insert(acknowledged.end(), more.begin(), more.end());
        }
        const io::CrashPolicy::Kind kinds[] = {io::CrashPolicy::Kind::lose_all, io::CrashPolicy::Kind::keep_all,
                                               io::CrashPolicy::Kind::random};
        disk.crash({.kind = kinds[round % 3], .seed = round});
        Life life(disk, maker, clock);
        ASSERT_TRUE(life.is_open()) << round;
        const auto found = life.load_all();
        for (const std::uint64_t sequence : acknowledged) {
            const auto it = found.find(sequence);
            ASSERT_NE(it, found.end()) << "round " << round << ": " << sequence << " is lost";
            EXPECT_EQ(it->second, payload_of(sequence)) << "round " << round;
            ++checked;
        }
        // A fragment that was not acknowledged may exist, but only whole.
        for (const auto& [sequence, text] : found) EXPECT_EQ(text, payload_of(sequence)) << "round " << round;
    }
    EXPECT_GT(checked, 240U);
}

// The index is derived: entries missing from its shard are read from the media shard.
TEST(VideoArchive, an_index_is_the_same_from_its_shard_from_media_and_from_memory) {
    core::SystemClock clock;
    constexpr std::uint64_t count = 700;  // one page and a part of another
    std::vector<std::map<std::uint64_t, std::string>> views;
    for (const bool with_index : {true, false}) {
        io::SimulatedFileSystem disk;
        ShardMaker maker;
        {
            Life life(disk, maker, clock);
            ASSERT_TRUE(life.log().submit_and_wait("create"));
            ASSERT_EQ(life.store(1, count, with_index).size(), count);
            views.push_back(life.load_all());
            if (with_index) {
                EXPECT_GT(life.log().last_known(log::ShardUid(index_uid))->next, log::SeqIx(150));
            } else {
                EXPECT_EQ(life.log().last_known(log::ShardUid(index_uid))->next, log::SeqIx(1));
            }
        }
        Life life(disk, maker, clock);
        views.push_back(life.load_all());
        life.run([&](core::Core& core) -> Task<void> {
            // Look-ups use pages, and entries that are in no page yet.
            for (const std::uint64_t sequence : {std::uint64_t{1}, std::uint64_t{512}, std::uint64_t{513}, count}) {
                const auto at = co_await life.archive().at(core, sequence);
                EXPECT_TRUE(at && *at && (*at)->sequence == sequence);
                const auto after = co_await life.archive().after(core, sequence - 1);
                EXPECT_TRUE(after && *after && (*after)->sequence == sequence);
                const auto by_producer = co_await life.archive().containing(
                    core, TimeAxis::producer, static_cast<std::int64_t>(sequence) * 1'000);
                EXPECT_TRUE(by_producer && *by_producer && (*by_producer)->sequence == sequence);
            }
            const auto none = co_await life.archive().at(core, count + 1);
            EXPECT_TRUE(none && !*none);
            const auto newest = co_await life.archive().newest(core);
            EXPECT_TRUE(newest && *newest && (*newest)->sequence == count);
        });
    }
    for (const auto& view : views) {
        EXPECT_EQ(view.size(), count);
        EXPECT_EQ(view, views.front());
    }
}

// Years of pages are listed in directories, which a root page lists.
TEST(VideoArchive, pages_are_found_through_directories) {
    core::SystemClock clock;
    io::SimulatedFileSystem disk;
    ShardMaker maker;
    Life life(disk, maker, clock);
    ASSERT_TRUE(life.log().submit_and_wait("create"));
    ASSERT_EQ(life.store(1, 30, false).size(), 30U);
    // The content that the index shard would have with pages of ten entries.
    const auto everything = life.entries();
    std::vector<PageSummary> pages;
    for (std::size_t first = 0; first < 30; first += 10) {
        IndexRecord page;
        page.kind = IndexRecord::Kind::page;
        const auto from = everything.begin() + static_cast<std::ptrdiff_t>(first);
        page.entries.assign(from, from + 10);
        pages.push_back(summary_of(page.entries, life.append_index(page)));
    }
    IndexRecord directory;
    directory.kind = IndexRecord::Kind::directory;
    directory.pages.assign(pages.begin(), pages.begin() + 2);
    const std::uint64_t at = life.append_index(directory);
    IndexRecord root;
    root.kind = IndexRecord::Kind::root;
    root.media_through = everything.back().position;
    root.directories = {summary_of(std::span<const PageSummary>(directory.pages), at)};
    root.pages = {pages.back()};
    root.first_increment = life.append_index(root) + 1;
    life.open_again();
    EXPECT_EQ(life.entries(), everything);
    EXPECT_EQ(life.load_all().size(), 30U);
}

// Unreadable parts of the index are rebuilt from the media.
TEST(VideoArchive, a_damaged_index_is_made_again) {
    core::SystemClock clock;
    io::SimulatedFileSystem disk;
    ShardMaker maker;
    std::vector<FragmentEntry> everything;
    {
        Life life(disk, maker, clock);
        ASSERT_TRUE(life.log().submit_and_wait("create"));
        ASSERT_EQ(life.store(1, 600, true).size(), 600U);
        everything = life.entries();
    }
    bool is_damaged = false;
    for (const std::string& path : disk.paths()) {
        if (!path.contains("/data/") || !path.contains("/0000000000000002/") || !path.ends_with(".rks")) continue;
        auto content = *disk.content(path);
        for (std::size_t at = content.size() / 2; at < content.size() / 2 + 64; ++at) content[at] ^= std::byte{0x55};
        disk.set_content(path, std::move(content));
        is_damaged = true;
    }
    ASSERT_TRUE(is_damaged);
    Life life(disk, maker, clock);
    ASSERT_TRUE(life.is_open());
    EXPECT_EQ(life.entries(), everything);
    EXPECT_EQ(life.store(601, 610, true).size(), 10U);
    EXPECT_EQ(life.entries().size(), 610U);
}

// Two producers: the fragment with the lower number may be stored later, and live readers follow the order of numbers.
TEST(VideoArchive, fragments_that_overlap_are_listed_and_followed_by_number) {
    core::SystemClock clock;
    io::SimulatedFileSystem disk;
    ShardMaker maker;
    Life life(disk, maker, clock);
    ASSERT_TRUE(life.log().submit_and_wait("create"));
    life.arrivals().begin(5);
    life.arrivals().begin(6);
    ASSERT_EQ(life.store(6, 6, true).size(), 1U);
    life.arrivals().end(6);
    life.run([&](core::Core& core) -> Task<void> {
        const auto none = co_await life.archive().next(core, 0, 10);
        EXPECT_TRUE(none && !*none);  // waits for 5
    });
    ASSERT_EQ(life.store(5, 5, true).size(), 1U);
    life.arrivals().end(5);
    life.run([&](core::Core& core) -> Task<void> {
        for (const std::uint64_t sequence : {std::uint64_t{5}, std::uint64_t{6}}) {
            const auto next = co_await life.archive().next(core, sequence - 1, 10);
            EXPECT_TRUE(next && *next && (*next)->sequence == sequence);
        }
    });
    EXPECT_EQ(life.entries().size(), 2U);
}

}  // namespace
}  // namespace riacho::video
