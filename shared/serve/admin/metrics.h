#pragma once
// MetricsWriter: Prometheus text exposition, version 0.0.4. Built anew for every scrape by Control, which reads the
// workers' counters; nothing is registered anywhere. One thread, one scrape, one writer.
//
//   MetricsWriter out;
//   out.family(MetricKind::counter, "meridian_dns_queries_total", "Queries received.");
//   out.sample({{"transport", "udp"}}, worker_sum);
//   reply.body = out.take();

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "shared/core/histogram.h"

namespace shared {

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

struct MetricLabel {
  std::string_view name;  // a literal: [a-zA-Z_][a-zA-Z0-9_]*
  std::string_view value;
};

// How a histogram of integer ticks is shown: seconds per tick (or 1 for sizes) and the powers of two between which a
// bucket is written for each octave. The counts at these bounds are exact.
struct HistogramScale {
  double unit = 1e-6;             // ticks are microseconds, shown as seconds
  std::uint8_t first_octave = 6;  // le = 2^6 ticks = 64 us
  std::uint8_t last_octave = 24;  // le = 2^24 ticks = 16.8 s
};

class MetricsWriter {
 public:
  // Opens a family; samples follow until the next one. REQUIRES: each family once per writer; a counter ends in _total.
  void family(MetricKind kind, std::string_view name, std::string_view help);

  void sample(std::initializer_list<MetricLabel> labels, std::uint64_t value);
  void sample(std::span<const MetricLabel> labels, std::uint64_t value);
  void sample(std::initializer_list<MetricLabel> labels, double value);
  void sample(std::span<const MetricLabel> labels, double value);

  void histogram(std::initializer_list<MetricLabel> labels, const HistogramSnapshot& counts,
                 const HistogramScale& scale);
  void histogram(std::span<const MetricLabel> labels, const HistogramSnapshot& counts, const HistogramScale& scale);

  [[nodiscard]] std::string take() { return std::move(out_); }

  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  void write(std::string_view suffix, std::span<const MetricLabel> labels, std::string_view value);

  std::string out_;
  std::string name_;
  std::unordered_set<std::string> seen_;
};

}  // namespace shared
