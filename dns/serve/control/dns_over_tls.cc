#include "dns/serve/control/dns_over_tls.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "shared/load/tls_files.h"
#include "shared/serve/os/log.h"
#include "shared/serve/process/process_facts.h"
#include "shared/serve/tls/ticket_file.h"

namespace dns {
namespace {

using shared::load::Diagnostics;

constexpr auto kLook = shared::seconds(5);
constexpr std::chrono::hours kRotation{12};

bool same(const shared::load::TlsHost& one, const shared::load::TlsHost& other) {
  const bool same_authorities = one.client_authorities && other.client_authorities
                                    ? *one.client_authorities == *other.client_authorities
                                    : one.client_authorities == other.client_authorities;
  return one.certified->same_as(*other.certified) && one.certified->chain.size() == other.certified->chain.size() &&
         one.certified->ocsp == other.certified->ocsp && one.names == other.names && same_authorities;
}

struct Read {
  DnsOverTls::Held held;
  Diagnostics found;
};

}  // namespace

DnsOverTls::DnsOverTls(shared::Loop& loop, shared::Builder& builder)
    : loop_(loop), builder_(builder), look_(loop), rotation_(loop) {}

void DnsOverTls::set(const TlsConfig& config, Held held) {
  const bool first = config_.certificates.empty();
  config_ = config;
  ++era_;
  if (config_.certificates.empty()) return;
  if (held.hosts.empty()) {
    shared::log_event(shared::Level::error, "tls_not_served", {{"reason", "no usable certificate"}});
  }
  use_ticket_keys(std::move(held.ticket_keys));
  use(std::move(held.hosts));
  stamp_.reset();
  if (!first) return;
  watch();
  wait_for_rotation();
}

void DnsOverTls::use(std::vector<shared::load::TlsHost> hosts) {
  if (hosts.empty()) return;
  auto made = shared::TlsServer::make({.hosts = hosts, .strict_names = false, .alpn = {"dot"}}, tickets_);
  if (!made) return shared::log_event(shared::Level::error, "certificates_kept", {{"reason", made.error().message}});
  slot_->server.store(std::move(*made));
  hosts_ = std::move(hosts);
}

// Without a file, or one that a start could not read, tickets are this process's own.
void DnsOverTls::use_ticket_keys(std::vector<std::string> keys) {
  if (keys == ticket_keys_) return;
  ticket_keys_ = std::move(keys);
  shared::TicketKeys::List list = shared::ticket_keys_of(ticket_keys_);
  if (list.empty()) list.push_back(shared::TicketKey::random());
  tickets_.set(std::move(list));
}

TcpServer::MakeTls DnsOverTls::maker() const {
  return [slot = slot_]() -> std::unique_ptr<shared::TlsSession> {
    const auto server = slot->server.load();
    return server == nullptr ? nullptr : server->accept();
  };
}

void DnsOverTls::watch() {
  look_.expires_after(kLook);
  look_.async_wait([this](shared::error_code error) {
    if (!error) look();
  });
}

// What a file says while another one is not written yet is refused, and read again when that one is.
void DnsOverTls::look() {
  shared::load::TlsFiles files;
  shared::load::add_files(config_.certificates, files);
  if (config_.ticket_keys) files.push_back(config_.ticket_keys->value);
  shared::load::settle(files);
  builder_.run_then(
      loop_, [files = std::move(files)] { return shared::load::stamp_of(files); },
      [this, era = era_](std::uint64_t stamp) {
        watch();
        if (era != era_) return;
        if (std::exchange(stamp_, stamp) != stamp) renew();  // the first time, too: they were read some time before
      });
}

void DnsOverTls::renew() {
  builder_.run_then(
      loop_,
      [config = config_] {
        Read read;
        Diagnostics& found = read.found;
        read.held.hosts = shared::load::read_tls_hosts(config.certificates, std::chrono::system_clock::now(), found);
        if (config.ticket_keys) read.held.ticket_keys = shared::load::read_ticket_keys(*config.ticket_keys, found);
        return read;
      },
      [this, era = era_](Read read) {
        if (era != era_) return;
        if (read.found.failed()) {
          return shared::log_event(shared::Level::error, "certificates_kept", {{"reason", read.found.render()}});
        }
        const bool same_keys = read.held.ticket_keys == ticket_keys_;
        if (same_keys && std::ranges::equal(read.held.hosts, hosts_, same)) return;
        shared::log_diagnostics(read.found);
        use_ticket_keys(std::move(read.held.ticket_keys));
        use(std::move(read.held.hosts));
        shared::log_event(shared::Level::info, "certificates_renewed");
      });
}

void DnsOverTls::wait_for_rotation() {
  rotation_.expires_after(kRotation);
  rotation_.async_wait([this](shared::error_code error) {
    if (error) return;
    if (ticket_keys_.empty()) tickets_.rotate();
    wait_for_rotation();
  });
}

}  // namespace dns
