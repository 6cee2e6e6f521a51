#include "video/chunk.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/buffer.h"
#include "core/task.h"
#include "media/ebml.h"

namespace riacho::video {
namespace {

std::string_view error_text(int error_id) {
    switch (error_id) {
        case chunk_error_reading:
            return "Error reading the fragment";
        case chunk_error_not_found:
            return "The requested fragment is not found";
        default:
            return "Internal service error";
    }
}

}  // namespace

Task<bool> write_chunk(aws::BodyWriter& writer, std::shared_ptr<const Fragment> fragment, ChunkForm form) {
    const media::FragmentNumber number = fragment->entry.number();
    Buffer head;
    media::put_head_tags(head, number, fragment->entry.producer_ms, form.spelling);
    Buffer tail;
    if (form.millis_behind) media::put_tail_tags(tail, *form.millis_behind, media::to_text(number));
    std::vector<std::string_view> pieces(fragment->header);
    pieces.push_back(head.view());
    pieces.insert(pieces.end(), fragment->cluster.begin(), fragment->cluster.end());
    pieces.insert(pieces.end(), fragment->trailing.begin(), fragment->trailing.end());
    if (!tail.empty()) pieces.push_back(tail.view());
    co_return co_await writer.write(pieces);
}

Task<bool> write_error_chunk(aws::BodyWriter& writer, media::FragmentNumber number, int error_id,
                             media::TagSpelling spelling) {
    Buffer out;
    media::put_document_head(out);
    const std::string text = media::to_text(number);
    const std::string id = fmt::format("{}", error_id);
    // AWS: the two calls name them differently (video spec 4.1, 4.2).
    const bool list = spelling == media::TagSpelling::fragment_list;
    const media::TagPair tags[] = {{"AWS_KINESISVIDEO_FRAGMENT_NUMBER", text},
                                   {list ? "AWS_KINESISVIDEO_EXCEPTION_ERROR_CODE" : "AWS_KINESISVIDEO_ERROR_ID", id},
                                   {list ? "AWS_KINESISVIDEO_EXCEPTION_MESSAGE" : "AWS_KINESISVIDEO_ERROR_CODE",
                                    list ? error_text(error_id) : id}};
    media::put_tags(out, tags);
    co_return co_await writer.write(out.view());
}

}  // namespace riacho::video
