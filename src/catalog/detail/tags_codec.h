// Tags as commands and stored states hold them: a list of name and value, sorted by name.
#pragma once

#include "base/codec.h"
#include "catalog/model.h"

namespace riacho::catalog::detail {

void put(Encoder& out, const Tags& tags);
Tags get_tags(Decoder& in);

}  // namespace riacho::catalog::detail
