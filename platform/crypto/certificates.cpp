#include "platform/crypto/certificates.hpp"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <limits>

#include "platform/crypto/openssl_owned.hpp"

namespace graphite {

namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;
constexpr int key_bytes_max = 16 * 1024, certificate_bytes_max = 1024 * 1024;

result<openssl_owned<X509>> parse_certificate(std::string_view pem) {
  if (pem.size() > certificate_bytes_max) return fail(errc::corrupt, "a certificate that is too long");
  const openssl_owned<BIO> from(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  openssl_owned<X509> out(from ? PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!out) return fail(errc::corrupt, openssl_refused("not a certificate").value().context);
  return out;
}

result<openssl_owned<EVP_PKEY>> parse_key(byte_span pem) {
  if (pem.size() > key_bytes_max) return fail(errc::corrupt, "a key that is too long");
  const openssl_owned<BIO> from(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const auto no_password = [](char*, int, int, void*) { return -1; };
  openssl_owned<EVP_PKEY> out(from ? PEM_read_bio_PrivateKey(from.get(), nullptr, no_password, nullptr)
                                   : nullptr);
  if (!out) return fail(errc::corrupt, openssl_refused("not a key without a password").value().context);
  return out;
}

template <class Write>
result<byte_vector> to_pem(const char* what, Write write) {
  const openssl_owned<BIO> into(BIO_new(BIO_s_secmem()));
  if (!into || write(into.get()) != 1) return openssl_refused(what);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(into.get(), &text);
  const auto bytes = as_bytes(std::string_view(text, static_cast<std::size_t>(size)));
  return byte_vector(bytes.begin(), bytes.end());
}

bool set_time(ASN1_TIME* place, std::int64_t unix_ns) {
  return ASN1_TIME_set(place, static_cast<time_t>(unix_ns / ns_per_second)) != nullptr;
}

bool extend(X509* to, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  const openssl_owned<X509_EXTENSION> made(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  return made && X509_add_ext(to, made.get(), -1) == 1;
}

bool add_uses(X509* to, X509* issuer, const certificate_request& what) {
  if (what.use == certificate_use::authority)
    return extend(to, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           extend(to, issuer, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           extend(to, issuer, NID_subject_key_identifier, "hash");
  const char* purpose = what.use == certificate_use::server ? "serverAuth"
                        : what.use == certificate_use::peer ? "serverAuth,clientAuth"
                                                            : "clientAuth";
  return extend(to, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         extend(to, issuer, NID_key_usage, "critical,digitalSignature") &&
         extend(to, issuer, NID_ext_key_usage, purpose) &&
         (what.host.empty() || extend(to, issuer, NID_subject_alt_name, ("DNS:" + what.host).c_str()));
}

bool add_facts(X509* to, const certificate_request& what) {
  auto* const name = X509_get_subject_name(to);
  return X509_set_version(to, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(to), what.serial) == 1 &&
         set_time(X509_getm_notBefore(to), what.valid.from_unix_ns) &&
         set_time(X509_getm_notAfter(to), what.valid.until_unix_ns) &&
         X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(what.common_name.data()),
                                    static_cast<int>(what.common_name.size()), -1, 0) == 1;
}

result<void> check_request(const certificate_request& what) {
  const auto size = what.common_name.size();
  if (size == 0 || size > what.common_name_bytes_max)
    return fail(errc::invalid_argument, fmt::format("a certificate's name of {} bytes", size));
  if (what.host.find_first_of(",:\n ") != std::string::npos)
    return fail(errc::invalid_argument, fmt::format("'{}' is no host's name", what.host));
  if (what.valid.until_unix_ns <= what.valid.from_unix_ns)
    return fail(errc::invalid_argument, "a certificate that is never valid");
  return {};
}

/// `issuer` and `signer` null: it signs itself.
result<certificate_pair> make(const certificate_request& what, X509* issuer, EVP_PKEY* signer) {
  const openssl_owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const openssl_owned<X509> out(X509_new());
  if (!key || !out || !add_facts(out.get(), what)) return openssl_refused("cannot make a certificate");
  if (issuer == nullptr) issuer = out.get();
  if (signer == nullptr) signer = key.get();
  if (X509_set_pubkey(out.get(), key.get()) != 1 ||
      X509_set_issuer_name(out.get(), X509_get_subject_name(issuer)) != 1 ||
      !add_uses(out.get(), issuer, what) || X509_sign(out.get(), signer, EVP_sha256()) == 0)
    return openssl_refused("cannot sign a certificate");
  GRAPHITE_TRY(const auto certificate, to_pem("cannot write a certificate", [&](BIO* into) {
                 return PEM_write_bio_X509(into, out.get());
               }));
  GRAPHITE_TRY(auto secret, to_pem("cannot write a key", [&](BIO* into) {
                 return PEM_write_bio_PKCS8PrivateKey(into, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
               }));
  return certificate_pair{std::string(as_text(certificate)), secret_bytes(std::move(secret))};
}

}  // namespace

result<certificate_pair> make_authority(const certificate_request& what) {
  GRAPHITE_CHECK(check_request(what));
  auto request = what;
  request.use = certificate_use::authority;
  return make(request, nullptr, nullptr);
}

result<certificate_pair> issue_certificate(const certificate_pair& authority,
                                           const certificate_request& what) {
  GRAPHITE_CHECK(check_request(what));
  if (what.use == certificate_use::authority)
    return fail(errc::invalid_argument, "an authority that another one signs");
  GRAPHITE_TRY(const auto issuer, parse_certificate(authority.certificate));
  GRAPHITE_TRY(const auto signer, parse_key(authority.key.view()));
  if (X509_check_private_key(issuer.get(), signer.get()) != 1)
    return fail(errc::corrupt, openssl_refused("an authority's key and certificate").value().context);
  return make(what, issuer.get(), signer.get());
}

result<certificate_facts> read_certificate(std::string_view pem) {
  GRAPHITE_TRY(const auto read, parse_certificate(pem));
  certificate_facts out;
  char name[certificate_request::common_name_bytes_max + 1] = {};
  const auto size =
      X509_NAME_get_text_by_NID(X509_get_subject_name(read.get()), NID_commonName, name, sizeof name);
  if (size <= 0 || ASN1_INTEGER_get_uint64(&out.serial, X509_get0_serialNumber(read.get())) != 1)
    return fail(errc::corrupt, "a certificate that GRAPHITE did not make");
  out.common_name.assign(name, static_cast<std::size_t>(size));
  std::tm until{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(read.get()), &until) != 1)
    return fail(errc::corrupt, "a certificate without an end");
  out.until_unix_ns = static_cast<std::int64_t>(::timegm(&until)) * ns_per_second;
  out.authority = X509_check_ca(read.get()) > 0;
  return out;
}

}  // namespace graphite
