#include "edge/serve/control/certificate_report.h"

#include <algorithm>
#include <chrono>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace edge {
namespace {

using std::chrono::system_clock;

std::string place_of(const Built& built, const TlsPlan& tls) {
  const auto found = std::ranges::find(built.listen, tls.index, &ListenPlan::index);
  return found != built.listen.end() ? found->where.to_string() : std::string();
}

std::int64_t seconds_of(system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::int64_t days_until(system_clock::time_point time, system_clock::time_point now) {
  return std::chrono::floor<std::chrono::hours>(time - now).count() / 24;
}

// To servers that ask for a certificate; null: nothing.
const shared::load::CertifiedKey* shown_to(const Pool& pool) {
  return pool.tls.enabled() ? pool.tls.client->certified.get() : nullptr;
}

}  // namespace

void write_certificates(const Built& built, shared::MetricsWriter& out) {
  out.family(shared::MetricKind::gauge, "meridian_edge_certificate_not_after_seconds",
             "When the certificate, or one of its chain, expires, as Unix time.");
  for (std::size_t i = 0; i < built.tls.size(); ++i) {
    const std::string where = place_of(built, built.tls[i]);
    for (const shared::load::TlsHost& host : built.tls[i].hosts) {
      out.sample({{"listen", where}, {"certificate", host.file}},
                 static_cast<std::uint64_t>(seconds_of(host.certified->not_after)));
    }
  }
  for (const Pool& pool : built.servers.pools->all()) {
    if (const auto* own = shown_to(pool)) {
      out.sample({{"pool", pool.name}, {"certificate", own->subject}},
                 static_cast<std::uint64_t>(seconds_of(own->not_after)));
    }
  }
}

boost::json::array certificates_json(const Built& built) {
  boost::json::array list;
  const auto now = system_clock::now();
  for (std::size_t i = 0; i < built.tls.size(); ++i) {
    for (const shared::load::TlsHost& host : built.tls[i].hosts) {
      boost::json::array names;
      for (const std::string& name : host.names) names.emplace_back(name);
      list.emplace_back(boost::json::object{{"listen", place_of(built, built.tls[i])},
                                            {"certificate", host.file},
                                            {"subject", host.certified->subject},
                                            {"names", std::move(names)},
                                            {"not_after", seconds_of(host.certified->not_after)},
                                            {"days_left", days_until(host.certified->not_after, now)}});
    }
  }
  for (const Pool& pool : built.servers.pools->all()) {
    const auto* own = shown_to(pool);
    if (own == nullptr) continue;
    list.emplace_back(boost::json::object{{"pool", pool.name},
                                          {"subject", own->subject},
                                          {"not_after", seconds_of(own->not_after)},
                                          {"days_left", days_until(own->not_after, now)}});
  }
  return list;
}

}  // namespace edge
