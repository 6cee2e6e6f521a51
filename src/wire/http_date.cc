#include "wire/http_date.h"

#include "wire/detail/sigv4_text.h"

namespace riacho::wire {

std::optional<TimestampMs> parse_http_date(std::string_view text) { return sigv4::detail::parse_http_date(text); }

}  // namespace riacho::wire
