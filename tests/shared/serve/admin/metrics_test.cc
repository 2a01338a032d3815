#include "shared/serve/admin/metrics.h"

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace shared::metrics_test {
namespace {

TEST(MetricsTest, FamilyIsSaidOnceBeforeItsSamples) {
  MetricsWriter out;
  out.family(MetricKind::counter, "meridian_queries_total", "Queries received.");
  out.sample({{"transport", "udp"}}, std::uint64_t{5});
  out.sample({{"transport", "tcp"}, {"family", "ipv6"}}, std::uint64_t{0});
  out.family(MetricKind::gauge, "meridian_up", "Whether it is up.");
  out.sample({}, 1.0);
  EXPECT_EQ(out.take(),
            "# HELP meridian_queries_total Queries received.\n"
            "# TYPE meridian_queries_total counter\n"
            "meridian_queries_total{transport=\"udp\"} 5\n"
            "meridian_queries_total{transport=\"tcp\",family=\"ipv6\"} 0\n"
            "# HELP meridian_up Whether it is up.\n"
            "# TYPE meridian_up gauge\n"
            "meridian_up 1\n");
}

TEST(MetricsTest, HelpAndLabelsAreEscaped) {
  MetricsWriter out;
  out.family(MetricKind::gauge, "x", "a\\b\n\"c\"");
  out.sample({{"name", "a\\b\n\"c\""}}, std::uint64_t{1});
  EXPECT_EQ(out.take(), "# HELP x a\\\\b\\n\"c\"\n# TYPE x gauge\nx{name=\"a\\\\b\\n\\\"c\\\"\"} 1\n");
}

TEST(MetricsTest, NumbersAreShortAndSpecialsHaveNames) {
  MetricsWriter out;
  out.family(MetricKind::gauge, "x", "");
  out.sample({}, 0.1);
  out.sample({}, std::numeric_limits<double>::infinity());
  out.sample({}, -std::numeric_limits<double>::infinity());
  out.sample({}, std::numeric_limits<double>::quiet_NaN());
  const std::string text = out.take();
  EXPECT_EQ(text.substr(text.find("x 0")), "x 0.1\nx +Inf\nx -Inf\nx NaN\n");
}

TEST(MetricsTest, HistogramIsCumulativeWithExactBounds) {
  const auto histogram = std::make_unique<Histogram>();
  for (const std::uint64_t ticks : {1U, 3U, 4U, 7U, 100U}) histogram->record(ticks);
  MetricsWriter out;
  out.family(MetricKind::histogram, "size_bytes", "Sizes.");
  out.histogram({{"kind", "a"}}, histogram->read(), {.unit = 1, .first_octave = 1, .last_octave = 3});
  EXPECT_EQ(out.take(),
            "# HELP size_bytes Sizes.\n"
            "# TYPE size_bytes histogram\n"
            "size_bytes_bucket{kind=\"a\",le=\"2\"} 1\n"
            "size_bytes_bucket{kind=\"a\",le=\"4\"} 2\n"
            "size_bytes_bucket{kind=\"a\",le=\"8\"} 4\n"
            "size_bytes_bucket{kind=\"a\",le=\"+Inf\"} 5\n"
            "size_bytes_sum{kind=\"a\"} 115\n"
            "size_bytes_count{kind=\"a\"} 5\n");
}

TEST(MetricsTest, DefaultScaleShowsMicrosecondsAsSeconds) {
  const auto histogram = std::make_unique<Histogram>();
  histogram->record(1000);
  MetricsWriter out;
  out.family(MetricKind::histogram, "t_seconds", "Times.");
  out.histogram({}, histogram->read(), {});
  const std::string text = out.take();
  EXPECT_NE(text.find("t_seconds_bucket{le=\"0.000512\"} 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("t_seconds_bucket{le=\"0.001024\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("t_seconds_sum 0.001\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace shared::metrics_test
