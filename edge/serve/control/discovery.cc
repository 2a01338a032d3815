#include "edge/serve/control/discovery.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "shared/serve/os/log.h"

namespace edge {
namespace {

using shared::Level;
using shared::log_event;
using shared::ResolveFamily;

constexpr std::array<ResolveFamily, 2> kFamilies{ResolveFamily::ipv4, ResolveFamily::ipv6};
constexpr auto kTell = shared::NameFollower::Tell::changes;
constexpr std::string_view kRemembered = "found ";

std::string_view kind_of(const ServerSource& source) { return source.kind == ServerSource::Kind::srv ? "srv" : "dns"; }

template <class Content, class Answer>
void take(Content& known, const Answer& result, const auto& content) {
  known.heard = true;
  known.failure = result ? std::string() : result.error().message;
  if (result) known.content = content(*result);
}

}  // namespace

std::vector<shared::IpAddress> Discovery::Name::addresses() const {
  std::vector<shared::IpAddress> all = halves[0].content;
  all.insert(all.end(), halves[1].content.begin(), halves[1].content.end());
  return all;
}

std::string Discovery::Name::failure() const {
  const bool none = halves[0].content.empty() && halves[1].content.empty();
  if (none && !heard()) return {};
  for (const Half& half : halves) {
    if (!half.failure.empty() && (none || !half.content.empty())) return half.failure;
  }
  return none ? "the name has no address" : "";
}

Discovery::Discovery(shared::Loop& loop, shared::NameFollower& follower, std::function<void()> on_change,
                     shared::Debounce::Times together)
    : follower_(follower), together_(loop, together, std::move(on_change)) {}

void Discovery::set(const std::set<ServerSource>& sources) {
  for (auto it = followed_.begin(); it != followed_.end();) {
    if (sources.contains(it->first)) {
      ++it;
      continue;
    }
    need(it->first, it->second, {});
    found_.erase(it->first);
    it = followed_.erase(it);
  }
  for (const ServerSource& source : sources) {
    const auto [at, fresh] = followed_.try_emplace(source);
    if (fresh) follow_source(source, at->second);
  }
}

void Discovery::follow_source(const ServerSource& source, Followed& followed) {
  if (source.kind == ServerSource::Kind::dns) return need(source, followed, {source.name});
  followed.records.follow =
      follower_.follow_services(source.name, kTell, [this, source](const shared::Result<shared::SrvAnswer>& result) {
        Followed& known = followed_.at(source);
        take(known.records, result, [](const shared::SrvAnswer& answer) { return answer.records; });
        std::set<std::string> hosts;
        for (const shared::SrvRecord& record : known.records.content) hosts.insert(record.target);
        need(source, known, std::move(hosts));
        update(source, known);
      });
}

void Discovery::follow_name(const std::string& host, Name& name) {
  for (std::size_t i = 0; i < kFamilies.size(); ++i) {
    name.halves[i].follow =
        follower_.follow(host, kFamilies[i], kTell, [this, &name, i](const shared::Result<shared::Resolved>& result) {
          take(name.halves[i], result, [](const shared::Resolved& answer) { return answer.addresses; });
          for (const ServerSource& source : name.users) update(source, followed_.at(source));
        });
  }
}

// Follows the names that the source needs now, and no others.
void Discovery::need(const ServerSource& source, Followed& followed, std::set<std::string> hosts) {
  for (const std::string& host : hosts) {
    const auto [at, fresh] = names_.try_emplace(host);
    at->second.users.insert(source);
    if (fresh) follow_name(host, at->second);
  }
  for (const std::string& host : followed.hosts) {
    if (hosts.contains(host)) continue;
    const auto at = names_.find(host);
    at->second.users.erase(source);
    if (at->second.users.empty()) names_.erase(at);
  }
  followed.hosts = std::move(hosts);
}

void Discovery::update(const ServerSource& source, Followed& followed) {
  if (adopt(source, followed)) together_.trigger();
  judge(source, followed);
}

// The servers that the last good answers name, if they can be taken now; else none.
std::vector<FoundServer> Discovery::servers_now(const ServerSource& source, const Followed& followed) const {
  std::vector<FoundServer> servers;
  if (source.kind == ServerSource::Kind::dns) {
    for (const shared::IpAddress& address : names_.at(source.name).addresses()) {
      servers.push_back({.host = address.to_string(), .port = source.port, .addresses = {address}});
    }
  } else {
    for (const shared::SrvRecord& record : followed.records.content) {
      const Name& target = names_.at(record.target);
      if (!target.heard()) return {};
      auto addresses = target.addresses();
      if (addresses.empty()) continue;
      servers.push_back({record.target, record.port, record.weight, record.priority, std::move(addresses)});
    }
  }
  if (servers.size() > kMostServers) servers.resize(kMostServers);
  return servers;
}

bool Discovery::adopt(const ServerSource& source, const Followed& followed) {
  std::vector<FoundServer> servers = servers_now(source, followed);
  if (servers.empty()) return false;
  const auto before = found_.find(source);
  if (before != found_.end() && before->second == servers) return false;
  log_event(Level::info, "servers_found",
            {{"source", to_string(source)},
             {"servers", servers.size()},
             {"before", before == found_.end() ? std::size_t{0} : before->second.size()}});
  found_[source] = std::move(servers);
  return true;
}

std::string Discovery::failure_of(const ServerSource& source, const Followed& followed) const {
  if (source.kind == ServerSource::Kind::dns) return names_.at(source.name).failure();
  if (!followed.records.failure.empty()) return followed.records.failure;
  for (const shared::SrvRecord& record : followed.records.content) {
    std::string failure = names_.at(record.target).failure();
    if (!failure.empty()) return "target " + record.target + ": " + failure;
  }
  return {};
}

void Discovery::judge(const ServerSource& source, Followed& followed) {
  const std::string failure = failure_of(source, followed);
  if (followed.failing == !failure.empty()) return;
  followed.failing = !failure.empty();
  const auto found = found_.find(source);
  const std::size_t servers = found == found_.end() ? 0 : found->second.size();
  if (followed.failing) {
    log_event(Level::warn, "discovery_failing",
              {{"source", to_string(source)}, {"servers_kept", servers}, {"reason", failure}});
  } else {
    log_event(Level::info, "discovery_recovered", {{"source", to_string(source)}, {"servers", servers}});
  }
}

Discovery::Standing Discovery::standing(const ServerSource& source) const {
  Standing standing;
  const auto found = found_.find(source);
  standing.answered = found != found_.end();
  if (standing.answered) standing.servers = found->second.size();
  const auto at = followed_.find(source);
  if (at == followed_.end()) return standing;
  standing.reason = failure_of(source, at->second);
  standing.failures = at->second.records.follow.failures();
  const auto count = [&](const std::string& host) {
    for (const Half& half : names_.at(host).halves) standing.failures += half.follow.failures();
  };
  if (source.kind == ServerSource::Kind::dns) count(source.name);
  for (const shared::SrvRecord& record : at->second.records.content) count(record.target);
  return standing;
}

// "found srv _http._tcp.x 0 a.x 8080 WEIGHT PRIORITY ADDRESS ADDRESS": no field can hold a blank.
std::string Discovery::remember() const {
  std::string lines;
  for (const auto& [source, servers] : found_) {
    for (const FoundServer& one : servers) {
      lines += std::string(kRemembered) + std::string(kind_of(source)) + ' ' + source.name + ' ' +
               std::to_string(source.port) + ' ' + one.host + ' ' + std::to_string(one.port) + ' ' +
               std::to_string(one.weight) + ' ' + std::to_string(one.priority);
      for (const shared::IpAddress& address : one.addresses) lines += ' ' + address.to_string();
      lines += '\n';
    }
  }
  return lines;
}

void Discovery::recall(std::string_view lines) {
  std::istringstream all{std::string(lines)};
  for (std::string line; std::getline(all, line);) {
    if (!line.starts_with(kRemembered)) continue;
    std::istringstream words(line.substr(kRemembered.size()));
    std::string kind;
    ServerSource source;
    FoundServer one;
    words >> kind >> source.name >> source.port >> one.host >> one.port >> one.weight >> one.priority;
    source.kind = kind == "srv" ? ServerSource::Kind::srv : ServerSource::Kind::dns;
    for (std::string text; words >> text;) {
      if (const auto address = shared::IpAddress::parse(text)) one.addresses.push_back(*address);
    }
    if (one.addresses.empty() || one.port == 0 || !followed_.contains(source)) continue;
    found_[source].push_back(std::move(one));
  }
}

}  // namespace edge
