// `riacho streams`: the streams of a region.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/kinesis_client.h"
#include "cli/progress.h"
#include "cli/shards.h"

namespace riacho::cli {
namespace {

// AWS: [a-zA-Z0-9_.-]{1,128}. Names are printed on terminals, and shells expand completed words.
bool is_stream_name(std::string_view name) {
    constexpr std::size_t size_max = 128;
    return !name.empty() && name.size() <= size_max && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
               c == '-';
    });
}

Expected<std::vector<std::string>, CallError> list_streams(KinesisClient& client) {
    std::vector<std::string> names;
    std::string body = "{}";
    bool is_sound = true;
    while (!body.empty() && interrupted() == 0) {
        TRY(const std::string reply, client.call_patiently("ListStreams", body));
        body.clear();
        wire::Document document;
        if (!document.parse(wire::Format::json, reply)) return fail(not_json());
        const Nodes nodes = document.nodes();
        bool has_more = false;
        const std::size_t before = names.size();
        each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
            if (key == "HasMoreStreams")
                has_more = nodes[value].kind == wire::NodeKind::boolean && nodes[value].boolean;
            if (key != "StreamNames") return;
            for (std::size_t i = value + 1; i < node_after(nodes, value); i = node_after(nodes, i)) {
                is_sound = is_sound && nodes[i].kind == wire::NodeKind::text && is_stream_name(nodes[i].view());
                if (is_sound) names.emplace_back(nodes[i].view());
            }
        });
        if (!is_sound)
            return fail(CallError{"", "the reply has a name that no stream has: is this a Kinesis endpoint?"});
        // An empty page would be asked for again without end.
        if (has_more && names.size() == before) {
            return fail(CallError{"", "a page of the list is empty although there are more streams"});
        }
        if (has_more) {
            body = fmt::format(R"({{"ExclusiveStartStreamName":{}}})", json_quoted(names.back()));
        }
    }
    return names;
}

struct Summary {
    std::string arn;
    std::string status;
    std::string mode;
    std::int64_t shards = 0;
    std::int64_t retention_hours = 0;
    std::int64_t consumers = 0;
};

Expected<Summary, CallError> describe(KinesisClient& client, const std::string& stream) {
    TRY(const std::string reply,
        client.call_patiently("DescribeStreamSummary", fmt::format(R"({{"StreamName":{}}})", json_quoted(stream))));
    wire::Document document;
    if (!document.parse(wire::Format::json, reply)) return fail(not_json());
    const Nodes nodes = document.nodes();
    Summary summary;
    each_member(nodes, 0, [&](std::string_view outer, std::size_t at) {
        if (outer != "StreamDescriptionSummary") return;
        summary.arn = text_member(nodes, at, "StreamARN");
        summary.status = text_member(nodes, at, "StreamStatus");
        each_member(nodes, at, [&](std::string_view key, std::size_t value) {
            if (key == "StreamModeDetails") summary.mode = text_member(nodes, value, "StreamMode");
            if (nodes[value].kind != wire::NodeKind::integer) return;
            if (key == "OpenShardCount") summary.shards = nodes[value].integer;
            if (key == "RetentionPeriodHours") summary.retention_hours = nodes[value].integer;
            if (key == "ConsumerCount") summary.consumers = nodes[value].integer;
        });
    });
    return summary;
}

int print(KinesisClient& client, const StreamsRequest& request, const std::vector<std::string>& names) {
    std::size_t width = 6;
    for (const std::string& name : names) width = std::max(width, name.size());
    if (!request.names && !request.json) {
        fmt::print("{:<{}}  {:<8}  {:<11}  {:>6}  {:>9}  {:>9}\n", "STREAM", width, "STATUS", "MODE", "SHARDS",
                   "RETENTION", "CONSUMERS");
    }
    for (const std::string& name : names) {
        if (interrupted() != 0) return exit_interrupted();
        if (request.names) {
            fmt::print("{}\n", name);
            continue;
        }
        const auto summary = describe(client, name);
        if (!summary && summary.error().type == "ResourceNotFoundException") continue;  // deleted meanwhile
        if (!summary) return report(summary.error().describe());
        if (request.json) {
            fmt::print(R"({{"StreamName":{},"StreamARN":{},"StreamStatus":{},"StreamMode":{},"OpenShardCount":{},)"
                       R"("RetentionPeriodHours":{},"ConsumerCount":{}}})"
                       "\n",
                       json_quoted(name), json_quoted(summary->arn), json_quoted(summary->status),
                       json_quoted(summary->mode), summary->shards, summary->retention_hours, summary->consumers);
        } else {
            fmt::print("{:<{}}  {:<8}  {:<11}  {:>6}  {:>8}h  {:>9}\n", name, width, summary->status, summary->mode,
                       summary->shards, summary->retention_hours, summary->consumers);
        }
    }
    return exit_ok;
}

}  // namespace

int streams(const StreamsRequest& request) {
    auto endpoint = resolve_endpoint(request.client);
    if (!endpoint) {
        report(endpoint.error());
        return exit_usage;
    }
    const std::string where = fmt::format("{} at {}", endpoint->region, endpoint->url.host_and_port());
    watch_interrupts();
    KinesisClient client(*std::move(endpoint));
    const auto names = list_streams(client);
    if (interrupted() != 0) return exit_interrupted();
    if (!names) return report(names.error().describe());
    if (names->empty()) {
        // Not among the output of programs.
        if (!request.names && !request.json) fmt::print(stderr, "there are no streams in {}\n", where);
        return exit_ok;
    }
    return print(client, request, *names);
}

}  // namespace riacho::cli
