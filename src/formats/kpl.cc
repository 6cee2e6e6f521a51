#include "formats/kpl.h"

#include <cstdint>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/hash_key.h"

namespace riacho::formats {
namespace {

constexpr std::string_view magic = "\xF3\x89\x9A\xC2";

// One field of a protobuf message. `number` holds varints, `bytes` length-delimited values.
struct Field {
    enum class Type : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
    std::uint64_t id = 0;
    Type type = Type::varint;
    std::uint64_t number = 0;
    std::string_view bytes;
};

// Reads the fields of one protobuf message. After a malformed one ok() is false and there are no more.
class MessageReader {
public:
    explicit MessageReader(std::string_view message) : left_(message) {}

    std::optional<Field> next() {
        if (left_.empty() || !ok_) return std::nullopt;
        Field field;
        const std::uint64_t tag = varint();
        field.id = tag >> 3;
        field.type = static_cast<Field::Type>(tag & 7);
        switch (field.type) {
            case Field::Type::varint:
                field.number = varint();
                break;
            case Field::Type::fixed64:
                field.bytes = take(8);
                break;
            case Field::Type::bytes:
                field.bytes = take(varint());
                break;
            case Field::Type::fixed32:
                field.bytes = take(4);
                break;
            default:  // groups, and numbers without a meaning
                ok_ = false;
        }
        if (field.id == 0) ok_ = false;
        return ok_ ? std::optional(field) : std::nullopt;
    }
    [[nodiscard]] bool ok() const { return ok_; }

private:
    std::uint64_t varint() {
        const ByteSpan bytes = as_bytes(left_);
        std::uint64_t value = 0;
        const std::byte* end = get_varint(bytes.data(), bytes.data() + bytes.size(), value);
        if (end == nullptr) {
            ok_ = false;
            return 0;
        }
        left_.remove_prefix(static_cast<std::size_t>(end - bytes.data()));
        return value;
    }

    std::string_view take(std::uint64_t size) {
        if (!ok_ || size > left_.size()) {
            ok_ = false;
            return {};
        }
        const std::string_view bytes = left_.substr(0, static_cast<std::size_t>(size));
        left_.remove_prefix(bytes.size());
        return bytes;
    }

    std::string_view left_;
    bool ok_ = true;
};

// A Record message: indexes into the tables of its AggregatedRecord.
struct Indexed {
    std::optional<std::uint64_t> partition_key;
    std::optional<std::uint64_t> explicit_hash_key;
    std::optional<std::string_view> data;
};

// Nothing when the message is malformed or lacks a required field. Tags and unknown fields are skipped.
std::optional<Indexed> parse_record(std::string_view message) {
    MessageReader reader(message);
    Indexed record;
    while (const auto field = reader.next()) {
        const bool is_varint = field->type == Field::Type::varint;
        if (field->id == 1 && is_varint) record.partition_key = field->number;
        if (field->id == 2 && is_varint) record.explicit_hash_key = field->number;
        if (field->id == 3 && field->type == Field::Type::bytes) record.data = field->bytes;
    }
    if (!reader.ok() || !record.partition_key || !record.data) return std::nullopt;
    return record;
}

struct Aggregate {
    std::vector<std::string_view> partition_keys;
    std::vector<U128> explicit_hash_keys;
    std::vector<Indexed> records;
};

std::optional<Aggregate> parse_aggregate(std::string_view message) {
    MessageReader reader(message);
    Aggregate aggregate;
    while (const auto field = reader.next()) {
        if (field->type != Field::Type::bytes) continue;
        if (field->id == 1) {
            if (field->bytes.size() > kpl_partition_key_size_max) return std::nullopt;
            aggregate.partition_keys.push_back(field->bytes);
        } else if (field->id == 2) {
            const auto key = parse_u128(field->bytes);
            if (!key) return std::nullopt;
            aggregate.explicit_hash_keys.push_back(*key);
        } else if (field->id == 3) {
            const auto record = parse_record(field->bytes);
            if (!record || aggregate.records.size() == kpl_records_max) return std::nullopt;
            aggregate.records.push_back(*record);
        }
    }
    return reader.ok() && !aggregate.records.empty() ? std::optional(std::move(aggregate)) : std::nullopt;
}

}  // namespace

U128 KplRecord::hash_key() const { return explicit_hash_key ? *explicit_hash_key : hash_key_of(partition_key); }

std::optional<std::vector<KplRecord>> parse_kpl(std::string_view data) {
    constexpr std::size_t digest_size = sizeof(Md5);
    if (data.size() < magic.size() + digest_size || !data.starts_with(magic)) return std::nullopt;
    const std::string_view message = data.substr(magic.size(), data.size() - magic.size() - digest_size);
    const Md5 digest = md5(message);
    if (data.substr(data.size() - digest_size) != as_text(std::as_bytes(std::span(digest)))) return std::nullopt;
    const auto aggregate = parse_aggregate(message);
    if (!aggregate) return std::nullopt;
    std::vector<KplRecord> records;
    records.reserve(aggregate->records.size());
    for (const Indexed& record : aggregate->records) {
        if (*record.partition_key >= aggregate->partition_keys.size()) return std::nullopt;
        KplRecord& out = records.emplace_back();
        out.partition_key = aggregate->partition_keys[*record.partition_key];
        out.data = *record.data;
        if (!record.explicit_hash_key) continue;
        if (*record.explicit_hash_key >= aggregate->explicit_hash_keys.size()) return std::nullopt;
        out.explicit_hash_key = aggregate->explicit_hash_keys[*record.explicit_hash_key];
    }
    return records;
}

}  // namespace riacho::formats
