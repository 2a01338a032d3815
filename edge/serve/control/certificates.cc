#include "edge/serve/control/certificates.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "edge/serve/io/tls_layer.h"
#include "shared/serve/tls/host_words.h"
#include "shared/serve/tls/ticket_file.h"

namespace edge {
namespace {

constexpr std::chrono::hours kRotation{12};

}  // namespace

void refuse_expired(const Built& present, const Built& next, std::chrono::system_clock::time_point now,
                    shared::load::Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < std::min(present.tls.size(), next.tls.size()); ++i) {
    const auto& before = present.tls[i].hosts;
    const auto& after = next.tls[i].hosts;
    for (std::size_t host = 0; host < std::min(before.size(), after.size()); ++host) {
      if (after[host].certified->not_after > now || before[host].certified->not_after <= now) continue;
      diagnostics.error({}, "certificate: " + after[host].file + " has expired, and the one in use has not");
    }
  }
}

shared::Result<void> Certificates::set(const Built& built) {
  std::map<std::size_t, std::shared_ptr<const shared::TlsServer>> made;
  for (const TlsPlan& plan : built.tls) {
    auto server =
        shared::TlsServer::make({.hosts = plan.hosts, .strict_names = plan.strict_names, .alpn = plan.alpn}, tickets_);
    if (!server) return tl::unexpected(server.error());
    made.emplace(plan.index, std::move(*server));
  }
  for (auto& [index, server] : made) {
    std::shared_ptr<Slot>& slot = slots_[index];
    if (slot == nullptr) slot = std::make_shared<Slot>();
    slot->server.store(std::move(server));
  }
  set_ticket_keys(built.ticket_keys);
  return {};
}

std::function<std::unique_ptr<StreamLayer>()> Certificates::layer_maker(std::size_t index) const {
  const auto found = slots_.find(index);
  if (found == slots_.end()) return {};
  return [slot = found->second]() -> std::unique_ptr<StreamLayer> {
    return std::make_unique<TlsLayer>(slot->server.load()->accept());
  };
}

std::string Certificates::met_by(std::size_t index, std::string_view name) const {
  const auto found = slots_.find(index);
  if (found == slots_.end()) return {};
  const auto server = found->second->server.load();
  return server != nullptr ? shared::words_for(*server, name) : std::string();
}

void Certificates::set_ticket_keys(const std::vector<std::string>& keys) {
  shared::TicketKeys::List list = shared::ticket_keys_of(keys);
  const bool file_before = std::exchange(from_file_, !list.empty());
  if (!list.empty()) tickets_.set(std::move(list));
  if (file_before && !from_file_) tickets_.set({shared::TicketKey::random()});
  if (!std::exchange(rotates_, true)) wait_for_rotation();
}

void Certificates::wait_for_rotation() {
  rotation_.expires_after(kRotation);
  rotation_.async_wait([this](shared::error_code error) {
    if (error) return;
    if (!from_file_) tickets_.rotate();
    wait_for_rotation();
  });
}

}  // namespace edge
