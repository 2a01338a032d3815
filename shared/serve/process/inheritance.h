#pragma once
// Inheritance: what a server starts with: its state directory, and the sockets that the service manager or a running
// server gives it. Owned by the server; main thread until it serves, then control loop.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shared/core/result.h"
#include "shared/serve/admin/admin.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/process/inherited_sockets.h"
#include "shared/serve/process/state.h"
#include "shared/serve/process/upgrade.h"

namespace shared {

enum class Start : std::uint8_t { alone, upgrade };

class Inheritance {
 public:
  // `upgrade`: takes over from the server that runs on this directory, if one does; `alone`: that is an error. Without
  // a directory (it cannot be made, and the log says so) there is no state and no upgrade.
  [[nodiscard]] static Result<Inheritance> claim(const std::string& state_directory, Start start);

  [[nodiscard]] const StateDirectory* state_directory() const { return state_ ? &*state_ : nullptr; }
  [[nodiscard]] InheritedSockets& sockets() { return sockets_; }
  // On an inherited socket, or on a new one.
  [[nodiscard]] Result<std::unique_ptr<Admin>> open_admin(Loop& loop, const AdminAddress& address);
  // What the predecessor wanted us to know; empty without one.
  [[nodiscard]] std::string_view state() const;

  // We serve: the predecessor may go, and `ended` is called when it has; sockets that nobody took are closed.
  void serving(Loop& loop, std::function<void()> ended);
  void failed(std::string_view reason);

 private:
  std::optional<StateDirectory> state_;
  InheritedSockets sockets_;
  std::optional<Predecessor> predecessor_;
};

}  // namespace shared
