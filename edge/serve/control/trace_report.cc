#include "edge/serve/control/trace_report.h"

#include <boost/json/object.hpp>

#include "edge/serve/control/span_export.h"

namespace edge {

using shared::MetricKind;

void write_trace_metrics(const ReportSource& source, shared::MetricsWriter& out) {
  if (source.spans == nullptr || !source.spans->enabled()) return;
  const SpanExport& spans = *source.spans;
  const SpanExport::Counts& counts = spans.counts();
  out.family(MetricKind::counter, "meridian_edge_spans_exported_total", "Spans that the collector has taken.");
  out.sample({}, counts.exported);
  out.family(MetricKind::counter, "meridian_edge_spans_dropped_total",
             "Spans that were dropped: a worker's lane or the queue was full, the collector refused the batch, or "
             "rejected them out of one.");
  out.sample({{"reason", "lane_full"}}, spans.lane_full());
  out.sample({{"reason", "queue_full"}}, counts.queue_full);
  out.sample({{"reason", "refused"}}, counts.refused);
  out.sample({{"reason", "rejected"}}, counts.rejected);
  out.family(MetricKind::counter, "meridian_edge_span_calls_total", "Calls of the collector, by their result.");
  out.sample({{"result", "taken"}}, counts.calls);
  out.sample({{"result", "failed"}}, counts.failures);
  out.family(MetricKind::gauge, "meridian_edge_spans_waiting", "Spans that wait for the collector.");
  out.sample({}, std::uint64_t{spans.waiting()});
}

boost::json::value trace_json(const ReportSource& source) {
  if (source.spans == nullptr || !source.spans->enabled()) return nullptr;
  const SpanExport& spans = *source.spans;
  const SpanExport::Counts& counts = spans.counts();
  return boost::json::object{{"collector", spans.plan()->url.authority},
                             {"exported", counts.exported},
                             {"dropped", boost::json::object{{"lane_full", spans.lane_full()},
                                                             {"queue_full", counts.queue_full},
                                                             {"refused", counts.refused},
                                                             {"rejected", counts.rejected}}},
                             {"calls", counts.calls},
                             {"failures", counts.failures},
                             {"waiting", spans.waiting()},
                             {"waiting_octets", spans.waiting_octets()},
                             {"problem", counts.problem}};
}

}  // namespace edge
