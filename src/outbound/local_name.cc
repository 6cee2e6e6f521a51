#include "outbound/local_name.h"

#include <algorithm>
#include <cstdint>

#include "base/digest.h"
#include "base/try.h"

namespace riacho::outbound {
namespace {

constexpr std::size_t key_size_max = 1'024;  // AWS: of UTF-8
constexpr std::size_t name_size_max = 200;   // 255 for most file systems; some, such as eCryptfs, allow fewer
constexpr std::string_view goes_on = "%+";
constexpr std::string_view nothing = "%";

bool is_escaped(char c, bool is_first) {
    const auto byte = static_cast<std::uint8_t>(c);
    return byte < 0x20 || byte == 0x7F || c == '%' || c == '\\' || c == '/' || (c == '.' && is_first);
}

// Whether a name of this size should end before this byte, which is not inside a character of UTF-8.
bool is_cut_before(char c, std::size_t size) {
    const bool continues = (static_cast<std::uint8_t>(c) & 0xC0) == 0x80;
    return size >= name_size_max + 3 || (size >= name_size_max && !continues);
}

void append_names(std::vector<std::string>& names, std::string_view segment) {
    if (segment.empty()) names.emplace_back(nothing);
    std::string name;
    for (const char c : segment) {
        if (is_cut_before(c, name.size())) {
            names.push_back(name + std::string(goes_on));
            name.clear();
        }
        if (is_escaped(c, name.empty())) {
            constexpr std::string_view digits = "0123456789ABCDEF";
            const auto byte = static_cast<std::uint8_t>(c);
            name += {'%', digits[byte >> 4], digits[byte & 15]};
        } else {
            name += c;
        }
    }
    if (!name.empty()) names.push_back(std::move(name));
}

// Nothing for a name that append_names() never writes.
std::optional<std::string> decoded(std::string_view name) {
    std::string text;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '%') {
            text += name[i];
            continue;
        }
        const auto byte = from_hex(name.substr(i + 1, 2));
        if (!byte || byte->size() != 1) return std::nullopt;
        text += *byte;
        i += 2;
    }
    return text;
}

}  // namespace

Expected<std::vector<std::string>, std::string> local_names(std::string_view bucket, std::string_view key) {
    if (bucket.empty() || key.empty()) return fail(std::string("An object needs a bucket and a key."));
    if (key.size() > key_size_max) return fail(std::string("Your key is too long"));  // AWS: KeyTooLongError
    if (bucket.contains('\0') || key.contains('\0')) return fail(std::string("A key cannot hold a NUL character."));
    std::vector<std::string> names;
    append_names(names, bucket);
    if (names.size() != 1) return fail(std::string("The specified bucket is not valid."));  // AWS: InvalidBucketName
    for (std::size_t at = 0; at <= key.size();) {
        const std::size_t end = std::min(key.find('/', at), key.size());
        append_names(names, key.substr(at, end - at));
        at = end + 1;
    }
    return names;
}

std::optional<std::string> key_of_local_names(const std::vector<std::string>& names) {
    if (names.empty()) return std::nullopt;
    std::string key;
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::string_view name = names[i];
        const bool is_last = i + 1 == names.size();
        const bool is_part = name.ends_with(goes_on);
        if (name.empty() || (is_part && is_last)) return std::nullopt;
        if (is_part) name.remove_suffix(goes_on.size());
        if (is_last && name != nothing && name.ends_with(moved_aside)) name.remove_suffix(moved_aside.size());
        const auto text = decoded(name == nothing ? std::string_view() : name);
        if (!text) return std::nullopt;
        key += *text;
        if (!is_last && !is_part) key += '/';
    }
    // Only the spelling that local_names() gives is valid.
    auto ours = local_names("b", key);
    if (!ours) return std::nullopt;
    ours->erase(ours->begin());
    std::string last = names.back();
    if (ours->size() != names.size() || !std::equal(ours->begin(), ours->end() - 1, names.begin())) return std::nullopt;
    if (last != ours->back() && last != ours->back() + std::string(moved_aside)) return std::nullopt;
    return key;
}

}  // namespace riacho::outbound
