// The tables of all models agree with the decoder on types and required members, with and without a struct to fill.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "api/all_models.h"
#include "aws/gen/firehose/operations.gen.h"
#include "aws/gen/video/operations.gen.h"
#include "aws/gen/video_archived_media/operations.gen.h"
#include "aws/gen/video_media/types.gen.h"
#include "base/text.h"
#include "wire/bindings.h"
#include "wire/decode.h"
#include "wire/shape.h"

namespace riacho::api {
namespace {

using wire::Document;
using wire::Kind;
using wire::Shape;
using wire::Verdict;

// A value of the right type, regardless of its bounds.
void append_value(const Shape& shape, std::string& out) {
    switch (shape.kind) {
        case Kind::string:
            out += "\"x\"";
            return;
        case Kind::enumeration:
            out += "\"" + std::string(shape.values.front()) + "\"";
            return;
        case Kind::blob:
            out += "\"aGk=\"";
            return;
        case Kind::boolean:
            out += "true";
            return;
        case Kind::integer:
        case Kind::long_:
        case Kind::real:
        case Kind::timestamp:
            out += "1";
            return;
        case Kind::list:
            out += "[";
            append_value(*shape.element, out);
            out += ",";
            append_value(*shape.element, out);
            out += "]";
            return;
        case Kind::map:
            out += "{";
            append_value(*shape.key, out);
            out += ":";
            append_value(*shape.element, out);
            out += "}";
            return;
        case Kind::structure:
            out += "{";
            for (const wire::Member& member : shape.members) {
                if (&member != shape.members.data()) out += ",";
                out += "\"" + std::string(member.name) + "\":";
                append_value(*member.shape, out);
            }
            out += "}";
            return;
    }
}

struct Both {
    wire::Decoded decoded;
    wire::Decoded validated;
};

Both judge(const AnyOperation& operation, const std::string& body) {
    Document document;
    EXPECT_TRUE(document.parse(wire::Format::json, body).has_value()) << body;
    Both both;
    visit_input(operation, [&](void* input) { both.decoded = wire::decode(*operation.input_shape, document, input); });
    both.validated = wire::validate(*operation.input_shape, document);
    return both;
}

const AnyOperation& operation_of(const aws::ServiceModel& model, std::string_view name) {
    return *std::ranges::find_if(all_operations(), [&](const AnyOperation& operation) {
        return operation.model == &model && operation.info->name == name;
    });
}

TEST(Models, an_empty_request_misses_what_is_required_and_nothing_else) {
    EXPECT_EQ(all_operations().size(), 174U);
    for (const AnyOperation& operation : all_operations()) {
        const auto [decoded, validated] = judge(operation, "{}");
        std::size_t required = 0;
        for (const wire::Member& member : operation.input_shape->members) required += member.required ? 1 : 0;
        EXPECT_EQ(decoded.verdict, required == 0 ? Verdict::valid : Verdict::violation)
            << operation.model->name << operation.info->name;
        EXPECT_EQ(decoded.text, validated.text);
        EXPECT_EQ(decoded.verdict, validated.verdict);
    }
}

// Writes every field of every input; under the sanitizers this test verifies the offsets.
TEST(Models, every_member_of_every_input_can_be_set) {
    for (const AnyOperation& operation : all_operations()) {
        std::string body;
        append_value(*operation.input_shape, body);
        const auto [decoded, validated] = judge(operation, body);
        EXPECT_NE(decoded.verdict, Verdict::type_error)
            << operation.model->name << operation.info->name << decoded.text;
        EXPECT_EQ(decoded.text, validated.text);
        EXPECT_EQ(decoded.verdict, validated.verdict);
    }
}

TEST(Models, names_and_paths_are_unique) {
    std::set<std::string> seen;
    for (const AnyOperation& operation : all_operations()) {
        const aws::ServiceModel& model = *operation.model;
        const aws::OperationInfo& info = *operation.info;
        const bool is_rest = model.protocol == aws::Protocol::rest_json;
        EXPECT_EQ(is_rest, !info.path.empty());
        EXPECT_EQ(is_rest, model.target_prefix.empty());
        std::string name(is_rest ? info.path : model.target_prefix);
        if (!is_rest) name += "." + std::string(info.name);
        EXPECT_TRUE(seen.insert(name).second) << name;
    }
}

template <class Operation>
wire::Decoded judge_headers(std::initializer_list<std::pair<std::string_view, std::string_view>> headers,
                            typename Operation::Input& input) {
    Document document;
    document.make_empty(wire::Format::json);
    const auto find = [&](std::string_view name) -> std::optional<std::string_view> {
        for (const auto& [key, value] : headers) {
            if (key == name) return value;
        }
        return std::nullopt;
    };
    wire::bind_headers(*Operation::input_shape, find, document);
    return wire::decode(*Operation::input_shape, document, &input);
}

TEST(Headers, become_the_members_of_put_media) {
    using video_media::PutMedia;
    video_media::PutMediaInput input;
    const auto decoded = judge_headers<PutMedia>({{"x-amzn-stream-name", " cam1 "},
                                                  {"x-amzn-fragment-timecode-type", "RELATIVE"},
                                                  {"x-amzn-producer-start-timestamp", "1785585601.125"},
                                                  {"x-amzn-fragment-acknowledgment-required", "0"}},
                                                 input);
    ASSERT_TRUE(decoded) << decoded.text;
    EXPECT_EQ(input.stream_name, "cam1");
    EXPECT_EQ(input.stream_arn, std::nullopt);
    EXPECT_EQ(input.fragment_timecode_type, video_media::FragmentTimecodeType::relative);
    EXPECT_EQ(input.producer_start_timestamp, TimestampMs(1785585601125));
    EXPECT_EQ(input.fragment_acknowledgment_required, false);
    EXPECT_TRUE(PutMedia::info.upload && PutMedia::info.download);
}

TEST(Violations, a_service_may_show_no_values) {
    EXPECT_EQ(
        judge(operation_of(firehose::model, "DescribeDeliveryStream"), R"({"DeliveryStreamName":"a b","Limit":0})")
            .decoded.text,
        "2 validation errors detected: Value at 'deliveryStreamName' failed to satisfy constraint: Member must "
        "satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value at 'limit' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1");
}

TEST(Violations, a_sensitive_value_is_never_shown) {
    const std::string text =
        judge(operation_of(video::model, "StartEdgeConfigurationUpdate"),
              R"({"EdgeConfig":{"HubDeviceArn":"arn:aws:iot:r:1:thing/t","RecorderConfig":{"MediaSourceConfig":)"
              R"({"MediaUriSecretArn":"secret!","MediaUriType":"RTSP_URI"}}}})")
            .decoded.text;
    EXPECT_TRUE(text.find("Value at 'edgeConfig.recorderConfig.mediaSourceConfig.mediaUriSecretArn'") !=
                std::string::npos)
        << text;
    EXPECT_EQ(text.find("secret!"), std::string::npos);
}

TEST(Violations, doubles_have_bounds_and_maps_may_be_keyed_by_an_enumeration) {
    const std::string text =
        judge(operation_of(video_archived_media::model, "GetImages"),
              R"({"ImageSelectorType":"SERVER_TIMESTAMP","StartTimestamp":1,"EndTimestamp":2,"Format":"JPEG",)"
              R"("FormatConfig":{"Nothing":"1"}})")
            .decoded.text;
    EXPECT_TRUE(text.find("at 'formatConfig' failed to satisfy constraint: Map keys must satisfy constraint: [Member "
                          "must satisfy enum value set: [JPEGQuality]]") != std::string::npos)
        << text;
    const Shape proportion{.kind = Kind::real, .name = "Proportion", .min = 0, .max = 1};
    const wire::Member members[] = {wire::Member{.name = "Ratio",
                                                 .shape = &proportion,
                                                 .access = &wire::field_access<double>,
                                                 .offset = 0,
                                                 .optional = false,
                                                 .required = true}};
    const std::uint8_t order[] = {0};
    const Shape root{.kind = Kind::structure, .name = "Root", .members = members, .check_order = order};
    const auto judged = [&](const char* body) {
        Document document;
        EXPECT_TRUE(document.parse(wire::Format::json, body).has_value());
        return wire::validate(root, document).text;
    };
    EXPECT_EQ(judged(R"({"Ratio":0.5})"), "");
    EXPECT_EQ(judged(R"({"Ratio":1.5})"),
              "1 validation error detected: Value '1.5' at 'ratio' failed to satisfy constraint: Member must have "
              "value less than or equal to 1");
    EXPECT_EQ(judged(R"({"Ratio":-1})"),
              "1 validation error detected: Value '-1' at 'ratio' failed to satisfy constraint: Member must have "
              "value greater than or equal to 0");
}

}  // namespace
}  // namespace riacho::api
