#include "dns/core/answer/chain.h"

#include <algorithm>

namespace dns {

void Chain::follow_dname(const HashedName& from, const Rrset& dname, std::size_t target_at) {
  names_[links_++] = {from.hash(0), dname.wire.data(), target_at, from.wire().size()};
}

bool Chain::has_seen(const HashedName& name) const {
  return std::any_of(names_.begin(), names_.begin() + links_,
                     [&](const Link& link) { return link.hash == name.hash(0); });
}

std::size_t Chain::target_at(const Rrset& dname) const {
  for (unsigned i = links_; i > 0; --i) {
    if (names_[i - 1].dname == dname.wire.data()) return names_[i - 1].target_at;
  }
  return 0;
}

bool Chain::grows(const HashedName& name, const Rrset& dname) const {
  for (unsigned i = links_; i > 0 && names_[i - 1].dname != nullptr; --i) {
    if (names_[i - 1].dname == dname.wire.data()) return name.wire().size() >= names_[i - 1].size;
  }
  return false;
}

}  // namespace dns
