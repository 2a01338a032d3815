#pragma once
// The admin ports of one server as its configuration wants them: further addresses, metrics listeners, and the Unix
// socket in its folder of the state directory, which is always there. Control loop.

#include <memory>
#include <optional>
#include <vector>

#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/load/config.h"
#include "shared/serve/admin/admin.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/process/inheritance.h"

namespace shared {

using AdminPorts = std::vector<std::unique_ptr<Admin>>;

struct AdminListeners {
  const std::vector<load::Located<load::ListenAddress>>& admin;
  const std::vector<load::Located<load::ListenAddress>>& metrics;
  std::optional<IpAddress> own;  // what {edge} stands for
};

// The further addresses first, the Unix socket last. Without a state directory, or if only that socket cannot be made,
// the server goes on without it, and the log says so.
[[nodiscard]] Result<AdminPorts> open_admin_ports(Loop& loop, Inheritance& inheritance,
                                                  const AdminListeners& listeners);

// What may change while the process runs: the key, and who may see metrics.
void apply_access(const AdminPorts& ports, const load::Config& config);

}  // namespace shared
