// Forward declarations of core.
#pragma once

namespace riacho::core {
class Clock;
class Core;
class Histogram;
class MemoryBudget;
class Metrics;
class MetricsWriter;
class NodeClock;
class Rng;
class Runtime;
class TestClock;
class Timer;
class WorkPool;
struct Wakeup;
}  // namespace riacho::core
