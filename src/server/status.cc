#include "server/status.h"

#include <fmt/format.h>

#include "catalog/catalog.h"
#include "cli/progress.h"
#include "core/memory_budget.h"
#include "core/memory_release.h"
#include "core/metrics.h"
#include "core/work_pool.h"
#include "http/server.h"
#include "server/version.h"

namespace riacho::server {

std::pair<std::string, bool> health_page(const log::Stats& stats, const core::NodeClock::Stats& clock,
                                         const Config& config) {
    const bool able = stats.state == log::StoreState::ok;
    std::string text = fmt::format(
        R"({{"status":"{}","version":"{}","durability":"{}","store":"{}","auth":"{}","damaged_shards":{},)"
        R"("clock_ahead_ms":{},"retention_waits_ms":{}}})",
        able ? "ok" : "degraded", version, to_string(stats.durability), to_string(stats.state),
        config.auth == AuthMode::sigv4 ? "sigv4" : "off", stats.damaged_shards, clock.ahead_ms, clock.gap_ms);
    return {std::move(text) + "\n", able};
}

std::pair<std::string, bool> readiness_page(const Readiness& readiness) {
    const bool ready = readiness.log == log::StoreState::ok && !readiness.catalog_failed && !readiness.is_stopping;
    return {fmt::format(R"({{"status":"{}","log":"{}","catalog":"{}","stopping":{}}})"
                        "\n",
                        ready ? "ready" : "not ready", to_string(readiness.log),
                        readiness.catalog_failed ? "failed" : "ok", readiness.is_stopping),
            ready};
}

std::string liveness_page() { return "{\"status\":\"live\"}\n"; }

void collect_log(const log::LocalLog& log, core::MetricsWriter& writer) {
    using Kind = core::MetricsWriter::Kind;
    const log::Stats stats = log.stats();
    const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
        writer.family(name, Kind::counter, help);
        writer.sample({}, value);
    };
    const auto gauge = [&](std::string_view name, std::string_view help, std::uint64_t value) {
        writer.family(name, Kind::gauge, help);
        writer.sample({}, value);
    };
    writer.family("riacho_durability_info", Kind::gauge, "The durability mode in force");
    writer.sample({{"mode", to_string(stats.durability)}}, std::uint64_t{1});
    writer.family("riacho_store_state", Kind::gauge, "1 for the present state of the store");
    for (const auto state :
         {log::StoreState::ok, log::StoreState::disk_low, log::StoreState::disk_full, log::StoreState::failed}) {
        writer.sample({{"state", to_string(state)}}, std::uint64_t{stats.state == state});
    }
    gauge("riacho_journal_durable_lsn", "Journal position up to which everything is durable",
          stats.durable_lsn.value());
    gauge("riacho_journal_checkpoint_lsn", "Journal position up to which everything is in segments",
          stats.checkpoint_lsn.value());
    gauge("riacho_journal_queue_frames", "Batches waiting for the journal", stats.queue_frames);
    gauge("riacho_journal_queue_bytes", "Bytes waiting for the journal", stats.queue_bytes);
    gauge("riacho_journal_files", "Journal files on disk", stats.journal_files);
    counter("riacho_journal_groups_total", "Commit groups, each one durable write", stats.groups);
    counter("riacho_journal_frames_total", "Frames written to the journal", stats.frames);
    counter("riacho_journal_bytes_total", "Bytes written to the journal, with headers and padding",
            stats.journal_bytes);
    counter("riacho_segment_bytes_total", "Bytes written to segments", stats.segment_bytes);
    counter("riacho_records_total", "Records appended", stats.records);
    counter("riacho_payload_bytes_total", "Partition keys and data appended", stats.payload_bytes);
    counter("riacho_checkpoints_total", "Checkpoints", stats.checkpoints);
    gauge("riacho_cache_bytes", "Records kept in memory", stats.cached_bytes);
    gauge("riacho_cache_dirty_bytes", "Records in memory that no checkpoint covers", stats.dirty_bytes);
    counter("riacho_reads_from_cache_total", "Reads answered from memory", stats.reads_from_cache);
    counter("riacho_reads_from_disk_total", "Reads that needed segments", stats.reads_from_disk);
    gauge("riacho_shards", "Shards in the log", stats.shards);
    gauge("riacho_damaged_shards", "Shards with records that were lost on disk", stats.damaged_shards);
    gauge("riacho_recovery_truncated_bytes", "Bytes of unacknowledged writes the last start cut off",
          stats.recovery_truncated_bytes);
    gauge("riacho_recovery_replayed_bytes", "Journal bytes the last start replayed", stats.recovery_replayed_bytes);
    writer.family("riacho_journal_sync_seconds", Kind::histogram, "Duration of the durable writes");
    writer.histogram({}, log.sync_histogram());
}

