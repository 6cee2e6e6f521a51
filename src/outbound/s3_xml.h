// Parses the XML of an S3 server's error reply. Pure.
#pragma once

#include <string>
#include <string_view>

namespace riacho::outbound {

// Empty where the reply lacks the element. Texts are decoded, and at most 1 KiB long.
struct S3Error {
    std::string code;  // "NoSuchBucket"
    std::string message;
    std::string region;  // of the bucket, when the request went elsewhere
};

// Finds the three elements wherever they are: servers nest them differently. At most 64 KiB are searched.
S3Error parse_s3_error(std::string_view xml);

}  // namespace riacho::outbound
