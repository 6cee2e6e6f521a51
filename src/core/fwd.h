// Forward declarations of core.
#pragma once

namespace riacho::core {
class Clock;
class TestClock;
class Core;
class DiskPool;
class Histogram;
class MemoryBudget;
class Histogram;
class Metrics;
class MetricsWriter;
class Rng;
class Runtime;
class Timer;
struct Wakeup;
}  // namespace riacho::core
