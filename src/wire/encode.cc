#include "wire/encode.h"

#include <algorithm>
#include <cstring>

#include "wire/detail/writers.h"

namespace riacho::wire {
namespace {

using namespace detail;  // the writers

template <class T>
T as(const void* value) {
    return *static_cast<const T*>(value);
}

// Whether the member is bound to a reply header, and so is not part of the body.
bool is_header(const Shape& shape, const Member& member) {
    return std::ranges::any_of(shape.headers,
                               [&](const HeaderBinding& binding) { return &shape.members[binding.member] == &member; });
}

std::string_view key_text(const Shape& shape, const void* key) {
    return shape.kind == Kind::enumeration ? shape.values[as<std::uint8_t>(key)] : shape.text->get(key);
}

// An estimate of the encoded size, exact enough except for texts full of escapes, so that replies with many records
// need one allocation.
std::size_t expected_size(const Shape& shape, const void* value) {
    switch (shape.kind) {
        case Kind::string:
            return shape.text->get(value).size() + 3;
        case Kind::blob:
            return base64_encoded_size(as<std::string_view>(value).size()) + 9;
        case Kind::list: {
            std::size_t size = 16;
            const std::size_t count = shape.list->size(value);
            for (std::size_t i = 0; i < count; ++i) size += expected_size(*shape.element, shape.list->at(value, i)) + 1;
            return size;
        }
        case Kind::structure: {
            std::size_t size = 16;
            for (const Member& member : shape.members) {
                const void* field = member.get(value);
                if (field != nullptr) size += member.name.size() + 4 + expected_size(*member.shape, field);
            }
            return size;
        }
        default:
            return 24;
    }
}

class JsonEncoder {
public:
    explicit JsonEncoder(Buffer& out) : out_(out) {}

    void structure(const Shape& shape, const void* value) {
        char separator = '{';
        for (const Member& member : shape.members) {
            const void* field = member.get(value);
            if (field == nullptr || is_header(shape, member)) continue;
            // Member names of the model contain nothing that needs escaping.
            char* at = out_.extend(member.name.size() + 4);
            at[0] = separator;
            at[1] = '"';
            std::memcpy(at + 2, member.name.data(), member.name.size());
            at[member.name.size() + 2] = '"';
            at[member.name.size() + 3] = ':';
            separator = ',';
            this->value(*member.shape, field);
        }
        if (separator == '{') out_.push_back('{');
        out_.push_back('}');
    }

private:
    void value(const Shape& shape, const void* value) {
        switch (shape.kind) {
            case Kind::string:
                return write_json_text(out_, shape.text->get(value));
            case Kind::enumeration:
                return write_json_text(out_, shape.values[as<std::uint8_t>(value)]);
            case Kind::integer:
                return write_json_integer(out_, as<std::int32_t>(value));
            case Kind::long_:
                return write_json_integer(out_, as<std::int64_t>(value));
            case Kind::boolean:
                return out_.append(as<bool>(value) ? "true" : "false");
            case Kind::real:
                return write_json_real(out_, as<double>(value));
            case Kind::timestamp:
                return write_json_timestamp(out_, as<TimestampMs>(value));
            case Kind::blob:
                return write_json_base64(out_, as<std::string_view>(value));
            case Kind::list:
                return list(shape, value);
            case Kind::map:
                return map(shape, value);
            case Kind::structure:
                return structure(shape, value);
        }
    }

    void list(const Shape& shape, const void* value) {
        out_.push_back('[');
        const std::size_t count = shape.list->size(value);
        for (std::size_t i = 0; i < count; ++i) {
            if (i != 0) out_.push_back(',');
            this->value(*shape.element, shape.list->at(value, i));
        }
        out_.push_back(']');
    }

    void map(const Shape& shape, const void* value) {
        out_.push_back('{');
        const std::size_t count = shape.list->size(value);
        for (std::size_t i = 0; i < count; ++i) {
            if (i != 0) out_.push_back(',');
            // The accessors take non-const pointers because the decoder uses them too; nothing is written through them
            // here.
            void* entry = const_cast<void*>(shape.list->at(value, i));
            write_json_text(out_, key_text(*shape.key, shape.list->key(entry)));
            out_.push_back(':');
            this->value(*shape.element, shape.list->value(entry));
        }
        out_.push_back('}');
    }

