#include "shared/serve/process/admin_ports.h"

#include <string>
#include <utility>

#include "shared/serve/os/log.h"

namespace shared {
namespace {

using load::ListenAddress;

enum class Purpose : std::uint8_t { admin, metrics };

Result<AdminAddress> address_of(const ListenAddress& listen, const std::optional<IpAddress>& own, Purpose purpose) {
  if (listen.kind == ListenAddress::Kind::unix_socket) return AdminAddress::parse(listen.to_string());
  const auto endpoint = listen.resolve(own);
  if (!endpoint) return fail("admin: " + listen.to_string() + " is no address on this node");
  if (purpose == Purpose::metrics) return AdminAddress{.where = *endpoint};
  return AdminAddress::parse(endpoint->to_string());
}

void open_own(Loop& loop, Inheritance& inheritance, AdminPorts& ports) {
  const StateDirectory* state = inheritance.state_directory();
  const auto none = [](std::string_view why) { log_event(Level::warn, "no_admin_socket", {{"reason", why}}); };
  if (state == nullptr) return none("there is no state directory");
  const std::string path = "unix:" + state->path() + "/" + std::string(load::kAdminSocket);
  for (const auto& port : ports) {
    if (port->address() == path) return;
  }
  const auto address = AdminAddress::parse(path);
  if (!address) return none(address.error().message);
  auto port = inheritance.open_admin(loop, *address);
  if (!port) return none(port.error().message);
  ports.push_back(std::move(*port));
}

}  // namespace

Result<AdminPorts> open_admin_ports(Loop& loop, Inheritance& inheritance, const AdminListeners& listeners) {
  AdminPorts ports;
  for (const auto purpose : {Purpose::admin, Purpose::metrics}) {
    for (const auto& listen : purpose == Purpose::admin ? listeners.admin : listeners.metrics) {
      const auto address = address_of(listen.value, listeners.own, purpose);
      if (!address) return fail(listen.at.to_string() + ": " + address.error().message);
      auto port = inheritance.open_admin(loop, *address);
      if (!port) return tl::unexpected(port.error());
      (*port)->set_access({.metrics_only = purpose == Purpose::metrics, .allow = {}, .key = {}});
      ports.push_back(std::move(*port));
    }
  }
  open_own(loop, inheritance, ports);
  return ports;
}

void apply_access(const AdminPorts& ports, const load::Config& config) {
  for (const auto& port : ports) {
    const bool metrics = port->access().metrics_only;
    port->set_access({.metrics_only = metrics,
                      .allow = metrics ? config.metrics.allow : std::vector<Prefix>(),
                      .key = config.admin.key_text});
  }
}

}  // namespace shared
