// Fuzzes recovery: a start on a store with an arbitrarily changed journal file never crashes or hangs, and never
// returns a record that was not written.
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>

#include "core/log.h"
#include "log/detail/test_node.h"

using namespace riacho;
using namespace riacho::log;
using namespace riacho::log::detail;

namespace {

struct Base {
    io::SimulatedFileSystem fs;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestApplier applier;
    std::string journal;
    std::string segment;
    std::vector<std::byte> journal_bytes;
    std::vector<std::byte> segment_bytes;
};

const Base& base() {
    static const Base* made = [] {
        core::configure_log(core::LogLevel::error, core::LogFormat::logfmt);
        auto* b = new Base;
        static_cast<void>(b->fs.mkdir("/"));
        TestNode node(b->fs, b->clock, b->applier);
        static_cast<void>(node.command("create 1 2"));
        for (int i = 0; i < 4; ++i) static_cast<void>(node.append(1, {"good", "good"}));
        node.checkpoint();
        for (int i = 0; i < 2; ++i) static_cast<void>(node.append(2, {"good"}));
        b->journal = "/store/journal/" + journal_file_name(node.store.journal.generation());
        b->segment = "/store/" + shard_directory(ShardUid(1)) + "/" + segment_file_name(SeqIx(1));
        b->journal_bytes = *b->fs.content(b->journal);
        b->segment_bytes = *b->fs.content(b->segment);
        return b;
    }();
    return *made;
}

}  // namespace

// Input: runs of {file and offset u16, length u8, bytes}.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Base& b = base();
    const auto disk = b.fs.clone();
    disk->crash({});
    auto journal = b.journal_bytes;
    auto segment = b.segment_bytes;
    while (size > 3) {
        const std::size_t place = static_cast<std::size_t>(data[0]) | (static_cast<std::size_t>(data[1]) << 8);
        const std::size_t length = std::min<std::size_t>(data[2], size - 3);
        auto& file = (place & 1) != 0 ? segment : journal;
        for (std::size_t i = 0; i < length; ++i) {
            const std::size_t at = place / 2 + i;
            if (at < file.size()) file[at] = static_cast<std::byte>(data[3 + i]);
        }
        data += 3 + length;
        size -= 3 + length;
    }
    disk->set_content(b.journal, journal);
    disk->set_content(b.segment, segment);
    TestApplier applier = b.applier;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestNode node(*disk, clock, applier);
    if (!node.is_open()) return 0;
    for (const std::uint64_t uid : {1U, 2U}) {
        for (const TestRecord& record : node.read_all(uid)) {
            if (record.data != "good") __builtin_trap();
        }
    }
    return 0;
}
