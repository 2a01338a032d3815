#pragma once
// DnsOverTls: what clients that speak TLS are shown: the certificates of the present world, read again when one of
// their files changes, and the keys of session tickets: those of a file, which nodes share and which is followed, too,
// or this process's own, which change every 12 hours. Connections keep what they shook hands with. Owned by Control, on
// the control loop; what maker() gives may be called by workers while this stands.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/load/config/config.h"
#include "dns/serve/tcp/tcp_server.h"
#include "shared/load/tls_hosts.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/process/builder.h"
#include "shared/serve/tls/ticket_keys.h"
#include "shared/serve/tls/tls_server.h"

namespace dns {

class DnsOverTls {
 public:
  DnsOverTls(shared::Loop& loop, shared::Builder& builder);
  DnsOverTls(const DnsOverTls&) = delete;
  DnsOverTls& operator=(const DnsOverTls&) = delete;

  // What the files hold.
  struct Held {
    std::vector<shared::load::TlsHost> hosts;
    std::vector<std::string> ticket_keys;  // empty: random ones
  };
  // Of a new world. No hosts: nobody can be served until their files are mended.
  void set(const TlsConfig& config, Held held);
  [[nodiscard]] TcpServer::MakeTls maker() const;
  // For reports.
  [[nodiscard]] const std::vector<shared::load::TlsHost>& hosts() const { return hosts_; }

 private:
  struct Slot {
    std::atomic<std::shared_ptr<const shared::TlsServer>> server;
  };

  void use(std::vector<shared::load::TlsHost> hosts);
  void use_ticket_keys(std::vector<std::string> keys);
  void watch();
  void look();
  void renew();
  void wait_for_rotation();

  shared::Loop& loop_;
  shared::Builder& builder_;
  shared::TicketKeys tickets_;
  std::shared_ptr<Slot> slot_ = std::make_shared<Slot>();
  TlsConfig config_;
  std::vector<shared::load::TlsHost> hosts_;
  std::vector<std::string> ticket_keys_;  // of the file
  std::optional<std::uint64_t> stamp_;    // of the files that were tried last
  std::uint64_t era_ = 0;                 // counts worlds
  shared::Timer look_;
  shared::Timer rotation_;
};

}  // namespace dns
