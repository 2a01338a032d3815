#include "shared/serve/tls/tls_session.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace shared {
namespace {

constexpr std::size_t kLargestRecord = SSL3_RT_MAX_PLAIN_LENGTH;

// Parts of a record; each thread's, as nothing of it outlives a call.
std::span<char, kLargestRecord> gathering() {
  static thread_local std::array<char, kLargestRecord> octets;
  return octets;
}

// Of this thread, during a call of OpenSSL that moves records: whom its callbacks are about. Neither SSL nor BIO has to
// know it then, which would take memory of each.
constinit thread_local TlsSession* current = nullptr;

TlsFailure kind_of_ssl(int reason) {
  switch (reason) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return TlsFailure::closed;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_UNEXPECTED_MESSAGE:
      return TlsFailure::not_tls;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return TlsFailure::version;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_CIPHERS_SPECIFIED:
      return TlsFailure::cipher;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return TlsFailure::alpn;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return TlsFailure::certificate;
    default:
      return reason >= SSL_AD_REASON_OFFSET ? TlsFailure::alert : TlsFailure::other;
  }
}

}  // namespace

std::string_view to_string(TlsFailure failure) {
  constexpr std::array<std::string_view, kTlsFailures> kWords{
      "none", "closed", "timeout", "not_tls", "version", "cipher", "name", "alpn", "certificate", "alert", "other"};
  return kWords[static_cast<std::size_t>(failure)];
}

struct TlsSession::Bio {
  static int read(BIO* bio, char* into, std::size_t size, std::size_t* read) {
    BIO_clear_retry_flags(bio);
    if (current == nullptr) return 0;
    TlsSession& session = *current;
    const TlsWire::Result taken = session.wire_->take({into, size});
    *read = taken.bytes;
    if (taken.status == TlsWire::Status::again) BIO_set_retry_read(bio);
    session.wire_closed_ = session.wire_closed_ || taken.status == TlsWire::Status::closed;
    return taken.status == TlsWire::Status::ok ? 1 : 0;
  }

  static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
    BIO_clear_retry_flags(bio);
    if (current == nullptr) return 0;
    const TlsWire::Result given =
        current->wire_->give({bytes, size}, current->another_follows_ ? TlsWire::Then::more : TlsWire::Then::nothing);
    *written = given.bytes;
    if (given.status == TlsWire::Status::again) BIO_set_retry_write(bio);
    return given.status == TlsWire::Status::ok ? 1 : 0;
  }

  static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    if (command == BIO_CTRL_EOF) return current != nullptr && current->wire_closed_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_PUSH || command == BIO_CTRL_POP ? 1 : 0;
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
      BIO_meth_set_read_ex(method, read);
      BIO_meth_set_write_ex(method, write);
      BIO_meth_set_ctrl(method, control);
      return method;
    }();
    return made;
  }

  // One for all sessions of a thread, since it knows nothing of any: 208 octets less for each. Another reference to it.
  static BIO* of_this_thread() {
    static thread_local const std::unique_ptr<BIO, int (*)(BIO*)> shared = [] {
      std::unique_ptr<BIO, int (*)(BIO*)> made(BIO_new(method()), BIO_free);
      BIO_set_init(made.get(), 1);
      return made;
    }();
    BIO_up_ref(shared.get());
    return shared.get();
  }
};

TlsSession::TlsSession(SSL* ssl, std::shared_ptr<const void> keeps) : ssl_(ssl, SSL_free), keeps_(std::move(keeps)) {
  BIO* const bio = Bio::of_this_thread();
  SSL_set_bio(ssl, bio, bio);
}

TlsSession::~TlsSession() = default;

// REQUIRES: a callback, from within drive().
TlsSession& TlsSession::of(const SSL* /*ssl*/) { return *current; }

// `call` is one of OpenSSL's that moves records.
template <class Call>
TlsSession::Status TlsSession::drive(TlsWire& wire, Call call) {
  if (failure_ != TlsFailure::none) return Status::failed;
  ERR_clear_error();
  wire_ = &wire;
  TlsSession* const before = std::exchange(current, this);
  const int result = call();
  current = before;
  wire_ = nullptr;
  if (result > 0) return Status::ok;
  const int error = SSL_get_error(ssl_.get(), result);
  wants_write_ = error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Status::again;
  if (error == SSL_ERROR_ZERO_RETURN) {
    ended_ = true;
    return Status::closed;
  }
  fail(error);
  return Status::failed;
}

void TlsSession::fail(int error) {
  buffered_ = false;
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  failure_ = TlsFailure::closed;
  failure_text_ = "the connection ended";
  if (error != SSL_ERROR_SSL || code == 0) return;
  failure_ = ERR_GET_LIB(code) == ERR_LIB_SSL ? kind_of_ssl(ERR_GET_REASON(code)) : TlsFailure::other;
  if (refused_name_) failure_ = TlsFailure::name;
  const char* const text = ERR_reason_error_string(code);
  if (text != nullptr) failure_text_ = text;
  const long verified = SSL_get_verify_result(ssl_.get());
  if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
    failure_text_ = X509_verify_cert_error_string(verified);
  }
}

