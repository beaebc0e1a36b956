find_package(OpenSSL REQUIRED)
graphite_test(tls_files_tests LABEL adapter SOURCES
  open_handshakes_test.cpp
  refused_connections_test.cpp
  tls_files_test.cpp
  LIBS graphite_crypto OpenSSL::Crypto)
add_library(ssl_caller SHARED ssl_caller.c)
target_link_libraries(ssl_caller PRIVATE OpenSSL::SSL)
graphite_test(ssl_calls_tests LABEL adapter SOURCES
  ssl_calls_test.cpp
  LIBS graphite_ssl_calls OpenSSL::SSL)
set_target_properties(ssl_calls_tests PROPERTIES ENABLE_EXPORTS ON)
target_compile_definitions(ssl_calls_tests PRIVATE GRAPHITE_SSL_CALLER="$<TARGET_FILE:ssl_caller>")
add_dependencies(ssl_calls_tests ssl_caller)
