#pragma once
// TestPeer: a scripted server on the test's own loop: it answers, is silent, closes, resets or refuses as told. TLS
// when made with make_tls. One thread, loopback, port 0.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "shared/serve/loop/loop.h"

namespace shared::test {

inline std::string ok_answer(const std::string& body = "{}") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class TestPeer {
 public:
  // Given a request, the bytes to answer with; nothing: silence.
  using Script = std::function<std::optional<std::string>(const std::string& request)>;

  enum class Ending { close, reset };
  enum class After { keep, close };

  explicit TestPeer(Loop& loop) : loop_(loop), context_(asio::ssl::context::tls_server), acceptor_(loop) { listen(0); }
  TestPeer(const TestPeer&) = delete;
  TestPeer& operator=(const TestPeer&) = delete;
  ~TestPeer() {
    refuse();
    end_all(Ending::close);
  }

  // A certificate of its own for `name`, returned as PEM.
  std::string use_tls(const std::string& name);

  [[nodiscard]] Endpoint endpoint() const { return {IpAddress::v4(0x7F000001), port_}; }

  Script script = [](const std::string&) { return ok_answer(); };
  After after = After::keep;  // what follows an answer
  std::string greeting;       // said on accept
  bool mute_tls = false;      // accept, never shake hands
  std::size_t accepted = 0;
  std::size_t ended = 0;  // connections that the client ended
  std::vector<std::string> requests;
  std::string server_name;  // the last SNI

  void refuse() {
    error_code ignored;
    acceptor_.close(ignored);
  }
  void listen_again() { listen(port_); }

  void end_all(Ending ending) {
    for (auto& connection : std::exchange(connections_, {})) end(*connection, ending);
  }
  [[nodiscard]] std::size_t open() const { return connections_.size(); }

  void say_to_all(const std::string& bytes) {
    for (const auto& connection : connections_) asio::write(connection->stream.next_layer(), asio::buffer(bytes));
  }

 private:
  struct Connection {
    explicit Connection(TcpSocket socket, asio::ssl::context& context) : stream(std::move(socket), context) {}
    asio::ssl::stream<TcpSocket> stream;
    std::array<char, 4096> in{};
    std::string request;
    std::string out;
  };
  using Held = std::shared_ptr<Connection>;

  void listen(std::uint16_t port) {
    acceptor_.open(asio::ip::tcp::v4());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind({asio::ip::address_v4::loopback(), port});
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    accept();
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, TcpSocket socket) {
      if (error) return;
      ++accepted;
      begin(std::make_shared<Connection>(std::move(socket), context_));
      accept();
    });
  }

  void begin(const Held& connection) {
    connections_.push_back(connection);
    if (!greeting.empty()) asio::write(connection->stream.next_layer(), asio::buffer(greeting));
    if (!tls_) return read(connection);
    if (mute_tls) return;
    connection->stream.async_handshake(asio::ssl::stream_base::server, [this, connection](error_code error) {
      const char* name = SSL_get_servername(connection->stream.native_handle(), TLSEXT_NAMETYPE_host_name);
      server_name = name == nullptr ? "" : name;
      if (error) return drop(connection);
      read(connection);
    });
  }

  static bool is_whole(const std::string& request) {
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const std::size_t head = request.find("\r\n\r\n");
    const std::size_t length = request.find(kLength);
    if (length >= head) return request.ends_with("\r\n\r\n");
    return request.size() >= head + 4 + std::stoul(request.substr(length + kLength.size()));
  }

  void read(const Held& connection) {
    const auto done = [this, connection](error_code error, std::size_t n) {
      if (error) return drop(connection);
      connection->request.append(connection->in.data(), n);
      if (is_whole(connection->request)) return answer(connection);
      read(connection);
    };
    if (tls_) return connection->stream.async_read_some(asio::buffer(connection->in), done);
    connection->stream.next_layer().async_read_some(asio::buffer(connection->in), done);
  }

  void answer(const Held& connection) {
    requests.push_back(std::exchange(connection->request, {}));
    const auto bytes = script(requests.back());
    if (!bytes) return read(connection);
    connection->out = *bytes;
    const auto done = [this, connection](error_code error, std::size_t) {
      if (error) return drop(connection);
      if (after == After::close) {
        std::erase(connections_, connection);
        return end(*connection, Ending::close);
      }
      read(connection);
    };
    if (tls_) return asio::async_write(connection->stream, asio::buffer(connection->out), done);
    asio::async_write(connection->stream.next_layer(), asio::buffer(connection->out), done);
  }

  void drop(const Held& connection) {
    if (std::erase(connections_, connection) > 0) ++ended;
  }

  void end(Connection& connection, Ending ending) {
    error_code ignored;
    auto& socket = connection.stream.next_layer();
    if (ending == Ending::reset) socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
  }

  Loop& loop_;
  asio::ssl::context context_;
  asio::basic_socket_acceptor<asio::ip::tcp, LoopExecutor> acceptor_;
  std::uint16_t port_ = 0;
  bool tls_ = false;
  std::vector<Held> connections_;
};

inline std::string TestPeer::use_tls(const std::string& name) {
  tls_ = true;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509* const x = certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -60);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, key.get());
  X509_NAME* const subject = X509_get_subject_name(x);
  const std::string text = name;
  X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
  X509_set_issuer_name(x, subject);
  X509_EXTENSION* const names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
  X509_add_ext(x, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(x, key.get(), EVP_sha256());
  SSL_CTX_use_certificate(context_.native_handle(), x);
  SSL_CTX_use_PrivateKey(context_.native_handle(), key.get());
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(memory.get(), x);
  char* data = nullptr;
  const long size = BIO_ctrl(memory.get(), BIO_CTRL_INFO, 0, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace shared::test
