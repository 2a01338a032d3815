// Files of networks: whatever they hold, each network that is read lies in a list made of it, and is denied by it.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "edge/core/access/access_list.h"
#include "edge/load/access_file.h"
#include "shared/core/prefix_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  shared::load::Diagnostics diagnostics;
  const auto networks = edge::parse_networks(text, "list", diagnostics);
  if (diagnostics.errors() > 11) std::abort();
  const edge::AccessList list({.name = "list", .deny = networks}, std::make_shared<edge::AccessLive>());
  for (const shared::Prefix& network : networks) {
    if (list.allows(edge::unmapped(network.address))) std::abort();
  }
  return 0;
}
