#include "shared/load/certificates.h"

#include <memory>
#include <optional>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "shared/load/file.h"

namespace shared::load {
namespace {

constexpr std::size_t kMaxFile = 4 * 1024 * 1024;  // octets; the bundle of all public authorities has a quarter MiB

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};

// How many there are, or nothing when one is broken.
std::optional<std::size_t> count_certificates(const std::string& text) {
  ERR_clear_error();
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  std::size_t count = 0;
  for (;; ++count) {
    const std::unique_ptr<X509, Free> one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!one) break;
  }
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const bool end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  return end ? std::optional(count) : std::nullopt;
}

}  // namespace

Result<std::string> read_certificates(const std::filesystem::path& path) {
  auto text = read_file(path, {.largest = kMaxFile});
  if (!text) return fail("cannot read " + path.string() + ": " + text.error().message);
  const auto count = count_certificates(*text);
  if (!count) return fail(path.string() + " holds a broken certificate");
  if (*count == 0) return fail(path.string() + " holds no certificate; PEM is wanted (-----BEGIN CERTIFICATE-----)");
  return text;
}

}  // namespace shared::load