    Buffer& out_;
};

class CborEncoder {
public:
    explicit CborEncoder(Buffer& out) : out_(out) {}

    void structure(const Shape& shape, const void* value) {
        std::size_t count = 0;
        for (const Member& member : shape.members) count += member.get(value) != nullptr ? 1 : 0;
        write_cbor_head(out_, CborMajor::map, count);
        for (const Member& member : shape.members) {
            const void* field = member.get(value);
            if (field == nullptr) continue;
            write_cbor_text(out_, member.name);
            this->value(*member.shape, field);
        }
    }

private:
    void value(const Shape& shape, const void* value) {
        switch (shape.kind) {
            case Kind::string:
                return write_cbor_text(out_, shape.text->get(value));
            case Kind::enumeration:
                return write_cbor_text(out_, shape.values[as<std::uint8_t>(value)]);
            case Kind::integer:
                return write_cbor_integer(out_, as<std::int32_t>(value));
            case Kind::long_:
                return write_cbor_integer(out_, as<std::int64_t>(value));
            case Kind::boolean:
                return out_.push_back(static_cast<char>(as<bool>(value) ? 0xF5 : 0xF4));
            case Kind::real:
                return write_cbor_real(out_, as<double>(value));
            case Kind::timestamp:
                return write_cbor_timestamp(out_, as<TimestampMs>(value));
            case Kind::blob:
                return write_cbor_bytes(out_, as<std::string_view>(value));
            case Kind::list:
                return list(shape, value);
            case Kind::map:
                return map(shape, value);
            case Kind::structure:
                return structure(shape, value);
        }
    }

    void list(const Shape& shape, const void* value) {
        const std::size_t count = shape.list->size(value);
        write_cbor_head(out_, CborMajor::array, count);
        for (std::size_t i = 0; i < count; ++i) this->value(*shape.element, shape.list->at(value, i));
    }

    void map(const Shape& shape, const void* value) {
        const std::size_t count = shape.list->size(value);
        write_cbor_head(out_, CborMajor::map, count);
        for (std::size_t i = 0; i < count; ++i) {
            void* entry = const_cast<void*>(shape.list->at(value, i));
            write_cbor_text(out_, key_text(*shape.key, shape.list->key(entry)));
            this->value(*shape.element, shape.list->value(entry));
        }
    }

    Buffer& out_;
};

}  // namespace

void encode(const Shape& shape, const void* value, Format format, Buffer& out) {
    // Operations with large replies have reserved for them.
    if (out.capacity() == out.size()) out.reserve(out.size() + expected_size(shape, value));
    if (format == Format::json) {
        JsonEncoder(out).structure(shape, value);
    } else {
        CborEncoder(out).structure(shape, value);
    }
}

void encode_message(std::string_view key, std::string_view message, Buffer& out) {
    out.push_back('{');
    if (!key.empty()) {
        write_json_text(out, key);
        out.push_back(':');
        write_json_text(out, message);
    }
    out.push_back('}');
}

void encode_error(std::string_view code, std::string_view key, std::string_view message, Format format, Buffer& out) {
    if (format == Format::json) {
        out.append(R"({"__type":)");
        write_json_text(out, code);
        if (!key.empty()) {
            out.push_back(',');
            write_json_text(out, key);
            out.push_back(':');
            write_json_text(out, message);
        }
        out.push_back('}');
        return;
    }
    write_cbor_head(out, CborMajor::map, key.empty() ? 1 : 2);
    write_cbor_text(out, "__type");
    write_cbor_text(out, code);
    if (key.empty()) return;
    write_cbor_text(out, key);
    write_cbor_text(out, message);
}

void add_texts(std::string_view name, std::span<const std::string> texts, Buffer& out) {
    out.truncate(out.size() - 1);  // the closing brace
    out.push_back(',');
    write_json_text(out, name);
    out.append(":[");
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (i > 0) out.push_back(',');
        write_json_text(out, texts[i]);
    }
    out.append("]}");
}

}  // namespace riacho::wire
