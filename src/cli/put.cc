// `riacho put`: records from the command line, from a file, or from the lines of standard input.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <system_error>

#include "base/base64.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/kinesis_client.h"
#include "cli/progress.h"
#include "cli/put_batch.h"
#include "core/rng.h"

namespace riacho::cli {
namespace {

class Putter {
public:
    Putter(KinesisClient client, const PutRequest& request)
        : client_(std::move(client)), request_(request), batch_(client_, request.stream) {}

    int run() {
        const bool from_lines = request_.data.empty() && request_.file.empty();
        if (!from_lines) {
            batch_.name_entries("record");
            batch_.on_put(
                [](std::string_view shard, std::string_view number) { fmt::print("{} {}\n", shard, number); });
        }
        const auto done = from_lines ? put_lines() : request_.file.empty() ? put_data() : put_file();
        const bool complete = done && interrupted() == 0;
        if (!complete) {
            report(done ? "interrupted" : done.error());
            const std::string written = batch_.records() == 0   ? "no record was"
                                        : batch_.records() == 1 ? "1 record was"
                                                                : fmt::format("{} records were", batch_.records());
            fmt::print(stderr, "{} written{}\n", written,
                       batch_.is_split() ? ", and perhaps some of the last call" : "");
            return done ? exit_interrupted() : exit_failure;
        }
        if (from_lines) fmt::print(stderr, "{}\n", count_of(batch_.records(), "record"));
        return exit_ok;
    }

private:
    // AWS spreads records with different keys over the shards.
    Expected<void, std::string> add(std::string_view data, std::uint64_t number) {
        const std::string key = request_.key.empty() ? rng_.uuid() : request_.key;
        std::optional<std::string_view> hash_key;
        if (!request_.hash_key.empty()) hash_key = request_.hash_key;
        std::string entry = put_entry(key, encode_base64(data), hash_key);
        if (!batch_.has_room_for(entry.size())) TRY_VOID(batch_.send());
        batch_.add(std::move(entry), number);
        return {};
    }

    Expected<void, std::string> put_data() {
        for (std::size_t i = 0; i < request_.data.size() && interrupted() == 0; ++i)
            TRY_VOID(add(request_.data[i], i + 1));
        return batch_.send();
    }

    Expected<void, std::string> put_file() {
        TRY(const Descriptor file, open_input(request_.file));
        std::string data;
        constexpr std::size_t piece_size = std::size_t{256} << 10;
        for (;;) {
            const std::size_t before = data.size();
            data.resize(before + piece_size);
            const ssize_t size = ::read(file.get(), data.data() + before, piece_size);
            if (size < 0 && errno != EINTR) {
                return fail(fmt::format("cannot read {}: {}", request_.file, std::generic_category().message(errno)));
            }
            data.resize(before + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
            if (size == 0) break;
            if (data.size() > record_size_max) return fail(request_.file + " is longer than a record can be, 10 MiB");
            if (interrupted() != 0) return {};
        }
        TRY_VOID(add(data, 1));
        return batch_.send();
    }

    // Lines go out together as far as they are there: a line that is typed goes at once.
    Expected<void, std::string> put_lines() {
        TRY(const Descriptor in, open_input("-"));
        LineReader lines(in.get());
        std::string line;
        for (std::uint64_t number = 1;; ++number) {
            const auto step = lines.next(line);
            if (step == LineReader::Step::end || step == LineReader::Step::interrupted) break;
            if (step == LineReader::Step::failed) {
                return fail("cannot read standard input: " + std::generic_category().message(errno));
            }
            if (step == LineReader::Step::too_long) return fail(fmt::format("line {} is longer than 16 MiB", number));
            TRY_VOID(add(line, number));
            if (!lines.is_ready()) TRY_VOID(batch_.send());
            if (interrupted() != 0) return {};
        }
        return interrupted() == 0 ? batch_.send() : Expected<void, std::string>();
    }

    static constexpr std::size_t record_size_max = std::size_t{10} << 20;

    KinesisClient client_;
    const PutRequest& request_;
    PutBatch batch_;
    core::SystemRng rng_;
};

}  // namespace

int put(const PutRequest& request) {
    auto endpoint = resolve_endpoint(request.client);
    if (!endpoint) {
        report(endpoint.error());
        return exit_usage;
    }
    watch_interrupts();
    return Putter(KinesisClient(*std::move(endpoint)), request).run();
}

}  // namespace riacho::cli
