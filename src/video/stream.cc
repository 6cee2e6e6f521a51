#include "video/stream.h"

#include <charconv>

#include "base/codec.h"
#include "base/digest.h"

namespace riacho::video {
namespace {

constexpr std::uint8_t settings_format_version = 1;

}  // namespace

std::string encode(const StreamSettings& settings) {
    Encoder out;
    out.number(settings_format_version);
    out.optional_text(settings.device_name);
    out.optional_text(settings.media_type);
    out.optional_text(settings.kms_key_id);
    out.number(static_cast<std::uint32_t>(settings.retention_hours));
    out.time(TimestampMs(settings.created_ms));
    out.time(TimestampMs(settings.floor_ms));
    out.number(static_cast<std::uint8_t>(settings.tier));
    return out.take();
}

std::optional<StreamSettings> decode_settings(std::string_view bytes) {
    Decoder in(bytes);
    if (in.number<std::uint8_t>() != settings_format_version) return std::nullopt;
    StreamSettings settings;
    settings.device_name = in.optional_text();
    settings.media_type = in.optional_text();
    settings.kms_key_id = in.optional_text();
    settings.retention_hours = static_cast<std::int32_t>(in.number<std::uint32_t>());
    settings.created_ms = in.time().value();
    settings.floor_ms = in.time().value();
    const auto tier = in.number<std::uint8_t>();
    if (!in.ok() || in.left() != 0 || tier > 1) return std::nullopt;
    settings.tier = static_cast<StorageTier>(tier);
    return settings;
}

std::optional<StreamRef> stream_of(std::shared_ptr<const catalog::ObjectState> object) {
    if (object == nullptr || object->kind != catalog::ObjectState::Kind::video_stream) return std::nullopt;
    auto settings = decode_settings(object->settings);
    if (!settings) return std::nullopt;
    return StreamRef{std::move(object), *std::move(settings)};
}

std::string version_text(const catalog::ObjectState& object) {
    Encoder identity;
    identity.number(object.uid);
    identity.number(object.version);
    const Sha256 digest = sha256(identity.bytes());
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    constexpr std::size_t size = 20;
    std::string text;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (std::size_t i = 0; text.size() < size; ++i) {
        bits = bits << 8 | digest[i];
        held += 8;
        while (held >= 5 && text.size() < size) {
            held -= 5;
            text += alphabet[bits >> held & 31];
        }
    }
    return text;
}

std::optional<std::pair<std::string_view, std::int64_t>> parse_stream_resource(std::string_view resource) {
    constexpr std::string_view prefix = "stream/";
    if (!resource.starts_with(prefix)) return std::nullopt;
    resource.remove_prefix(prefix.size());
    const auto slash = resource.find('/');
    if (slash == std::string_view::npos || slash == 0) return std::nullopt;
    const std::string_view digits = resource.substr(slash + 1);
    std::int64_t created = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), created);
    if (fault != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return std::pair(resource.substr(0, slash), created);
}

}  // namespace riacho::video
