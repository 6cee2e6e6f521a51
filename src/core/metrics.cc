#include "core/metrics.h"

#include <fmt/format.h>

namespace riacho::core {

void Histogram::record_ns(std::int64_t duration_ns) {
    const double seconds = static_cast<double>(duration_ns) * 1e-9;
    std::size_t bucket = 0;
    while (bucket < bounds_s.size() && seconds > bounds_s[bucket]) ++bucket;
    buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
    count_.fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(static_cast<std::uint64_t>(duration_ns < 0 ? 0 : duration_ns), std::memory_order_relaxed);
}

void MetricsWriter::family(std::string_view name, Kind kind, std::string_view help) {
    static constexpr std::array<std::string_view, 3> kinds = {"counter", "gauge", "histogram"};
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                   kinds[static_cast<std::size_t>(kind)]);
}

void MetricsWriter::line(std::string_view suffix, MetricLabels labels, std::string_view extra_label,
                         std::string_view value) {
    text_ += name_;
    text_ += suffix;
    bool first = true;
    for (const auto& [name, text] : labels) {
        text_ += first ? '{' : ',';
        first = false;
        text_ += name;
        text_ += "=\"";
        for (const char c : text) {
            if (c == '\\' || c == '"') text_ += '\\';
            if (c == '\n') {
                text_ += "\\n";
            } else {
                text_ += c;
            }
        }
        text_ += '"';
    }
    if (!extra_label.empty()) {
        text_ += first ? '{' : ',';
        first = false;
        text_ += extra_label;
    }
    if (!first) text_ += '}';
    text_ += ' ';
    text_ += value;
    text_ += '\n';
}

void MetricsWriter::sample(MetricLabels labels, std::uint64_t value) { line("", labels, "", fmt::format("{}", value)); }
void MetricsWriter::sample(MetricLabels labels, double value) { line("", labels, "", fmt::format("{}", value)); }

void MetricsWriter::histogram(MetricLabels labels, const Histogram& histogram) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < Histogram::bounds_s.size(); ++i) {
        total += histogram.buckets_[i].load(std::memory_order_relaxed);
        line("_bucket", labels, fmt::format("le=\"{}\"", Histogram::bounds_s[i]), fmt::format("{}", total));
    }
    total += histogram.buckets_.back().load(std::memory_order_relaxed);
    line("_bucket", labels, "le=\"+Inf\"", fmt::format("{}", total));
    const double sum_s = static_cast<double>(histogram.sum_ns_.load(std::memory_order_relaxed)) * 1e-9;
    line("_sum", labels, "", fmt::format("{}", sum_s));
    line("_count", labels, "", fmt::format("{}", total));
}

void Metrics::add_collector(std::function<void(MetricsWriter&)> collect) {
    const std::lock_guard lock(mutex_);
    collectors_.push_back(std::move(collect));
}

std::string Metrics::render() const {
    const std::lock_guard lock(mutex_);
    MetricsWriter writer;
    for (const auto& collect : collectors_) collect(writer);
    return writer.take();
}

}  // namespace riacho::core
