// Forward declarations of log.
#pragma once

namespace riacho::log {
class Batch;
class BatchBuilder;
class CommandApplier;
class CommandLog;
class Frame;
class LocalLog;
class RecordLog;
class SequencerView;
struct AppendRequest;
struct ReadResult;
struct ShardEffects;
}  // namespace riacho::log
