#include "aws/policy.h"

#include <gtest/gtest.h>

namespace riacho::aws {
namespace {

constexpr std::string_view arn = "arn:aws:kinesis:us-east-1:111111111111:stream/s";

PolicyAnswer ask(std::string_view json, std::string_view account, std::string_view action,
                 std::string_view user = "ana") {
    const auto policy = Policy::parse(json);
    EXPECT_TRUE(policy) << policy.error();
    return policy ? policy->ask({account, user, action, arn}) : PolicyAnswer::deny;
}

std::string statement(std::string_view effect, std::string_view principal, std::string_view action,
                      std::string_view more = "") {
    return R"({"Effect":")" + std::string(effect) + R"(","Principal":)" + std::string(principal) + R"(,"Action":)" +
           std::string(action) + R"(,"Resource":")" + std::string(arn) + "\"" + std::string(more) + "}";
}

std::string policy(std::string_view statements) {
    return R"({"Version":"2012-10-17","Statement":[)" + std::string(statements) + "]}";
}

TEST(Policy, AllowsWhomItNames) {
    const std::string root =
        policy(statement("Allow", R"({"AWS":"arn:aws:iam::222222222222:root"})", R"(["kinesis:PutRecord"])"));
    EXPECT_EQ(ask(root, "222222222222", "kinesis:PutRecord"), PolicyAnswer::allow);
    EXPECT_EQ(ask(root, "333333333333", "kinesis:PutRecord"), PolicyAnswer::silent);
    EXPECT_EQ(ask(root, "222222222222", "kinesis:GetRecords"), PolicyAnswer::silent);
    const std::string user =
        policy(statement("Allow", R"({"AWS":["arn:aws:iam::222222222222:user/ana"]})", R"("kinesis:Put*")"));
    EXPECT_EQ(ask(user, "222222222222", "kinesis:PutRecords"), PolicyAnswer::allow);
    EXPECT_EQ(ask(user, "222222222222", "kinesis:PutRecords", "rui"), PolicyAnswer::silent);
    EXPECT_EQ(ask(policy(statement("Allow", R"("*")", R"("kinesis:putrecord")")), "9", "kinesis:PutRecord"),
              PolicyAnswer::allow);
    EXPECT_EQ(
        ask(policy(statement("Allow", R"({"AWS":"222222222222"})", R"("*")")), "222222222222", "kinesis:GetRecords"),
        PolicyAnswer::allow);
}

TEST(Policy, AnArnOfNearlyTheCallersAccountIsNotTheCaller) {
    for (const std::string_view other :
         {"arn:aws:iam::9222222222222:root", "arn:aws:iam::1:222222222222:root", "arn:aws:sts::222222222222:root",
          "arn:other:iam::222222222222:root", "arn:aws:iam:r:222222222222:root", "222222222222:root"}) {
        const std::string principal = R"({"AWS":")" + std::string(other) + "\"}";
        EXPECT_EQ(ask(policy(statement("Allow", principal, R"("*")")), "222222222222", "kinesis:PutRecord"),
                  PolicyAnswer::silent)
            << other;
    }
}

TEST(Policy, DenyOutweighsAllow) {
    const std::string both = policy(statement("Allow", R"("*")", R"("kinesis:*")") + "," +
                                    statement("Deny", R"({"AWS":"222222222222"})", R"("kinesis:PutRecord")"));
    EXPECT_EQ(ask(both, "222222222222", "kinesis:PutRecord"), PolicyAnswer::deny);
    EXPECT_EQ(ask(both, "222222222222", "kinesis:GetRecords"), PolicyAnswer::allow);
}

TEST(Policy, WhatIsNotUnderstoodNeverAllows) {
    const std::string condition = R"(,"Condition":{"Bool":{"aws:SecureTransport":"true"}})";
    EXPECT_EQ(ask(policy(statement("Allow", R"("*")", R"("*")", condition)), "2", "kinesis:PutRecord"),
              PolicyAnswer::silent);
    EXPECT_EQ(ask(policy(statement("Deny", R"("*")", R"("kinesis:GetRecords")", condition)), "2", "kinesis:PutRecord"),
              PolicyAnswer::deny);
}

TEST(Policy, AResourceCoversAnArnByNameOrPattern) {
    const auto other = [](std::string_view resource) {
        const std::string json =
            R"({"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":)" + std::string(resource) + "}}";
        return Policy::parse(json)->resource_other_than(arn).has_value();
    };
    for (const std::string_view covering :
         {R"("*")", R"("arn:aws:kinesis:us-east-1:111111111111:stream/*")", R"("arn:aws:kinesis:*:*:stream/s")",
          R"("arn:aws:kinesis:us-east-1:111111111111:stream/s")",
          R"("arn:aws:kinesis:us-east-1:111111111111:stream/?")"})
        EXPECT_FALSE(other(covering)) << covering;
    for (const std::string_view strange :
         {R"("arn:aws:kinesis:us-east-1:111111111111:stream/t*")", R"(["*", "arn:aws:s3:::bucket"])", R"("")"})
        EXPECT_TRUE(other(strange)) << strange;
}

TEST(Policy, RefusesWhatIsNoPolicy) {
    for (const std::string_view text :
         {"", "[]", "{}", "{\"Statement\":[]}", "{\"Statement\":[1]}", "{\"Statement\":{\"Effect\":\"Maybe\"}}",
          "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":7}]}", "not json"}) {
        EXPECT_FALSE(Policy::parse(text)) << text;
    }
}

TEST(Policy, Wildcards) {
    EXPECT_TRUE(matches_wildcards("a*c?e", "abbbcde"));
    EXPECT_TRUE(matches_wildcards("*", ""));
    EXPECT_TRUE(matches_wildcards("**a", "ba"));
    EXPECT_FALSE(matches_wildcards("a?", "a"));
    EXPECT_FALSE(matches_wildcards("a*b", "acbc"));
}

}  // namespace
}  // namespace riacho::aws
