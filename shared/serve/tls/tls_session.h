#pragma once
// TlsSession: one TLS connection, either end, as a caller that never blocks drives it over octets of its own (TlsWire).
// It is handed the wire with every call, knows no descriptor and allocates no buffer while nothing is under way.
// Made by TlsServer and TlsClient; owned by a connection, its thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <openssl/types.h>
#include <sys/uio.h>

namespace shared {

class TlsServer;

// Where records go and come from.
class TlsWire {
 public:
  enum class Status : std::uint8_t { ok, again, closed, failed };
  struct Result {
    Status status;
    std::size_t bytes;  // of `ok`: at least one
  };

  TlsWire() = default;
  virtual ~TlsWire() = default;
  TlsWire(const TlsWire&) = delete;
  TlsWire& operator=(const TlsWire&) = delete;

  [[nodiscard]] virtual Result take(std::span<char> into) = 0;
  // `more`: others follow at once, and may share a segment with these.
  enum class Then : std::uint8_t { nothing, more };
  [[nodiscard]] virtual Result give(std::span<const char> bytes, Then then) = 0;
};

// Why a handshake failed, as far as it is worth counting apart.
enum class TlsFailure : std::uint8_t {
  none,
  closed,       // the peer went
  timeout,      // its deadline passed; counted by whoever has the clock
  not_tls,      // HTTP in clear text, garbage
  version,      // no common one
  cipher,       // no common cipher, group or signature
  name,         // strict about names, and no certificate for this one
  alpn,         // no common protocol
  certificate,  // the peer's: none where one is required, or not good
  alert,        // the peer refused ours, for example
  other,
};
inline constexpr std::size_t kTlsFailures = static_cast<std::size_t>(TlsFailure::other) + 1;
[[nodiscard]] std::string_view to_string(TlsFailure failure);

// What was agreed on. Views stay as long as the session.
struct TlsFacts {
  std::string server_name;   // SNI, in lower case; empty: none
  std::string_view alpn;     // empty: none
  std::string_view version;  // "TLSv1.3"
  std::string_view cipher;   // "TLS_AES_128_GCM_SHA256"
  std::string peer_subject;  // RFC 2253; empty: the peer has shown no certificate
  bool resumed = false;
  const TlsServer* server = nullptr;  // that was spoken to; null: a client's session
  std::size_t host = 0;               // of its hosts
};

class TlsSession {
 public:
  enum class Status : std::uint8_t { ok, again, closed, failed };
  struct Result {
    Status status;
    std::size_t bytes;
  };

  // Takes `ssl`. `keeps` lives as long as the session.
  TlsSession(SSL* ssl, std::shared_ptr<const void> keeps);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // `ok`: octets may pass, and facts() are known.
  [[nodiscard]] Status handshake(TlsWire& wire);
  // The rest after it. `closed`: the peer has said that nothing more comes; an end of the wire without that is
  // `failed`.
  [[nodiscard]] Result receive(TlsWire& wire, std::span<char> into);
  // Small parts share a record. What is counted has gone to the wire; a record that is half out counts as nothing, and
  // the next send begins with the same octets and offers no fewer of them.
  [[nodiscard]] Result send(TlsWire& wire, std::span<const iovec> parts);
  // `ok`: close_notify has gone.
  [[nodiscard]] Status shutdown(TlsWire& wire);
  // Nothing is due: takes in tickets and key updates. False: the peer has spoken or closed.
  [[nodiscard]] bool silent(TlsWire& wire);

  // Whether receive() may give octets although the wire has none.
  [[nodiscard]] bool buffered() const { return buffered_; }
  // What the wire has to do before the last `again` can become something else.
  [[nodiscard]] bool receive_wants_write() const { return receive_wants_write_; }
  [[nodiscard]] bool send_wants_read() const { return send_wants_read_; }
  [[nodiscard]] bool wants_write() const { return wants_write_; }  // whatever the call was: the handshake
  // The peer has said the end, or the session is broken.
  [[nodiscard]] bool ended() const { return ended_ || failure_ != TlsFailure::none; }

  [[nodiscard]] const TlsFacts& facts() const { return facts_; }
  [[nodiscard]] TlsFailure failure() const { return failure_; }
  // OpenSSL's words for it; static.
  [[nodiscard]] std::string_view failure_text() const { return failure_text_; }

 private:
  friend class TlsServer;
  struct Bio;  // what OpenSSL knows of the wire

  static TlsSession& of(const SSL* ssl);
  template <class Call>
  Status drive(TlsWire& wire, Call call);
  void fail(int error);
  void learn_facts();
  [[nodiscard]] std::span<const char> next_record(std::span<const iovec> parts, std::size_t skip) const;

  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  std::shared_ptr<const void> keeps_;
  TlsWire* wire_ = nullptr;  // during a call
  TlsFacts facts_;
  std::string_view failure_text_;
  std::size_t half_out_ = 0;  // plaintext in the record that is
  TlsFailure failure_ = TlsFailure::none;
  bool wire_closed_ = false;
  bool another_follows_ = false;  // behind the record that is being written
  bool wants_write_ = false;      // after `again`
  bool buffered_ = false;
  bool receive_wants_write_ = false;
  bool send_wants_read_ = false;
  bool ended_ = false;
  bool said_end_ = false;
  bool send_failed_ = false;  // the wire takes nothing more
  bool refused_name_ = false;
};

}  // namespace shared
