// The rules for tags that the model does not state.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/error.h"
#include "catalog/model.h"

namespace riacho::streams {

// Whether every character is one AWS takes in a tag: letters of any script, digits, space and _ . / = + - @ : %
// (tab and newline are refused). AWS: spec 2.5; the same for every operation, so that what one sets another removes.
bool has_tag_characters(std::string_view text);

// The tags that a request adds to `owner` (a stream's name or an ARN, for error texts). InvalidArgumentException for
// other characters, for '%', which passes AWS's first check and fails its second [prod], and for keys that begin with
// aws: in any case.
aws::Result<catalog::Tags> checked_tags(std::span<const std::pair<std::string_view, std::string_view>> tags,
                                        std::string_view owner, std::string_view account);
// The same for the keys that a request removes; reserved ones are never there, which is no error.
aws::Result<std::vector<std::string>> checked_tag_keys(std::span<const std::string_view> keys, std::string_view owner,
                                                       std::string_view account);

}  // namespace riacho::streams
