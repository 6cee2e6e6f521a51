// Fuzzes recovery: a start on a store with arbitrarily changed files of journal and segments never crashes or hangs,
// and never returns a record that was not written.
#include <array>
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
    // The journal, a segment of the checkpoint, and a segment that only references in the journal name.
    std::array<std::string, 3> paths;
    std::array<std::vector<std::byte>, 3> contents;
};

Options options() {
    Options options = TestNode::small_options();
    options.large_bytes_min = 4096;
    return options;
}

const Base& base() {
    static const Base* made = [] {
        core::configure_log(core::LogLevel::error, core::LogFormat::logfmt);
        auto* b = new Base;
        static_cast<void>(b->fs.mkdir("/"));
        TestNode node(b->fs, b->clock, b->applier, options());
        static_cast<void>(node.command("create 1 2"));
        for (int i = 0; i < 4; ++i) static_cast<void>(node.append(1, {"good", "good"}));
        node.checkpoint();
        for (int i = 0; i < 2; ++i) static_cast<void>(node.append(2, std::vector<std::string>(300, "good")));
        for (int i = 0; i < 2; ++i) static_cast<void>(node.append(2, {"good"}));
        b->paths = {"/store/journal/" + journal_file_name(node.store.journal.generation()),
                    "/store/" + shard_directory(ShardUid(1)) + "/" + segment_file_name(SeqIx(1)),
                    "/store/" + shard_directory(ShardUid(2)) + "/" + segment_file_name(SeqIx(1))};
        for (std::size_t i = 0; i < b->paths.size(); ++i) b->contents[i] = b->fs.content(b->paths[i]).value();
        return b;
    }();
    return *made;
}

}  // namespace

// Input: runs of {file u8, offset u16, length u8, bytes}.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Base& b = base();
    const auto disk = b.fs.clone();
    disk->crash({});
    auto contents = b.contents;
    while (size > 4) {
        auto& file = contents[data[0] % contents.size()];
        const std::size_t place = static_cast<std::size_t>(data[1]) | (static_cast<std::size_t>(data[2]) << 8);
        const std::size_t length = std::min<std::size_t>(data[3], size - 4);
        for (std::size_t i = 0; i < length; ++i) {
            if (place + i < file.size()) file[place + i] = static_cast<std::byte>(data[4 + i]);
        }
        data += 4 + length;
        size -= 4 + length;
    }
    for (std::size_t i = 0; i < contents.size(); ++i) disk->set_content(b.paths[i], contents[i]);
    TestApplier applier = b.applier;
    core::ManualClock clock{TimestampMs(1'700'000'000'000)};
    TestNode node(*disk, clock, applier, options());
    if (!node.is_open()) return 0;
    for (const std::uint64_t uid : {1U, 2U}) {
        for (const TestRecord& record : node.read_all(uid)) {
            if (record.data != "good") __builtin_trap();
        }
    }
    return 0;
}
