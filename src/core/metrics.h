// Prometheus text exposition. The component that counts owns its counters and registers a collector that writes them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace riacho::core {

using MetricLabels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Durations in buckets from 50 us to 10 s. Thread-safe.
class Histogram {
public:
    // Upper bounds in seconds; the last bucket is +Inf.
    static constexpr std::array<double, 16> bounds_s = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                        0.025,   0.05,   0.1,     0.25,   0.5,   1,      2.5,   10};
    void record_ns(std::int64_t duration_ns);
    [[nodiscard]] std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }

private:
    friend class MetricsWriter;
    std::array<std::atomic<std::uint64_t>, bounds_s.size() + 1> buckets_{};
    std::atomic<std::uint64_t> count_{0};
    std::atomic<std::uint64_t> sum_ns_{0};
};

// Builds one exposition page. All samples of a family are written together, after its family() call.
class MetricsWriter {
public:
    enum class Kind : std::uint8_t { counter, gauge, histogram };
    void family(std::string_view name, Kind kind, std::string_view help);
    void sample(MetricLabels labels, std::uint64_t value);
    void sample(MetricLabels labels, double value);
    void histogram(MetricLabels labels, const Histogram& histogram);
    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    void line(std::string_view suffix, MetricLabels labels, std::string_view extra_label, std::string_view value);

    std::string text_;
    std::string name_;
};

// The list of collectors behind /metrics. Collectors run on the thread that asks for the page and must be thread-safe.
class Metrics {
public:
    void add_collector(std::function<void(MetricsWriter&)> collect);
    [[nodiscard]] std::string render() const;

private:
    mutable std::mutex mutex_;
    std::vector<std::function<void(MetricsWriter&)>> collectors_;
};

}  // namespace riacho::core
