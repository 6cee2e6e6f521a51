// Resource policies: the JSON text that lets other accounts use a stream or a consumer.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace riacho::aws {

// Who asks for what.
struct PolicyQuestion {
    std::string_view account;
    std::string_view user;
    std::string_view action;    // "kinesis:PutRecord"
    std::string_view resource;  // an ARN
};

enum class PolicyAnswer : std::uint8_t { allow, deny, silent };

// A policy as IAM's language has it, as far as it makes sense for one's own server: Effect, Principal, Action and
// Resource with the wildcards * and ?. A statement with anything else (Condition, NotPrincipal, NotAction, NotResource)
// never allows, and denies whatever it could deny.
class Policy {
public:
    // The error is a sentence for the one who put it.
    static Expected<Policy, std::string> parse(std::string_view json);

    // A matching Deny outweighs every Allow.
    [[nodiscard]] PolicyAnswer ask(const PolicyQuestion& question) const;
    // The first Resource that does not cover this ARN ("*" and prefixes do), and the first action that is not among
    // these, if there is one.
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

// * stands for any text, ? for any one character.
bool matches_wildcards(std::string_view pattern, std::string_view text);

}  // namespace riacho::aws
