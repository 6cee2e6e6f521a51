// Rules for tags that are not in the model.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/error.h"
#include "catalog/model.h"

namespace riacho::streams {

// Whether AWS allows every character in a tag: letters of any script, digits, space and _ . / = + - @ : % (tab and
// newline are refused). AWS: spec 2.5; the same for every operation, so that a tag set by one operation can be removed
// by another.
bool has_tag_characters(std::string_view text);

// Validates the tags that a request adds to `owner` (a stream's name or an ARN, for error texts).
// InvalidArgumentException for other characters, for '%', which passes AWS's first check and fails its second [prod],
// and for keys that begin with aws: in any case.
aws::Result<catalog::Tags> checked_tags(std::span<const std::pair<std::string_view, std::string_view>> tags,
                                        std::string_view owner, std::string_view account);
// Validates the keys that a request removes; a reserved key is no error, because no resource has one.
aws::Result<std::vector<std::string>> checked_tag_keys(std::span<const std::string_view> keys, std::string_view owner,
                                                       std::string_view account);

}  // namespace riacho::streams
