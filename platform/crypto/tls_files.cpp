#include "platform/crypto/tls_files.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

namespace graphite {

namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* what) const {
    Free(what);
  }
};
struct free_stack {
  void operator()(STACK_OF(X509) * what) const { sk_X509_pop_free(what, X509_free); }
};
using owned_bio = std::unique_ptr<BIO, freed_by<BIO_free>>;
using owned_certificate = std::unique_ptr<X509, freed_by<X509_free>>;
using owned_pkey = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using owned_store = std::unique_ptr<X509_STORE, freed_by<X509_STORE_free>>;
using owned_store_context = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>>;
using owned_stack = std::unique_ptr<STACK_OF(X509), free_stack>;

constexpr const char* remedy = "; 'graphite keygen DIR' makes all three files";

/// Leaves nothing in the thread's queue of errors, which others read as theirs.
struct clean_queue {
  ~clean_queue() { ERR_clear_error(); }
};

/// A file's bytes, overwritten at the end.
class secret_text {
 public:
  secret_text() = default;
  secret_text(secret_text&& from) noexcept : bytes_(std::move(from.bytes_)) {}
  ~secret_text() {
    if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
  }
  std::vector<char>& bytes() { return bytes_; }

 private:
  std::vector<char> bytes_;
};

class open_file {
 public:
  explicit open_file(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), errno_(errno) {}
  ~open_file() {
    if (fd_ >= 0) ::close(fd_);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
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

result<secret_text> read_pem(const std::string& path, bool secret) {
  const open_file file(path);
  struct stat is {};
  if (file.fd() < 0) return fail_errno(file.failed(), "cannot open " + path);
  if (::fstat(file.fd(), &is) != 0) return fail_errno(errno, "cannot look at " + path);
  if (!S_ISREG(is.st_mode)) return fail(errc::corrupt, path + " is not a file" + remedy);
  if (secret) GRAPHITE_CHECK(check_secret_mode(is, path));
  secret_text out;
  out.bytes().resize(tls_file_bytes_max + 1);
  std::size_t size = 0;
  for (;;) {
    const auto got = ::read(file.fd(), out.bytes().data() + size, out.bytes().size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "cannot read " + path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > tls_file_bytes_max) return fail(errc::too_large, path + " is too large for a PEM file");
  }
  out.bytes().resize(size);
  return out;
}

owned_bio reader_of(secret_text& text) {
  return owned_bio(BIO_new_mem_buf(text.bytes().data(), static_cast<int>(text.bytes().size())));
}

/// Nobody is asked for a passphrase: a daemon has nobody to ask.
int no_passphrase(char*, int, int, void*) { return 0; }

result<owned_stack> read_certificates(const std::string& path) {
  GRAPHITE_TRY(auto text, read_pem(path, false));
  owned_stack out(sk_X509_new_null());
  const auto from = reader_of(text);
  while (auto* const one = PEM_read_bio_X509(from.get(), nullptr, no_passphrase, nullptr))
    if (sk_X509_push(out.get(), one) == 0) X509_free(one);
  if (sk_X509_num(out.get()) <= 0) return fail(errc::corrupt, path + " holds no certificate (PEM)" + remedy);
  return out;
}

result<owned_pkey> read_key(const std::string& path) {
  GRAPHITE_TRY(auto text, read_pem(path, true));
  owned_pkey out(PEM_read_bio_PrivateKey(reader_of(text).get(), nullptr, no_passphrase, nullptr));
  if (!out) return fail(errc::corrupt, path + " holds no key (PEM, without a passphrase)" + remedy);
  return out;
}

/// As a peer will do it, at either end.
result<void> verify(X509* own, STACK_OF(X509) * chain, STACK_OF(X509) * authority, const tls_files& files,
                    std::int64_t unix_ns, int purpose) {
  const owned_store trusted(X509_STORE_new());
  const owned_store_context context(X509_STORE_CTX_new());
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
