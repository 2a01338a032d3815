#include "shared/serve/process/inheritance.h"

#include <filesystem>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "shared/serve/os/log.h"
#include "shared/serve/process/notify.h"

namespace shared {

Result<Inheritance> Inheritance::claim(const std::string& state_directory, Start start) {
  Inheritance out;
  std::vector<UniqueFd> sockets = descriptors_of_manager();
  std::error_code error;
  std::filesystem::create_directories(state_directory, error);
  if (error) {
    log_event(Level::warn, "state_not_kept", {{"directory", state_directory}, {"reason", error.message()}});
    out.sockets_ = InheritedSockets(std::move(sockets));
    return out;
  }
  if (start == Start::upgrade) {
    auto asked = Predecessor::ask(state_directory);
    if (!asked) return tl::unexpected(asked.error());
    out.predecessor_ = std::move(*asked);
  }
  if (out.predecessor_) sockets = out.predecessor_->take_sockets();
  auto state = out.predecessor_ ? StateDirectory::adopt(state_directory, out.predecessor_->take_lock())
                                : StateDirectory::open(state_directory);
  if (!state) return tl::unexpected(state.error());
  out.state_.emplace(std::move(*state));
  out.sockets_ = InheritedSockets(std::move(sockets));
  return out;
}

Result<std::unique_ptr<Admin>> Inheritance::open_admin(Loop& loop, const AdminAddress& address) {
  UniqueFd inherited;
  if (const auto* path = std::get_if<std::string>(&address.where)) {
    inherited = sockets_.take_unix(*path);
  } else if (auto found = sockets_.take_tcp(std::get<Endpoint>(address.where)); !found.empty()) {
    inherited = std::move(found.front());
  }
  if (inherited.valid()) return Admin::adopt(loop, address, std::move(inherited));
  return Admin::listen(loop, address);
}

std::string_view Inheritance::state() const {
  return predecessor_ ? std::string_view(predecessor_->state()) : std::string_view();
}

void Inheritance::serving(Loop& loop, std::function<void()> ended) {
  if (sockets_.left() > 0) log_event(Level::info, "sockets_not_wanted", {{"count", sockets_.left()}});
  sockets_ = InheritedSockets();
  if (!predecessor_) return;
  predecessor_->ready();
  predecessor_->on_end(loop, std::move(ended));
}

void Inheritance::failed(std::string_view reason) {
  if (predecessor_) predecessor_->failed(reason);
  predecessor_.reset();
}

}  // namespace shared
