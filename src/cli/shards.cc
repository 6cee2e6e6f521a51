#include "cli/shards.h"

#include <fmt/format.h>

#include <charconv>

#include "base/try.h"
#include "cli/json.h"

namespace riacho::cli {
namespace {

// "shardId-000000000012" is 12.
std::optional<std::int32_t> index_of(std::string_view id) {
    const auto dash = id.rfind('-');
    if (dash == std::string_view::npos) return std::nullopt;
    std::int32_t index = 0;
    const auto [end, fault] = std::from_chars(id.data() + dash + 1, id.data() + id.size(), index);
    if (fault != std::errc() || end != id.data() + id.size()) return std::nullopt;
    return index;
}

ListedShard read_shard(Nodes nodes, std::size_t at) {
    ListedShard shard;
    shard.id = text_member(nodes, at, "ShardId");
    shard.lineage.index = index_of(shard.id).value_or(0);
    shard.lineage.parent = index_of(text_member(nodes, at, "ParentShardId"));
    shard.lineage.adjacent_parent = index_of(text_member(nodes, at, "AdjacentParentShardId"));
    each_member(nodes, at, [&](std::string_view key, std::size_t value) {
        if (key == "HashKeyRange") {
            shard.first_hash_key = parse_u128(text_member(nodes, value, "StartingHashKey")).value_or(0);
            shard.last_hash_key = parse_u128(text_member(nodes, value, "EndingHashKey")).value_or(u128_max);
        }
        if (key == "SequenceNumberRange") {
            shard.first_number = text_member(nodes, value, "StartingSequenceNumber");
            shard.is_closed = !text_member(nodes, value, "EndingSequenceNumber").empty();
        }
    });
    return shard;
}

}  // namespace

CallError not_json() { return {"", "the reply is not JSON: is this a Kinesis endpoint?"}; }

Expected<std::vector<ListedShard>, CallError> list_shards(KinesisClient& client, const std::string& stream) {
    std::vector<ListedShard> shards;
    std::string body = fmt::format(R"({{"StreamName":{}}})", json_quoted(stream));
    while (!body.empty()) {
        TRY(const std::string reply, client.call_patiently("ListShards", body));
        body.clear();
        wire::Document document;
        if (!document.parse(wire::Format::json, reply)) return fail(not_json());
        const Nodes nodes = document.nodes();
        const wire::Node* list = find_member(nodes, 0, "Shards");
        if (list == nullptr || list->kind != wire::NodeKind::array) {
            return fail(CallError{"", "the reply has no Shards: is this a Kinesis endpoint?"});
        }
        each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
            if (key == "NextToken" && nodes[value].kind == wire::NodeKind::text)
                body = fmt::format(R"({{"NextToken":{}}})", json_quoted(nodes[value].view()));
            if (key != "Shards") return;
            for (std::size_t i = value + 1; i < node_after(nodes, value); i = node_after(nodes, i)) {
                shards.push_back(read_shard(nodes, i));
            }
        });
    }
    return shards;
}

}  // namespace riacho::cli
