#include "aws/policy.h"

#include <array>

// Any client that owns a stream can send any text as a policy.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const auto policy = riacho::aws::Policy::parse({reinterpret_cast<const char*>(data), size});
    if (policy) {
        static_cast<void>(policy->ask({"222222222222", "ana", "kinesis:PutRecord", "arn:aws:kinesis:r:1:stream/s"}));
        static_cast<void>(policy->resource_other_than("arn"));
        static_cast<void>(policy->action_outside(std::array<std::string_view, 1>{"kinesis:PutRecord"}));
    }
    return 0;
}
