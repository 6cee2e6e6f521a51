#include "cli/shards.h"

#include <fmt/format.h>

#include "base/try.h"
#include "cli/json.h"

namespace riacho::cli {

CallError not_json() { return {"", "the reply is not JSON: is this a Kinesis endpoint?"}; }

Expected<std::vector<std::string>, CallError> list_shards(KinesisClient& client, const std::string& stream) {
    std::vector<std::string> ids;
    std::string body = fmt::format(R"({{"StreamName":{}}})", json_quoted(stream));
    while (!body.empty()) {
        TRY(const std::string reply, client.call_patiently("ListShards", body));
        body.clear();
        wire::Document document;
        if (!document.parse(wire::Format::json, reply)) return fail(not_json());
        const Nodes nodes = document.nodes();
        each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
            if (key == "NextToken") body = fmt::format(R"({{"NextToken":{}}})", json_quoted(nodes[value].view()));
            if (key != "Shards") return;
            for (std::size_t i = value + 1; i < node_after(nodes, value); i = node_after(nodes, i)) {
                ids.emplace_back(text_member(nodes, i, "ShardId"));
            }
        });
    }
    return ids;
}

}  // namespace riacho::cli
