// Fuzzes every part of SigV4 that parses a request. Input lines: method, path, query, authority, then "name:value".
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "wire/sigv4.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho::wire::sigv4;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const auto line = [&] {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view result = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return result;
    };
    Request request;
    request.method = line();
    request.path = line();
    request.query = line();
    request.authority = line();
    std::vector<Field> headers;
    while (!rest.empty()) {
        const std::string_view header = line();
        const std::size_t colon = std::min(header.find(':'), header.size());
        headers.push_back({header.substr(0, colon), header.substr(std::min(colon + 1, header.size()))});
    }
    request.headers = headers;
    const auto authorization = parse(request);
    if (!authorization) {
        RIACHO_CHECK(!authorization.error().text.empty());
        return 0;
    }
    const riacho::Sha256 key{};
    const auto now = authorization->signed_at;
    const auto verified = verify(request, *authorization, key, {.now = now});
    RIACHO_CHECK(!verified.has_value(), "nobody knows this key");
    return 0;
}
