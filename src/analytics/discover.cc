#include "analytics/discover.h"

#include <algorithm>
#include <map>
#include <utility>

#include "aws/gen/analytics_v2/errors.gen.h"
#include "base/try.h"
#include "core/run_on.h"
#include "core/task.h"
#include "core/timer.h"
#include "formats/kpl.h"
#include "ports/record_source.h"
#include "sql/record/discover.h"

namespace riacho::analytics {

namespace errors = api::analytics_v2::errors;

namespace {

constexpr std::size_t sample_records_max = 100;
constexpr std::size_t sample_bytes_max = 1 << 20;
constexpr std::uint64_t newest_records_max = 100;  // of each shard
constexpr std::int64_t wait_ms_max = 3'000;
constexpr std::int64_t wait_step_ms = 100;

struct Sample {
    std::vector<std::string> records;
    std::size_t bytes = 0;
    [[nodiscard]] bool is_full() const { return records.size() >= sample_records_max || bytes >= sample_bytes_max; }
    void add(std::string_view record) {
        if (is_full()) return;
        records.emplace_back(record);
        bytes += record.size();
    }
};

using Positions = std::map<std::uint64_t, std::uint64_t>;  // of shards, by uid

Result<void> to_result(ports::SourceFault fault, std::string_view arn) {
    switch (fault) {
        case ports::SourceFault::gone:
        case ports::SourceFault::denied:
            return fail(errors::resource_not_found(arn, ""));
        case ports::SourceFault::key:
        case ports::SourceFault::overloaded:
        case ports::SourceFault::damaged:
            break;
    }
    return fail(errors::discovery_unavailable());
}

// Reads each shard once, and moves the positions.
Task<Result<void>> read_round(core::Core& core, ports::RecordSource& source, std::string_view arn, Positions& positions,
                              Sample& sample) {
    for (auto& [uid, next] : positions) {
        if (sample.is_full()) break;
        const auto slice = co_await source.read(core, uid, next, sample_bytes_max / 4);
        if (!slice) {
            CO_TRY_VOID(to_result(slice.error(), arn));
            continue;
        }
        next = slice->next;
        for (const ports::SourceRecord& record : slice->records) {
            const auto aggregate = formats::parse_kpl(record.data);
            if (!aggregate) sample.add(record.data);
            for (const formats::KplRecord& inner : aggregate.value_or(std::vector<formats::KplRecord>())) {
                sample.add(inner.data);
            }
        }
    }
    co_return Result<void>();
}

Task<Result<void>> sample_newest(core::Core& core, ports::RecordSource& source, std::string_view arn, Positions tips,
                                 Sample& sample) {
    Positions positions = tips;
    for (int i = 0; i < wait_ms_max / wait_step_ms && sample.records.empty(); ++i) {
        CO_TRY_VOID(co_await read_round(core, source, arn, positions, sample));
        if (sample.records.empty()) co_await core::sleep(core, wait_step_ms);
    }
    if (!sample.records.empty()) co_return Result<void>();
    for (auto& [uid, next] : tips) next -= std::min(next - 1, newest_records_max);
    co_return co_await read_round(core, source, arn, tips, sample);
}

aws::ApiError not_detected(std::string_view text, std::vector<std::string> raw) {
    aws::ApiError error = errors::schema_not_detected(text);
    error.lists.push_back({"RawInputRecords", std::move(raw)});
    error.lists.push_back({"ProcessedInputRecords", {}});
    return error;
}

SourceSchema to_settings(const sql::RecordSchema& found) {
    SourceSchema schema;
    schema.format = found.format == sql::RecordFormat::csv ? RecordFormat::csv : RecordFormat::json;
    schema.has_parameters = true;
    schema.row_path = found.row_path;
    schema.row_delimiter = found.row_delimiter;
    schema.column_delimiter = found.column_delimiter;
    schema.encoding = "UTF-8";
    for (const sql::RecordColumn& column : found.columns) {
        SchemaColumn& told = schema.columns.emplace_back();
        told.name = column.name;
        if (found.format == sql::RecordFormat::json) told.mapping = column.mapping;
        told.sql_type = sql::type_text(column.type);
    }
    return schema;
}

}  // namespace

Task<Result<DiscoveredSchema>> discover_schema(AnalyticsOp op, DiscoverRequest request) {
    if (request.stream_arn.has_value() == request.has_s3) co_return fail(errors::one_source_to_discover());
    if (request.has_s3) co_return fail(errors::feature_not_supported("S3Configuration (discovery from an object)"));
    if (request.has_processor) {
        co_return fail(errors::feature_not_supported("InputProcessingConfiguration (pre-processing with Lambda)"));
    }
    const std::string arn(*request.stream_arn);
    const ports::StreamUser user{std::string(op.account()), std::string(op.context().user())};
    const auto found = op.service().streams.find(arn, user, ports::StreamAccess::read);
    if (!found) co_return fail(errors::arn_invalid(arn, "stream that can be read"));
    const auto source = op.service().streams.source(found->uid, user);
    Positions positions;
    for (const ports::SourceShard& shard : source->shards()) {
        std::uint64_t from = 1;
        if (request.position != Position::trim_horizon) {
            const auto tip = co_await source->tip(op.core(), shard.uid);
            if (!tip) continue;
            from = *tip;
        }
        positions[shard.uid] = from;
    }
    Sample sample;
    if (request.position == Position::trim_horizon) {
        CO_TRY_VOID(co_await read_round(op.core(), *source, arn, positions, sample));
    } else {
        CO_TRY_VOID(co_await sample_newest(op.core(), *source, arn, positions, sample));
    }
    if (sample.records.empty()) co_return fail(not_detected("No records were found in the source.", {}));
    const std::vector<std::string_view> views(sample.records.begin(), sample.records.end());
    const auto detect = [&views] { return sql::discover_schema(views); };
    auto ran = co_await core::run_on(op.service().cpu, op.core(), detect);
    if (!ran) co_return fail(errors::overloaded());
    auto& detected = *ran;
    if (!detected) {
        co_return fail(not_detected("The records have no format that is known.", std::move(sample.records)));
    }
    DiscoveredSchema result;
    result.schema = to_settings(detected->schema);
    for (auto& row : detected->rows) {
        auto& told = result.parsed.emplace_back();
        for (auto& value : row) told.push_back(value ? std::move(*value) : std::string());
    }
    result.raw = std::move(sample.records);
    co_return result;
}

}  // namespace riacho::analytics
