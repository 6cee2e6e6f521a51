#include "streams/paging.h"

#include "aws/gen/kinesis/errors.gen.h"

namespace riacho::streams {

namespace errors = api::errors;

Result<PageToken> resume_listing(StreamsOp op, TokenSealer::Kind kind, const std::optional<std::string_view>& token) {
    if (!token) return PageToken{};
    auto page = open_page(op.tokens(), kind, *token);
    if (!page) return fail(errors::invalid_next_token());
    if (op.now().value() - page->issued_at.value() > token_lifetime_ms) return fail(errors::expired_next_token());
    return *std::move(page);
}

}  // namespace riacho::streams
