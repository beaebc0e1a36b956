/* A library that calls what caf_openssl calls. */
#include <openssl/ssl.h>

int ssl_caller_all(SSL* ssl, void* bytes, int size);
int ssl_caller_all(SSL* ssl, void* bytes, int size) {
  SSL_free(ssl);
  SSL_CTX* const context = SSL_get_SSL_CTX(ssl);
  return SSL_connect(ssl) + SSL_accept(ssl) + SSL_read(ssl, bytes, size) + SSL_write(ssl, bytes, size) +
         SSL_CTX_use_certificate_chain_file(context, "") + SSL_CTX_use_PrivateKey_file(context, "", 1) +
         SSL_CTX_load_verify_locations(context, "", "");
}
