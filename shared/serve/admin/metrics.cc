#include "shared/serve/admin/metrics.h"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <vector>

namespace shared {
namespace {

std::string_view kind_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return "counter";
    case MetricKind::gauge:
      return "gauge";
    case MetricKind::histogram:
      break;
  }
  return "histogram";
}

// HELP escapes backslash and line feed, a label value the quote too.
void append_escaped(std::string& out, std::string_view text, std::string_view special) {
  for (const char c : text) {
    if (special.find(c) == std::string_view::npos) {
      out += c;
      continue;
    }
    out += '\\';
    out += c == '\n' ? 'n' : c;
  }
}

std::string to_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  assert(error == std::errc());
  return {text.data(), end};
}

std::span<const MetricLabel> as_span(std::initializer_list<MetricLabel> labels) {
  return {labels.begin(), labels.size()};
}

}  // namespace

void MetricsWriter::family(MetricKind kind, std::string_view name, std::string_view help) {
  [[maybe_unused]] const bool first = seen_.emplace(name).second;
  assert(first && "a family is written once per scrape");
  assert((kind != MetricKind::counter || name.ends_with("_total")) && "a counter ends in _total");
  name_ = name;
  out_ += "# HELP ";
  out_ += name;
  out_ += ' ';
  append_escaped(out_, help, "\\\n");
  out_ += "\n# TYPE ";
  out_ += name;
  out_ += ' ';
  out_ += kind_name(kind);
  out_ += '\n';
}

void MetricsWriter::write(std::string_view suffix, std::span<const MetricLabel> labels, std::string_view value) {
  assert(!name_.empty() && "family() comes first");
  out_ += name_;
  out_ += suffix;
  char separator = '{';
  for (const MetricLabel& label : labels) {
    out_ += separator;
    out_ += label.name;
    out_ += "=\"";
    append_escaped(out_, label.value, "\\\n\"");
    out_ += '"';
    separator = ',';
  }
  if (!labels.empty()) out_ += '}';
  out_ += ' ';
  out_ += value;
  out_ += '\n';
}

void MetricsWriter::sample(std::span<const MetricLabel> labels, std::uint64_t value) {
  write("", labels, std::to_string(value));
}

void MetricsWriter::sample(std::span<const MetricLabel> labels, double value) { write("", labels, to_text(value)); }

void MetricsWriter::sample(std::initializer_list<MetricLabel> labels, std::uint64_t value) {
  sample(as_span(labels), value);
}

void MetricsWriter::sample(std::initializer_list<MetricLabel> labels, double value) { sample(as_span(labels), value); }

void MetricsWriter::histogram(std::span<const MetricLabel> labels, const HistogramSnapshot& counts,
                              const HistogramScale& scale) {
  std::vector<MetricLabel> with_bound(labels.begin(), labels.end());
  with_bound.push_back({"le", {}});
  for (unsigned octave = scale.first_octave; octave <= scale.last_octave; ++octave) {
    const std::string bound = to_text(std::ldexp(scale.unit, static_cast<int>(octave)));
    with_bound.back().value = bound;
    write("_bucket", with_bound, std::to_string(counts.count_below_octave(octave)));
  }
  with_bound.back().value = "+Inf";
  write("_bucket", with_bound, std::to_string(counts.count()));
  write("_sum", labels, to_text(static_cast<double>(counts.sum()) * scale.unit));
  write("_count", labels, std::to_string(counts.count()));
}

void MetricsWriter::histogram(std::initializer_list<MetricLabel> labels, const HistogramSnapshot& counts,
                              const HistogramScale& scale) {
  histogram(as_span(labels), counts, scale);
}

}  // namespace shared
