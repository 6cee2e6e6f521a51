// Policy: a resource policy, the JSON text by which a stream or a consumer is shared with other accounts.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace riacho::aws {

// A caller, an action and a resource.
struct PolicyQuestion {
    std::string_view account;
    std::string_view user;
    std::string_view action;    // "kinesis:PutRecord"
    std::string_view resource;  // an ARN
};

enum class PolicyAnswer : std::uint8_t { allow, deny, silent };

// A policy in the subset of IAM's language that suits one's own server: Effect, Principal, Action and Resource with the
// wildcards * and ?. An Allow with another element (Condition, NotPrincipal, NotAction, NotResource) allows nothing; a
// Deny with one denies every request.
class Policy {
public:
    // The error is a sentence for the client that sent the policy.
    static Expected<Policy, std::string> parse(std::string_view json);

    // A matching Deny outweighs every Allow.
    [[nodiscard]] PolicyAnswer ask(const PolicyQuestion& question) const;
    // The first Resource that does not cover this ARN ("*" and prefixes do), and the first action that is not in
    // `allowed`, if there is one.
    [[nodiscard]] std::optional<std::string_view> resource_other_than(std::string_view arn) const;
    [[nodiscard]] std::optional<std::string_view> action_outside(std::span<const std::string_view> allowed) const;

private:
    struct Statement {
        bool allows = false;
        bool understood = true;
        std::vector<std::string> principals;
        std::vector<std::string> actions;
        std::vector<std::string> resources;
    };

    std::vector<Statement> statements_;
};

// Matches * with any text, ? with any one character.
bool matches_wildcards(std::string_view pattern, std::string_view text);

}  // namespace riacho::aws
