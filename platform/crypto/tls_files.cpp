#include "platform/crypto/tls_files.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "core/secret.hpp"
#include "platform/crypto/openssl_owned.hpp"

namespace graphite {

namespace {

using certificate_stack = openssl_owned<STACK_OF(X509)>;

constexpr const char* remedy = "; 'graphite keygen DIR' makes all three files";

/// Leaves nothing in the thread's queue of errors, which others read as theirs.
struct clean_queue {
  ~clean_queue() { ERR_clear_error(); }
};

class opened_file {
 public:
  explicit opened_file(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), errno_(errno) {}
  ~opened_file() {
    if (fd_ >= 0) ::close(fd_);
  }
  opened_file(const opened_file&) = delete;
  opened_file& operator=(const opened_file&) = delete;
  int fd() const { return fd_; }
  int failed() const { return errno_; }

 private:
  int fd_, errno_;
};

result<void> check_secret_mode(const struct stat& is, const std::string& path) {
  if (is.st_uid != ::geteuid() && is.st_uid != 0)
    return fail(errc::permission_denied, path + " is another user's: a key belongs to who uses it");
  if ((is.st_mode & 077) == 0) return {};
  return fail(
      errc::permission_denied,
      path + " may be read or changed by others: take it for stolen, or run 'chmod 600 " + path + "'");
}

result<secret_bytes> read_pem(const std::string& path, bool secret) {
  const opened_file file(path);
  struct stat is {};
  if (file.fd() < 0) return fail_errno(file.failed(), "cannot open " + path);
  if (::fstat(file.fd(), &is) != 0) return fail_errno(errno, "cannot look at " + path);
  if (!S_ISREG(is.st_mode)) return fail(errc::corrupt, path + " is not a file" + remedy);
  if (secret) GRAPHITE_CHECK(check_secret_mode(is, path));
  byte_vector out(tls_file_bytes_max + 1);
  std::size_t size = 0;
  while (size < out.size()) {
    const auto got = ::read(file.fd(), out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "cannot read " + path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > tls_file_bytes_max) return fail(errc::too_large, path + " is too large for a PEM file");
  out.resize(size);
  return secret_bytes(std::move(out));
}

openssl_owned<BIO> reader_of(const secret_bytes& text) {
  return openssl_owned<BIO>(BIO_new_mem_buf(text.view().data(), static_cast<int>(text.view().size())));
}

/// Nobody is asked for a passphrase: a daemon has nobody to ask.
int no_passphrase(char*, int, int, void*) { return 0; }

result<certificate_stack> read_certificates(const std::string& path) {
  GRAPHITE_TRY(const auto text, read_pem(path, false));
  certificate_stack out(sk_X509_new_null());
  const auto from = reader_of(text);
  while (auto* const one = PEM_read_bio_X509(from.get(), nullptr, no_passphrase, nullptr))
    if (sk_X509_push(out.get(), one) == 0) X509_free(one);
  if (sk_X509_num(out.get()) <= 0) return fail(errc::corrupt, path + " holds no certificate (PEM)" + remedy);
  return out;
}

result<openssl_owned<EVP_PKEY>> read_key(const std::string& path) {
  GRAPHITE_TRY(const auto text, read_pem(path, true));
  openssl_owned<EVP_PKEY> out(
      PEM_read_bio_PrivateKey(reader_of(text).get(), nullptr, no_passphrase, nullptr));
  if (!out) return fail(errc::corrupt, path + " holds no key (PEM, without a passphrase)" + remedy);
  return out;
}

/// As a peer will do it, at either end.
result<void> verify(X509* own, STACK_OF(X509) * chain, STACK_OF(X509) * authority, const tls_files& files,
                    std::int64_t unix_ns, int purpose) {
  const openssl_owned<X509_STORE> trusted(X509_STORE_new());
  const openssl_owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  bool ready = trusted && context;
  for (int i = 0; ready && i < sk_X509_num(authority); ++i)
    ready = X509_STORE_add_cert(trusted.get(), sk_X509_value(authority, i)) == 1;
  if (!ready || X509_STORE_CTX_init(context.get(), trusted.get(), own, chain) != 1 ||
      X509_STORE_CTX_set_purpose(context.get(), purpose) != 1)
    return fail(errc::io, "cannot check " + files.certificate);
  X509_STORE_CTX_set_time(context.get(), 0, static_cast<time_t>(unix_ns / 1'000'000'000));
  if (X509_verify_cert(context.get()) == 1) return {};
  const auto why = X509_STORE_CTX_get_error(context.get());
  return fail(errc::permission_denied, files.certificate + " would be refused by those who trust " +
                                           files.authority + ": " + X509_verify_cert_error_string(why) +
                                           remedy);
}

}  // namespace

result<void> check_tls_files(const tls_files& files, std::int64_t unix_ns) {
  GRAPHITE_CHECK(files.all_named());
  const clean_queue after;
  GRAPHITE_TRY(const auto key, read_key(files.key));
  GRAPHITE_TRY(const auto chain, read_certificates(files.certificate));
  GRAPHITE_TRY(const auto authority, read_certificates(files.authority));
  auto* const own = sk_X509_value(chain.get(), 0);
  if (X509_check_private_key(own, key.get()) != 1)
    return fail(errc::corrupt, files.key + " is not the key of " + files.certificate + remedy);
  for (const int purpose : {X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT})
    GRAPHITE_CHECK(verify(own, chain.get(), authority.get(), files, unix_ns, purpose));
  return {};
}

}  // namespace graphite
