// Forward declarations of the media library.
#pragma once

#include <cstdint>

namespace riacho::media {

enum class AckError : std::uint16_t;
class FragmentSplitter;
class MkvEvents;
class MkvParser;
class RuleChecker;
class RuleSink;
struct FragmentFacts;
struct FragmentNumber;
struct HeaderInfo;
struct TrackInfo;

}  // namespace riacho::media
