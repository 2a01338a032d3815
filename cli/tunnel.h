#pragma once
// Tunnel: the Unix socket of an admin port on another host, here: ssh(1) forwards it for as long as the Tunnel lives,
// and says on standard error what it does not like. No password is asked for. `MERIDIAN_SSH` names another program than
// ssh.

#include <sys/types.h>

#include <memory>
#include <string>

#include "shared/core/result.h"

namespace cli {

class Tunnel {
 public:
  // `destination`: as ssh(1) wants it; `socket`: its path there. Blocks until it stands, 15 seconds at most.
  [[nodiscard]] static shared::Result<std::unique_ptr<Tunnel>> open(const std::string& destination,
                                                                    const std::string& socket);
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  [[nodiscard]] std::string address() const { return "unix:" + path(); }

 private:
  Tunnel() = default;
  [[nodiscard]] std::string path() const { return folder_ + "/admin.sock"; }
  [[nodiscard]] shared::Result<void> start(const std::string& destination, const std::string& socket);
  [[nodiscard]] shared::Result<void> wait(const std::string& destination);

  std::string folder_;  // ours alone
  pid_t child_ = -1;
};

}  // namespace cli
