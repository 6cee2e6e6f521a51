// A video stream in the catalog.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "catalog/model.h"
#include "log/types.h"

namespace riacho::video {

enum class StorageTier : std::uint8_t { hot, warm };

// The part of ObjectState that is the service's own (docs/formats/video.md).
struct StreamSettings {
    std::optional<std::string> device_name;
    std::optional<std::string> media_type;
    std::optional<std::string> kms_key_id;
    std::int32_t retention_hours = 0;  // 0: fragments are kept in memory only
    std::int64_t created_ms = 0;       // the number in the ARN
    std::int64_t floor_ms = 0;         // earlier fragments are invisible, whatever the retention; never goes back
    StorageTier tier = StorageTier::hot;

    [[nodiscard]] std::int64_t retention_ms() const { return std::int64_t{retention_hours} * 3'600'000; }
    friend bool operator==(const StreamSettings&, const StreamSettings&) = default;
};

std::string encode(const StreamSettings& settings);
// Nothing for settings that this version cannot read.
std::optional<StreamSettings> decode_settings(std::string_view bytes);

// One state of a stream. Copyable; immutable.
struct StreamRef {
    std::shared_ptr<const catalog::ObjectState> object;
    StreamSettings settings;

    [[nodiscard]] const std::string& name() const { return object->name; }
    [[nodiscard]] std::uint64_t uid() const { return object->uid; }
    // The shards of a stream with retention; uid 0 when there is none.
    [[nodiscard]] log::ShardUid media_shard() const { return shard_of(catalog::ShardClass::media); }
    [[nodiscard]] log::ShardUid index_shard() const { return shard_of(catalog::ShardClass::records); }

private:
    [[nodiscard]] log::ShardUid shard_of(catalog::ShardClass shard_class) const {
        for (const catalog::OwnedShard& shard : object->shards) {
            if (shard.shard_class == shard_class) return log::ShardUid(shard.uid);
        }
        return log::ShardUid(0);
    }
};

// Nothing when the object is no video stream, or its settings cannot be read by this version.
std::optional<StreamRef> stream_of(std::shared_ptr<const catalog::ObjectState> object);

// The Version of the API: 20 characters that differ for every version of every stream.
std::string version_text(const catalog::ObjectState& object);

// "stream/NAME/1785585600123" gives NAME and the number.
std::optional<std::pair<std::string_view, std::int64_t>> parse_stream_resource(std::string_view resource);

}  // namespace riacho::video
