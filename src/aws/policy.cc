#include "aws/policy.h"

#include <algorithm>

#include "aws/arn.h"
#include "base/try.h"
#include "wire/document.h"

namespace riacho::aws {
namespace {

using wire::Node;
using wire::NodeKind;
using Nodes = std::span<const Node>;

// The index of the node after the one at i and its descendants.
std::size_t after(Nodes nodes, std::size_t i) {
    return nodes[i].is_container() ? static_cast<std::size_t>(nodes[i].end) : i + 1;
}

// Calls visit(key, index of the value) for each member of the object at i; stops at the first false.
template <class Visit>
bool each_member(Nodes nodes, std::size_t i, Visit visit) {
    const std::size_t end = after(nodes, i);
    for (std::size_t at = i + 1; at < end;) {
        const std::string_view key = nodes[at].view();
        if (!visit(key, at + 1)) return false;
        at = after(nodes, at + 1);
    }
    return true;
}

// Reads a text, or an array of texts.
bool read_texts(Nodes nodes, std::size_t i, std::vector<std::string>& out) {
    if (nodes[i].kind == NodeKind::text) {
        out.emplace_back(nodes[i].view());
        return true;
    }
    if (nodes[i].kind != NodeKind::array) return false;
    for (std::size_t at = i + 1; at < after(nodes, i); at = after(nodes, at)) {
        if (nodes[at].kind != NodeKind::text) return false;
        out.emplace_back(nodes[at].view());
    }
    return true;
}

// Reads "*", or {"AWS": ...}; other kinds of principals match no caller.
bool read_principals(Nodes nodes, std::size_t i, std::vector<std::string>& out) {
    if (nodes[i].kind == NodeKind::text) return read_texts(nodes, i, out);
    if (nodes[i].kind != NodeKind::object) return false;
    return each_member(nodes, i, [&](std::string_view key, std::size_t value) {
        return key != "AWS" || read_texts(nodes, value, out);
    });
}

// Whether a principal matches the caller: "*", its account's id or root, or its user.
bool is_principal(std::string_view principal, const PolicyQuestion& question) {
    if (principal == "*" || principal == question.account) return true;
    const auto arn = parse_arn(principal);
    if (!arn || !arn->partition.starts_with("aws") || arn->service != "iam" || !arn->region.empty()) return false;
    if (arn->account != question.account) return false;
    const std::string_view who = arn->resource;
    return who == "root" || (who.starts_with("user/") && who.substr(5) == question.user);
}

// Lower case. AWS: actions are compared without regard to case.
std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c; });
    return out;
}

}  // namespace

bool matches_wildcards(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t retry = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            retry = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

Expected<Policy, std::string> Policy::parse(std::string_view json) {
    wire::Document document;
    if (!document.parse(wire::Format::json, json)) return fail(std::string("The policy is not a JSON object."));
    const Nodes nodes = document.nodes();
    Policy policy;
    std::string problem;
    const auto read_statement = [&](std::size_t i) {
        if (nodes[i].kind != NodeKind::object) {
            problem = "A Statement of the policy is not an object.";
            return false;
        }
        Statement& statement = policy.statements_.emplace_back();
        bool has_effect = false;
        const bool sound = each_member(nodes, i, [&](std::string_view key, std::size_t value) {
            if (key == "Effect") {
                statement.allows = nodes[value].kind == NodeKind::text && nodes[value].view() == "Allow";
                has_effect = nodes[value].kind == NodeKind::text && (statement.allows || nodes[value].view() == "Deny");
                return has_effect;
            }
            if (key == "Principal") return read_principals(nodes, value, statement.principals);
            if (key == "Action") return read_texts(nodes, value, statement.actions);
            if (key == "Resource") return read_texts(nodes, value, statement.resources);
            if (key != "Sid") statement.understood = false;
            return true;
        });
        if (!sound || !has_effect) problem = "A Statement of the policy is malformed.";
        return sound && has_effect;
    };
    const bool sound =
        nodes[0].kind == NodeKind::object && each_member(nodes, 0, [&](std::string_view key, std::size_t value) {
            if (key != "Statement") return true;
            if (nodes[value].kind != NodeKind::array) return read_statement(value);
            for (std::size_t at = value + 1; at < after(nodes, value); at = after(nodes, at)) {
                if (!read_statement(at)) return false;
            }
            return true;
        });
    if (!problem.empty()) return fail(problem);
    if (!sound || policy.statements_.empty()) return fail(std::string("The policy has no Statement."));
    return policy;
}

PolicyAnswer Policy::ask(const PolicyQuestion& question) const {
    const std::string action = lower(question.action);
    PolicyAnswer answer = PolicyAnswer::silent;
    for (const Statement& statement : statements_) {
        const bool concerns =
            std::ranges::any_of(statement.principals, [&](const auto& p) { return is_principal(p, question); }) &&
            std::ranges::any_of(statement.actions,
                                [&](const auto& a) { return matches_wildcards(lower(a), action); }) &&
            std::ranges::any_of(statement.resources,
                                [&](const auto& r) { return matches_wildcards(r, question.resource); });
        if (!statement.allows && (concerns || !statement.understood)) return PolicyAnswer::deny;
        if (statement.allows && concerns && statement.understood) answer = PolicyAnswer::allow;
    }
    return answer;
}

std::optional<std::string_view> Policy::resource_other_than(std::string_view arn) const {
    for (const Statement& statement : statements_) {
        for (const std::string& resource : statement.resources) {
            if (!matches_wildcards(resource, arn)) return resource;
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> Policy::action_outside(std::span<const std::string_view> allowed) const {
    for (const Statement& statement : statements_) {
        for (const std::string& action : statement.actions) {
            const std::string pattern = lower(action);
            const bool names_one = std::ranges::any_of(
                allowed, [&](std::string_view name) { return matches_wildcards(pattern, lower(name)); });
            if (!names_one) return action;
        }
    }
    return std::nullopt;
}

}  // namespace riacho::aws
