#include "cli/remote_service.hpp"

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "gateway/start_token.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/keys/key_layout.hpp"

namespace graphite {

namespace {

constexpr std::size_t certificate_file_bytes_max = 64 * 1024, token_file_bytes_max = 4 * 1024;
constexpr const char *authority_file = "clients-ca.crt", *certificate_file = "client.crt",
                     *certificate_key_file = "client.key";

bool is_there(const std::string& path) {
  std::error_code unknown;
  return std::filesystem::exists(path, unknown);
}

result<std::string> read_text(const std::string& path) {
  GRAPHITE_TRY(const auto bytes, read_secret_file(path, certificate_file_bytes_max));
  return std::string(as_text(bytes.view()));
}

/// Without the line's end, which is no part of it.
result<std::shared_ptr<const secret_bytes>> read_token(const std::string& path) {
  GRAPHITE_TRY(const auto bytes, read_secret_file(path, token_file_bytes_max));
  const auto text = bytes.view();
  const auto size = as_text(text).find_last_not_of("\r\n ") + 1;
  return std::make_shared<const secret_bytes>(secret_bytes(byte_vector(text.begin(), text.begin() + size)));
}

result<std::shared_ptr<tls_identity>> read_identity(const std::string& folder) {
  auto out = std::make_shared<tls_identity>();
  GRAPHITE_TRY(out->authority, read_text(key_layout::join(folder, authority_file)));
  const auto certificate = key_layout::join(folder, certificate_file);
  if (!is_there(certificate)) return out;
  GRAPHITE_TRY(out->certificate, read_text(certificate));
  GRAPHITE_TRY(out->key,
               read_secret_file(key_layout::join(folder, certificate_key_file), certificate_file_bytes_max));
  return out;
}

bool is_start_token(const secret_bytes& token) {
  return as_text(token.view()).starts_with(start_token::prefix);
}

}  // namespace

void add_remote_address(CLI::App& command, remote_options& options) {
  command
      .add_option("--at", options.at,
                  "Ask the service at this address, with --keys or --token (default: this machine's socket)")
      ->envname("GRAPHITE_AT")
      ->type_name("HOST:PORT");
  command
      .add_option("--token", options.token_file,
                  "File with the token for --at (default: `token` in the folder of --keys)")
      ->envname("GRAPHITE_TOKEN_FILE")
      ->type_name("FILE");
}

void add_remote_options(CLI::App& command, remote_options& options) {
  add_remote_address(command, options);
  command.add_option("--keys", options.keys, "Folder with the client's keys for --at")
      ->envname("GRAPHITE_KEYS")
      ->type_name("DIR");
}

result<service_address> client_keys_from(const std::string& folder) {
  GRAPHITE_CHECK(check_key_folder(folder));
  service_address out;
  GRAPHITE_TRY(auto identity, read_identity(folder));
  const auto token = key_layout::join(folder, key_layout::token);
  if (is_there(token)) {
    GRAPHITE_TRY(out.token, read_token(token));
  }
  if (identity->certificate.empty() && !out.token)
    return fail(errc::not_found, fmt::format("{} has neither {} nor {}: it is no client's part", folder,
                                             certificate_file, key_layout::token));
  out.keys = std::move(identity);
  return out;
}

result<service_address> address_of(const remote_options& options) {
  service_address out;
  leave_no_core_file();
  if (!options.keys.empty()) {
    GRAPHITE_TRY(out, client_keys_from(options.keys));
  }
  if (!options.token_file.empty()) {
    GRAPHITE_TRY(out.token, read_token(options.token_file));
  }
  if (!out.keys && !out.token)
    return fail(errc::invalid_argument,
                options.at + " asks who you are: name a folder of keys, --keys DIR, or a file, --token FILE");
  if (!out.keys && !is_start_token(*out.token)) {
    const auto beside = std::filesystem::path(options.token_file).parent_path().string();
    GRAPHITE_TRY(out.keys, read_identity(beside.empty() ? "." : beside));
  }
  out.at = options.at;
  return out;
}

}  // namespace graphite