TlsSession::Status TlsSession::handshake(TlsWire& wire) {
  const Status done = drive(wire, [this] { return SSL_do_handshake(ssl_.get()); });
  if (done == Status::ok) {
    learn_facts();
    buffered_ = SSL_has_pending(ssl_.get()) != 0;
  }
  if (done != Status::closed) return done;
  failure_ = TlsFailure::closed;  // in order, but too early
  failure_text_ = "the connection ended";
  return Status::failed;
}

void TlsSession::learn_facts() {
  const unsigned char* alpn = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &alpn, &size);
  facts_.alpn = {reinterpret_cast<const char*>(alpn), size};
  facts_.version = SSL_get_version(ssl_.get());
  facts_.cipher = SSL_get_cipher_name(ssl_.get());
  facts_.resumed = SSL_session_reused(ssl_.get()) != 0;
  const X509* const peer = SSL_is_server(ssl_.get()) != 0 ? SSL_get0_peer_certificate(ssl_.get()) : nullptr;
  if (peer == nullptr) return;
  const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(out.get(), X509_get_subject_name(peer), 0, XN_FLAG_RFC2253);
  const char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  facts_.peer_subject.assign(text, static_cast<std::size_t>(std::max(length, 0L)));
}

TlsSession::Result TlsSession::receive(TlsWire& wire, std::span<char> into) {
  std::size_t bytes = 0;
  const Status done = drive(wire, [&] { return SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes); });
  buffered_ = done == Status::ok && SSL_has_pending(ssl_.get()) != 0;
  receive_wants_write_ = done == Status::again && wants_write_;
  return {.status = done, .bytes = done == Status::ok ? bytes : 0};
}

// The octets of the next record: where the first part is enough for it, they are not copied.
std::span<const char> TlsSession::next_record(std::span<const iovec> parts, std::size_t skip) const {
  const std::size_t largest = half_out_ != 0 ? half_out_ : kLargestRecord;
  while (!parts.empty() && skip >= parts.front().iov_len) {
    skip -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (parts.empty()) return {};
  const std::span<const char> first(static_cast<const char*>(parts.front().iov_base) + skip,
                                    parts.front().iov_len - skip);
  if (first.size() >= largest || parts.size() == 1) return first.first(std::min(first.size(), largest));
  const auto gathered = gathering();
  std::size_t size = 0;
  for (const iovec& part : parts) {
    const std::size_t n = std::min(part.iov_len - skip, largest - size);
    std::memcpy(gathered.data() + size, static_cast<const char*>(part.iov_base) + skip, n);
    size += n;
    skip = 0;
    if (size == largest) break;
  }
  return gathered.first(size);
}

TlsSession::Result TlsSession::send(TlsWire& wire, std::span<const iovec> parts) {
  if (send_failed_) return {.status = Status::failed, .bytes = 0};
  std::size_t sent = 0;
  std::size_t size = 0;
  for (const iovec& part : parts) size += part.iov_len;
  while (true) {
    const std::span<const char> record = next_record(parts, sent);
    if (record.empty()) break;
    std::size_t bytes = 0;
    another_follows_ = sent + record.size() < size;
    const Status done = drive(wire, [&] { return SSL_write_ex(ssl_.get(), record.data(), record.size(), &bytes); });
    another_follows_ = false;
    send_wants_read_ = done == Status::again && !wants_write_;
    if (done == Status::failed && failure_ == TlsFailure::closed) {
      // A peer that takes no more may have said why, or answered already: that can still be read.
      failure_ = TlsFailure::none;
      send_failed_ = true;
      return {.status = Status::failed, .bytes = 0};
    }
    if (done != Status::ok) {
      half_out_ = done == Status::again && wants_write_ ? record.size() : 0;
      if (sent > 0 && done == Status::again) break;
      return {.status = done == Status::closed ? Status::failed : done, .bytes = 0};
    }
    half_out_ = 0;
    sent += bytes;
  }
  return {.status = Status::ok, .bytes = sent};
}

TlsSession::Status TlsSession::shutdown(TlsWire& wire) {
  if (said_end_) return Status::ok;
  if (half_out_ != 0 || send_failed_) return Status::failed;  // no other record can follow a part of one
  const Status done = drive(wire, [this] {
    const int result = SSL_shutdown(ssl_.get());
    return result == 0 ? 1 : result;  // ours is out, theirs has not come
  });
  said_end_ = done == Status::ok;
  return done == Status::closed ? Status::failed : done;
}

bool TlsSession::silent(TlsWire& wire) {
  char octet = 0;
  std::size_t bytes = 0;
  const Status done = drive(wire, [&] { return SSL_peek_ex(ssl_.get(), &octet, 1, &bytes); });
  buffered_ = done == Status::ok;
  receive_wants_write_ = done == Status::again && wants_write_;
  return done == Status::again;
}

}  // namespace shared