void collect_memory(const core::MemoryBudget& budget, std::size_t limit, core::MetricsWriter& writer) {
    using Kind = core::MetricsWriter::Kind;
    const auto each = [&](const auto& value) {
        for (std::size_t i = 0; i < core::memory_use_count; ++i) {
            const auto use = static_cast<core::MemoryUse>(i);
            writer.sample({{"use", core::to_string(use)}}, std::uint64_t{value(use)});
        }
    };
    writer.family("riacho_memory_limit_bytes", Kind::gauge, "Memory limit of the process");
    writer.sample({}, std::uint64_t{limit});
    writer.family("riacho_memory_resident_bytes", Kind::gauge, "Resident memory of the process");
    writer.sample({}, std::uint64_t{core::resident_bytes()});
    writer.family("riacho_memory_share_bytes", Kind::gauge, "Memory share of each use");
    each([&](core::MemoryUse use) { return budget.share(use); });
    writer.family("riacho_memory_used_bytes", Kind::gauge, "Memory taken by each use");
    each([&](core::MemoryUse use) { return budget.used(use); });
    writer.family("riacho_memory_refused_total", Kind::counter,
                  "Memory requests refused because their share was used up");
    each([&](core::MemoryUse use) { return budget.refused(use); });
}

void collect_clock(const core::NodeClock& clock, core::MetricsWriter& writer) {
    using Kind = core::MetricsWriter::Kind;
    const core::NodeClock::Stats stats = clock.stats();
    writer.family("riacho_clock_jumps_total", Kind::counter, "Steps of the machine's clock of a second or more");
    writer.sample({{"direction", "forward"}}, stats.jumps_forward);
    writer.sample({{"direction", "back"}}, stats.jumps_back);
    const auto seconds = [&](std::string_view name, std::string_view help, std::int64_t value_ms) {
        writer.family(name, Kind::gauge, help);
        writer.sample({}, static_cast<double>(value_ms) / 1000);
    };
    seconds("riacho_clock_ahead_seconds", "How far node time is ahead of the machine's clock", stats.ahead_ms);
    seconds("riacho_retention_waits_seconds", "Length of the gaps in node time, by which retention is delayed",
            stats.gap_ms);
}

void collect_pools(std::span<const core::WorkPool* const> pools, core::MetricsWriter& writer) {
    writer.family("riacho_work_queued", core::MetricsWriter::Kind::gauge, "Queued work, by thread pool");
    for (const core::WorkPool* pool : pools)
        writer.sample({{"pool", pool->name()}}, std::uint64_t{pool->stats().queued});
    writer.family("riacho_work_refused_total", core::MetricsWriter::Kind::counter,
                  "Work refused because the queue was full, by thread pool");
    for (const core::WorkPool* pool : pools) writer.sample({{"pool", pool->name()}}, pool->stats().refused);
}

void collect_http(const http::ServerStats& stats, core::MetricsWriter& writer) {
    using Kind = core::MetricsWriter::Kind;
    writer.family("riacho_http_connections", Kind::gauge, "Open connections");
    writer.sample({}, stats.connections_open);
    writer.family("riacho_http_connections_total", Kind::counter, "Accepted connections");
    writer.sample({}, stats.connections_accepted);
    writer.family("riacho_http_requests_total", Kind::counter, "HTTP requests");
    writer.sample({}, stats.requests);
    writer.family("riacho_http_refused_total", Kind::counter, "Connections and requests refused, by reason");
    const auto refused = [&](std::string_view reason, std::uint64_t value) {
        writer.sample({{"reason", reason}}, value);
    };
    refused("connections_max", stats.refused_connections_max);
    refused("per_address", stats.refused_per_address);
    refused("tls_failed", stats.tls_failed);
    refused("timeout_handshake", stats.timeout_handshake);
    refused("timeout_head", stats.timeout_head);
    refused("timeout_body", stats.timeout_body);
    refused("timeout_write", stats.timeout_write);
    refused("head_too_large", stats.head_too_large);
    refused("body_too_large", stats.body_too_large);
    refused("bad_request", stats.bad_request);
    refused("shed", stats.shed);
    refused("h2_protocol_error", stats.h2_protocol_errors);
    refused("h2_flood", stats.h2_floods);
}

Expected<void, StartError> check_shards_agree(const catalog::Catalog& catalog, const log::LocalLog& log,
                                              const std::string& directory) {
    std::size_t known = 0;
    std::size_t missing = 0;
    const auto count = [&](std::uint64_t uid) {
        ++known;
        if (!log.last_known(log::ShardUid(uid))) ++missing;
    };
    const auto snapshot = catalog.snapshot();
    for (const auto& stream : snapshot->all_streams()) {
        for (const catalog::ShardState& shard : stream->shards) count(shard.uid);
    }
    for (const auto& object : snapshot->objects()) {
        for (const catalog::OwnedShard& shard : object->shards) count(shard.uid);
    }
    const std::size_t present = log.stats().shards;
    if (missing == 0 && present == known) return {};
    return fail(StartError{
        exit_damaged,
        fmt::format("the catalog in {} knows {}, {} of them not in the log, which has {}: one of the two was "
                    "lost or comes from elsewhere",
                    directory, cli::count_of(known, "shard"), missing, present)});
}

}  // namespace riacho::server
