// Fuzzes the parser of KPL aggregates. The digest is corrected first, because no mutated input has a valid one.
#include <cstdint>
#include <functional>
#include <string>

#include "base/check.h"
#include "base/digest.h"
#include "formats/kpl.h"

namespace {

bool lies_in(std::string_view part, std::string_view whole) {
    const std::less_equal<const char*> before;
    return before(whole.data(), part.data()) && before(part.data() + part.size(), whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace riacho;
    using namespace riacho::formats;
    const std::string_view message(reinterpret_cast<const char*>(data), size);
    static_cast<void>(parse_kpl(message));
    const Md5 digest = md5(message);
    const std::string whole = "\xF3\x89\x9A\xC2" + std::string(message) + std::string(digest.begin(), digest.end());
    const auto records = parse_kpl(whole);
    if (!records) return 0;
    RIACHO_CHECK(!records->empty() && records->size() <= kpl_records_max);
    for (const KplRecord& record : *records) {
        RIACHO_CHECK(lies_in(record.partition_key, whole) && lies_in(record.data, whole));
        RIACHO_CHECK(record.partition_key.size() <= kpl_partition_key_size_max);
    }
    return 0;
}
