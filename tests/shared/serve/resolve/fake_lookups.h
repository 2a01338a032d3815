#pragma once
// Lookups that a test answers: what is asked is kept until it does.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "shared/serve/resolve/name_follower.h"

namespace shared::test {

class FakeLookups {
 public:
  explicit FakeLookups(NameFollower& names) {
    names.use({[this](const std::string& name, ResolveFamily family, Resolver::Callback done) {
                 asked.emplace(std::pair(name, family), std::move(done));
               },
               [](const std::string&, const Resolver::SrvCallback&) {}});
  }

  // Answers the lookup of this name that is under way; false: there is none.
  bool answer(const std::string& name, ResolveFamily family, const std::vector<std::string>& addresses,
              seconds ttl = seconds(60)) {
    Resolved out{{}, ttl};
    for (const auto& text : addresses) out.addresses.push_back(*IpAddress::parse(text));
    return end(name, family, std::move(out));
  }
  bool end(const std::string& name, ResolveFamily family, Result<Resolved> result) {
    const auto at = asked.extract({name, family});
    if (at) at.mapped()(std::move(result));
    return !at.empty();
  }

  std::map<std::pair<std::string, ResolveFamily>, Resolver::Callback> asked;
};

}  // namespace shared::test
