/* A library that calls what caf_openssl calls. */
#include <openssl/ssl.h>

int ssl_caller_all(SSL* ssl, void* bytes, int size);
int ssl_caller_all(SSL* ssl, void* bytes, int size) {
  return SSL_connect(ssl) + SSL_accept(ssl) + SSL_read(ssl, bytes, size) + SSL_write(ssl, bytes, size);
}
