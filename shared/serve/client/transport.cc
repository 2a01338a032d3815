#include "shared/serve/client/transport.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "shared/serve/os/log.h"
#include "shared/serve/tls/tls_client.h"

namespace shared {
namespace {

void close_socket(TcpSocket& socket) {
  error_code ignored;
  socket.close(ignored);
}

// `done` keeps the transport's owner, and with it `greeting`, alive.
void connect_and_greet(TcpSocket& socket, const Endpoint& endpoint, const std::string& greeting, Transport::Done done) {
  if (greeting.empty()) return socket.async_connect(to_asio(endpoint), std::move(done));
  socket.async_connect(to_asio(endpoint), [&socket, &greeting, done = std::move(done)](error_code error) {
    if (error) return done(error);
    asio::async_write(socket, asio::buffer(greeting), [done](error_code e, std::size_t) { done(e); });
  });
}

class PlainTransport final : public Transport {
 public:
  PlainTransport(Loop& loop, std::string greeting) : socket_(loop), greeting_(std::move(greeting)) {}

  void connect(const Endpoint& endpoint, Done done) override {
    connect_and_greet(socket_, endpoint, greeting_, std::move(done));
  }
  void write(std::string_view bytes, Done done) override {
    asio::async_write(socket_, asio::buffer(bytes), [done = std::move(done)](error_code e, std::size_t) { done(e); });
  }
  void read_some(std::span<char> buffer, ReadDone done) override {
    socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), std::move(done));
  }
  void close() override { close_socket(socket_); }

 private:
  TcpSocket socket_;
  std::string greeting_;
};

class TlsTransport final : public Transport {
 public:
  // `host` is the SNI and, if the context verifies, the name or address that the certificate must have.
  TlsTransport(Loop& loop, asio::ssl::context& context, const std::string& host, TransportWay way)
      : stream_(TcpSocket(loop), context), greeting_(std::move(way.greeting)) {
    SSL* const ssl = stream_.native_handle();
    if (!way.alpn.empty()) {
      SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(way.alpn.data()),
                          static_cast<unsigned int>(way.alpn.size()));
    }
    if (!host.empty() && !IpAddress::parse(host)) {  // RFC 6066 section 3: names only
      std::string name = host;
      SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    }
    if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE) {
      stream_.set_verify_callback(asio::ssl::host_name_verification(host));
    }
  }

  void connect(const Endpoint& endpoint, Done done) override {
    // `done` keeps the owner, and with it this object, alive.
    connect_and_greet(stream_.next_layer(), endpoint, greeting_, [this, done = std::move(done)](error_code error) {
      if (error) return done(error);
      stream_.async_handshake(asio::ssl::stream_base::client, done);
    });
  }
  void write(std::string_view bytes, Done done) override {
    asio::async_write(stream_, asio::buffer(bytes), [done = std::move(done)](error_code e, std::size_t) { done(e); });
  }
  void read_some(std::span<char> buffer, ReadDone done) override {
    stream_.async_read_some(asio::buffer(buffer.data(), buffer.size()), std::move(done));
  }
  void close() override { close_socket(stream_.next_layer()); }

 private:
  asio::ssl::stream<TcpSocket> stream_;
  std::string greeting_;
};

// "www.example.com:8443" -> "www.example.com", "[::1]:443" -> "::1".
std::string without_port(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  const std::size_t colon = host.find(':');
  const bool port = colon != std::string_view::npos && colon == host.rfind(':');
  return std::string(port ? host.substr(0, colon) : host);
}

}  // namespace

std::unique_ptr<Transport> make_transport(Loop& loop, ClientTlsContexts& contexts, TransportWay way) {
  if (!way.tls) return std::make_unique<PlainTransport>(loop, std::move(way.greeting));
  const std::string name = way.tls->server_name.empty() ? without_port(way.host) : way.tls->server_name;
  return std::make_unique<TlsTransport>(loop, contexts.of(*way.tls), name, std::move(way));
}

// What a connection needs of its context it holds itself.
asio::ssl::context& ClientTlsContexts::of(const ClientTls& tls) {
  ClientTls kind = tls;
  kind.server_name.clear();
  const auto found = std::ranges::find(known_, kind, &Known::tls);
  if (found != known_.end()) return *found->context;
  auto context = new_client_context(kind);
  if (!context && kind.certified) {
    log_event(Level::error, "client_certificate_unused", {{"reason", context.error().message}});
    ClientTls without = kind;
    without.certified = nullptr;
    context = new_client_context(without);
  }
  if (!context) std::abort();  // out of memory, as operator new does
  if (known_.size() >= kMost) known_.erase(known_.begin());
  known_.push_back({std::move(kind), std::make_unique<asio::ssl::context>(*context)});
  return *known_.back().context;
}

}  // namespace shared
