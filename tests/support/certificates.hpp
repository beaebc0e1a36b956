#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "core/tls_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite::test {

/// Kinds of keys of a certificate.
enum class key_kind { p256, rsa2048, ed25519 };

struct certificate_options {
  long from_s = -3600, until_s = 3600;  ///< from now
  key_kind kind = key_kind::p256;
  std::string purposes = "serverAuth,clientAuth";  ///< extended key usage; none when empty
};

/// Signs certificates for tests; files are NAME.crt and NAME.key.
class certificate_authority {
 public:
  certificate_authority(const temporary_folder& folder, std::string name, key_kind kind = key_kind::p256,
                        long until_s = 3600)
      : folder_(folder), name_(std::move(name)), key_(make_key(kind)) {
    certificate_options how;
    how.until_s = until_s;
    own_ = make(name_, key_, how, key_, nullptr);
    write_certificate(name_ + ".crt", own_);
  }

  /// A new key and a certificate of this authority.
  tls_files issue(const std::string& name, const certificate_options& how = {}) const {
    const auto key = make_key(how.kind);
    write_certificate(name + ".crt", make(name, key, how, key_, own_.get()));
    write_key(name + ".key", key);
    return {folder_ / (name + ".crt"), folder_ / (name + ".key"), folder_ / (name_ + ".crt")};
  }

 private:
  using owned_key = std::shared_ptr<EVP_PKEY>;
  using owned_certificate = std::shared_ptr<X509>;

  template <class T>
  static T* need(T* made) {
    if (made == nullptr) throw std::runtime_error("OpenSSL made nothing");
    return made;
  }
  static owned_key make_key(key_kind kind) {
    auto* const made = kind == key_kind::p256      ? EVP_EC_gen("P-256")
                       : kind == key_kind::rsa2048 ? EVP_RSA_gen(2048)
                                                   : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    return {need(made), EVP_PKEY_free};
  }
  static void extend(X509* to, X509* issuer, int what, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer == nullptr ? to : issuer, to, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> made(
        need(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str())), X509_EXTENSION_free);
    X509_add_ext(to, made.get(), -1);
  }
  /// Of an authority's own when there is no `issuer`.
  static owned_certificate make(const std::string& name, const owned_key& key, const certificate_options& how,
                                const owned_key& signer, X509* issuer) {
    const owned_certificate out(need(X509_new()), X509_free);
    auto* const certificate = out.get();
    static long serial = 1000;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), how.from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), how.until_s);
    X509_set_pubkey(certificate, key.get());
    auto* const subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, issuer == nullptr ? subject : X509_get_subject_name(issuer));
    extend(certificate, issuer, NID_basic_constraints,
           issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (issuer == nullptr) extend(certificate, issuer, NID_key_usage, "critical,keyCertSign");
    if (issuer != nullptr && !how.purposes.empty())
      extend(certificate, issuer, NID_ext_key_usage, how.purposes);
    const bool plain = EVP_PKEY_get_base_id(signer.get()) == EVP_PKEY_ED25519;
    if (X509_sign(certificate, signer.get(), plain ? nullptr : EVP_sha256()) == 0)
      throw std::runtime_error("OpenSSL signed nothing");
    return out;
  }
  void write_certificate(const std::string& name, const owned_certificate& what) const {
    const std::unique_ptr<FILE, decltype(&std::fclose)> file(need(std::fopen((folder_ / name).c_str(), "w")),
                                                             std::fclose);
    PEM_write_X509(file.get(), what.get());
  }
  void write_key(const std::string& name, const owned_key& what) const {
    const std::unique_ptr<FILE, decltype(&std::fclose)> file(need(std::fopen((folder_ / name).c_str(), "w")),
                                                             std::fclose);
    ::chmod((folder_ / name).c_str(), 0600);
    PEM_write_PrivateKey(file.get(), what.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }

  const temporary_folder& folder_;
  std::string name_;
  owned_key key_;
  owned_certificate own_;
};

}  // namespace graphite::test
