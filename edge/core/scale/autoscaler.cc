#include "edge/core/scale/autoscaler.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace edge {
namespace {

using shared::Duration;
using shared::TimePoint;

constexpr double kHalfLife = 5;     // seconds, of what in flight is smoothed by
constexpr double kRounding = 1e-6;  // of a load that is a whole number of servers

double seconds_of(Duration span) { return std::chrono::duration<double>(span).count(); }

std::string printed(double value) {
  std::array<char, 32> text{};
  const int n = std::snprintf(text.data(), text.size(), value < 10 ? "%.1f" : "%.0f", value);
  return {text.data(), static_cast<std::size_t>(n)};
}

std::uint32_t whole(double load) {
  return static_cast<std::uint32_t>(std::clamp(std::ceil(load - kRounding), 0.0, 1e9));
}

double per_server(double in_flight, std::uint32_t serving) { return in_flight / std::max<std::uint32_t>(1, serving); }

// "cpu 84 % of 70 %" or "1230 in flight for each server of 1000"
std::string words_of(const ScaleSample& sample, const ScaleSettings& settings, bool by_cpu, double in_flight) {
  if (by_cpu) return "cpu " + printed(*sample.cpu) + " %, target " + printed(*settings.cpu) + " %";
  return printed(per_server(in_flight, sample.serving)) + " in flight for each server, target " +
         printed(settings.in_flight.value_or(0));
}

}  // namespace

ScaleChange Autoscaler::observe(const ScaleSample& sample, const ScaleSettings& settings, TimePoint now) {
  smooth(sample, now);
  last_ = now;
  if (!first_ && sample.serving > 0) first_ = now;
  if (!first_ || now - *first_ < std::min<Duration>(kSettle, settings.start_time)) {
    settle(sample);
    return ScaleChange::none;
  }
  if (desired_ < settings.min) return change_to(settings.min, "min", now);
  if (desired_ > settings.max) return change_to(settings.max, "max", now);
  if (sample.serving == 0) {
    idle_since_.reset();
    reason_ = "no server answers: nothing says what is asked of them";
    return ScaleChange::none;
  }
  if (settings.cpu && !sample.cpu && !settings.in_flight) {
    idle_since_.reset();
    reason_ = "no server tells " + settings.cpu_field;
    return ScaleChange::none;
  }
  const Load load = load_of(sample, settings);
  load_ = load.servers;
  remember(now);
  const ScaleChange up = go_up(sample, settings, load, now);
  return up != ScaleChange::none ? up : go_down(sample, settings, now);
}

void Autoscaler::recall(std::uint32_t desired, std::string why, TimePoint changed, Recall how) {
  desired_ = desired;
  decided_ = std::move(why);
  changed_ = changed;
  exact_ = how == Recall::exact;
}

// After a start servers are found and checked one by one: whoever called for fewer then would end those that serve.
void Autoscaler::settle(const ScaleSample& sample) {
  if (!exact_) desired_ = std::max(desired_, sample.known);
  reason_ = "settling after a start";
}

void Autoscaler::smooth(const ScaleSample& sample, TimePoint now) {
  if (!last_) {
    in_flight_ = sample.in_flight;
    return;
  }
  const double kept = std::exp2(-seconds_of(now - *last_) / kHalfLife);
  in_flight_ = kept * in_flight_ + (1 - kept) * sample.in_flight;
}

Autoscaler::Load Autoscaler::load_of(const ScaleSample& sample, const ScaleSettings& settings) const {
  Load load;
  if (settings.in_flight) load.servers = in_flight_ / *settings.in_flight;
  if (!settings.cpu || !sample.cpu) return load;
  const double by_cpu = *sample.cpu * sample.serving / *settings.cpu;
  if (by_cpu >= load.servers) load = {by_cpu, true};
  return load;
}

void Autoscaler::remember(TimePoint now) {
  seen_[next_] = {now, load_};
  next_ = (next_ + 1) % seen_.size();
  count_ = std::min(count_ + 1, seen_.size());
}

