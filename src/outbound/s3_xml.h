// What an S3 server says in the XML of an error reply. Pure.
#pragma once

#include <string>
#include <string_view>

namespace riacho::outbound {

// Empty where the reply does not say it. Texts are decoded, and at most 1 KiB.
struct S3Error {
    std::string code;  // "NoSuchBucket"
    std::string message;
    std::string region;  // of the bucket, when the request went elsewhere
};

// Looks for the three elements, wherever they stand: servers differ in what they put around them. At most 64 KiB are
// looked at.
S3Error parse_s3_error(std::string_view xml);

}  // namespace riacho::outbound
