// The rules for tags that the model does not state.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "aws/error.h"
#include "catalog/model.h"

namespace riacho::streams {

// Whether every character is one AWS takes in a tag: letters of any script, digits, white space and _ . / = + - @ %
// (tab and newline are refused all the same). AWS: spec 2.5.
bool has_tag_characters(std::string_view text);

// The tags of an add request, if their characters are legal. '%' passes the first check and fails the second [prod].
aws::Result<catalog::Tags> checked_tags(std::span<const std::pair<std::string_view, std::string_view>> tags,
                                        std::string_view stream, std::string_view account);

// The same by ARN, where AWS takes ':' as well and names no stream (spec 2.5).
bool has_resource_tag_characters(std::string_view text);
aws::Result<catalog::Tags> checked_resource_tags(std::span<const std::pair<std::string_view, std::string_view>> tags,
                                                 std::string_view arn, std::string_view account);

}  // namespace riacho::streams
