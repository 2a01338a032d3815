#include "bench/load_report.h"

#include <algorithm>
#include <cstdio>

namespace bench {

void LoadReport::print(double seconds) {
  std::sort(times_.begin(), times_.end());
  const auto at = [&](std::size_t percent) {
    return times_.empty() ? 0U : times_[(times_.size() - 1) * percent / 100];
  };
  std::printf("JSON {\"requests\": %zu, \"seconds\": %.6f, \"p50_us\": %u, \"p99_us\": %u, \"read\": %llu}\n",
              times_.size(), seconds, at(50), at(99), static_cast<unsigned long long>(failures_));
}

}  // namespace bench