// Servers' load in a second: the slope of least squares over the `count` samples that end `age` before the newest.
double Autoscaler::slope(std::size_t age, std::size_t count) const {
  const std::size_t newest = (next_ + seen_.size() - 1) % seen_.size();
  double t = 0;
  double y = 0;
  double tt = 0;
  double ty = 0;
  for (std::size_t i = age; i < age + count; ++i) {
    const Seen& one = seen_[(newest + seen_.size() - i) % seen_.size()];
    const double at = seconds_of(one.at - seen_[newest].at);
    t += at;
    y += one.load;
    tt += at * at;
    ty += at * one.load;
  }
  const auto n = static_cast<double>(count);
  const double spread = n * tt - t * t;
  return spread > 0 ? (n * ty - t * y) / spread : 0;
}

// What grew in both halves of the last half minute goes on growing; a step is in one of them alone.
double Autoscaler::growth() const {
  if (count_ < seen_.size()) return 0;
  const std::size_t half = seen_.size() / 2;
  return std::max(0.0, std::min(slope(0, half), slope(half, half)));
}

// What the load will be when a server that is called now is there.
double Autoscaler::ahead(const ScaleSettings& settings) const {
  const double more = growth() * seconds_of(settings.start_time);
  if (more < kLeastGrowth * load_) return load_;
  return std::min(load_ + more, kMostAhead * load_);
}

ScaleChange Autoscaler::go_up(const ScaleSample& sample, const ScaleSettings& settings, const Load& load,
                              TimePoint now) {
  const double expected = ahead(settings);
  const std::uint32_t wanted = std::clamp(whole(expected), settings.min, settings.max);
  std::string why = words_of(sample, settings, load.by_cpu, in_flight_);
  if (wanted <= desired_) {
    reason_ = why;
    if (whole(expected) > settings.max) reason_ += "; more than max is wanted";
    if (sample.serving < desired_) {
      reason_ += "; " + std::to_string(desired_ - sample.serving) + " that were called are not there";
    }
    return ScaleChange::none;
  }
  if (changed_ && now - *changed_ < settings.up_cooldown) {
    reason_ = why + "; more are called when the last call is " +
              std::to_string(std::chrono::duration_cast<shared::seconds>(settings.up_cooldown).count()) + " s old";
    return ScaleChange::none;
  }
  if (expected > load.servers) why += ", and growing to " + printed(expected) + " servers' load";
  return change_to(wanted, std::move(why), now);
}

ScaleChange Autoscaler::go_down(const ScaleSample& sample, const ScaleSettings& settings, TimePoint now) {
  const bool cpu_idle = !settings.cpu || (sample.cpu && *sample.cpu < ScaleSettings::kIdleCpu * *settings.cpu);
  const bool calm = !settings.in_flight ||
                    per_server(in_flight_, sample.serving) < ScaleSettings::kIdleInFlight * *settings.in_flight;
  if (!cpu_idle || !calm) {
    idle_since_.reset();
    return ScaleChange::none;
  }
  if (!idle_since_) {
    idle_since_ = now;
    idle_peak_ = 0;
  }
  idle_peak_ = std::max(idle_peak_, load_);
  if (now - *idle_since_ < settings.window) return ScaleChange::none;
  if (changed_ && now - *changed_ < settings.down_cooldown) return ScaleChange::none;
  const std::uint32_t enough = std::max(whole(idle_peak_ / kBusyAfter), (desired_ + 1) / 2);
  const std::uint32_t wanted = std::max(enough, settings.min);
  if (wanted >= desired_) return ScaleChange::none;
  std::string why = "for " + std::to_string(std::chrono::duration_cast<shared::seconds>(settings.window).count()) +
                    " s a load of at most " + printed(idle_peak_) + " servers";
  return change_to(wanted, std::move(why), now);
}

ScaleChange Autoscaler::change_to(std::uint32_t count, std::string why, TimePoint now) {
  const ScaleChange change = count > desired_ ? ScaleChange::up : ScaleChange::down;
  desired_ = count;
  changed_ = now;
  idle_since_.reset();
  decided_ = why;
  reason_ = std::move(why);
  return change;
}

}  // namespace edge
