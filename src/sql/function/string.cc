// Functions of texts (S13.1). Positions are code points.
#include <cstring>
#include <limits>
#include <string>

#include "sql/function/kernel.h"
#include "sql/function/text.h"

namespace riacho::sql {
namespace {

using Exact = std::int64_t;
using Text = std::string_view;

char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// In time proportional to the sum of the sizes, unlike string_view's find(), which takes their product.
std::size_t find_text(Text whole, Text part) {
    if (part.empty()) return 0;
    if (part.size() > whole.size()) return Text::npos;
    const void* found = ::memmem(whole.data(), whole.size(), part.data(), part.size());
    return found == nullptr ? Text::npos : static_cast<std::size_t>(static_cast<const char*>(found) - whole.data());
}

Text change_case(const KernelCall& call, Text text) {
    char* at = call.arena.allocate(text.size());
    bool inside = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool upper = call.expr.op == Op::upper || (call.expr.op == Op::initcap && !inside);
        at[i] = upper ? to_upper(text[i]) : to_lower(text[i]);
        inside = text[i] != ' ';
    }
    return {at, text.size()};
}

// Whether a text would exceed the longest text.
bool exceeds(const Type& type, std::size_t size, Text a, Text b, Text c) {
    return size > type.length && code_points(a) + code_points(b) + code_points(c) > static_cast<Exact>(type.length);
}

void concat_kernel(const KernelCall& call) {
    Text* out = call.out.values<Text>();
    call.each([&](std::uint32_t row) {
        const Text a = call.args[0].at<Text>(row);
        const Text b = call.args[1].at<Text>(row);
        if (exceeds(call.expr.type, a.size() + b.size(), a, b, {})) return call.fail(row, SqlState::truncation);
        char* at = call.arena.allocate(a.size() + b.size());
        std::ranges::copy(b, std::ranges::copy(a, at).out);
        out[row] = {at, a.size() + b.size()};
    });
}

// AWS: S13.1: a start below 1 is clipped and shortens the count; behind the end the FROM form gives '', the form with
// commas NULL.
void substring_kernel(const KernelCall& call) {
    Text* out = call.out.values<Text>();
    const bool binary = call.expr.type.is_binary();
    call.each([&](std::uint32_t row) {
        const Text text = call.args[0].at<Text>(row);
        Exact from = call.args[1].at<Exact>(row);
        Exact count = std::numeric_limits<std::int32_t>::max();
        if (call.args.size() == 3) {
            count = call.args[2].at<Exact>(row);
            if (count < 0) return call.fail(row, SqlState::substring);
        }
        constexpr Exact far = Exact{1} << 40;
        from = std::clamp(from, -far, far);
        count = std::min(count, far);
        const Exact end = from + count;
        from = std::max<Exact>(from, 1);
        count = std::max<Exact>(end - from, 0);
        const Exact size = binary || is_ascii(text) ? static_cast<Exact>(text.size()) : code_points(text);
        if (from > size) {
            if (call.expr.comma) return call.out.set_null(row);
            out[row] = {};
            return;
        }
        out[row] = binary ? text.substr(static_cast<std::size_t>(from - 1), static_cast<std::size_t>(count))
                          : slice(text, from - 1, count);
    });
}

// substr(s, 1, p-1) || r || substr(s, p+n), positions outside are empty.
void overlay_kernel(const KernelCall& call) {
    Text* out = call.out.values<Text>();
    call.each([&](std::uint32_t row) {
        const Text text = call.args[0].at<Text>(row);
        const Text with = call.args[1].at<Text>(row);
        constexpr Exact far = Exact{1} << 40;
        const Exact from = std::clamp(call.args[2].at<Exact>(row), -far, far);
        const Exact count = call.args.size() == 4 ? std::min(call.args[3].at<Exact>(row), far) : code_points(with);
        if (count < 0) return call.fail(row, SqlState::substring);
        const Text head = slice(text, 0, std::max<Exact>(from - 1, 0));
        const Text tail = text.substr(position_of(text, std::max<Exact>(from + count, 1) - 1));
        const std::size_t size = head.size() + with.size() + tail.size();
        if (exceeds(call.expr.type, size, head, with, tail)) return call.fail(row, SqlState::truncation);
        char* at = call.arena.allocate(size);
        std::ranges::copy(tail, std::ranges::copy(with, std::ranges::copy(head, at).out).out);
        out[row] = {at, size};
    });
}

void trim_kernel(const KernelCall& call) {
    Text* out = call.out.values<Text>();
    call.each([&](std::uint32_t row) {
        const Text what = call.args[0].at<Text>(row);
        Text text = call.args[1].at<Text>(row);
        if (code_points(what) != 1) return call.fail(row, SqlState::trim);
        if (call.expr.op != Op::trim_trailing) {
            while (text.starts_with(what)) text.remove_prefix(what.size());
        }
        if (call.expr.op != Op::trim_leading) {
            while (text.ends_with(what)) text.remove_suffix(what.size());
        }
        out[row] = text;
    });
}

}  // namespace

void string_kernel(const KernelCall& call) {
    switch (call.expr.op) {
        case Op::concat:
            return concat_kernel(call);
        case Op::substring:
            return substring_kernel(call);
        case Op::overlay:
            return overlay_kernel(call);
        case Op::trim_both:
        case Op::trim_leading:
        case Op::trim_trailing:
            return trim_kernel(call);
        case Op::char_length:
            return call.each(
                [&](std::uint32_t row) { call.out.values<Exact>()[row] = code_points(call.args[0].at<Text>(row)); });
        case Op::position:
            return call.each([&](std::uint32_t row) {
                const Text whole = call.args[1].at<Text>(row);
                const std::size_t at = find_text(whole, call.args[0].at<Text>(row));
                call.out.values<Exact>()[row] = at == Text::npos ? 0 : code_points(whole.substr(0, at)) + 1;
            });
        default:
            return call.each([&](std::uint32_t row) {
                call.out.values<Text>()[row] = change_case(call, call.args[0].at<Text>(row));
            });
    }
}

}  // namespace riacho::sql
