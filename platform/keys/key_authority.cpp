#include "platform/keys/key_authority.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "core/client_identity.hpp"
#include "core/hex.hpp"
#include "platform/crypto/curve_keys.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/keys/key_layout.hpp"
#include "platform/keys/loaded_keys.hpp"

namespace graphite {

namespace {

namespace layout = key_layout;
using layout::join;

constexpr std::size_t key_bytes_max = 64 * KiB;

result<void> write_text(const std::string& path, std::string_view text) {
  return write_key_file(path, as_bytes(text));
}

std::string hex_line(byte_span bytes) { return hex_text(bytes) + '\n'; }

result<void> write_pair(const std::string& folder, std::string_view name, const certificate_pair& pair) {
  GRAPHITE_CHECK(write_text(join(folder, std::string(name) + ".crt"), pair.certificate));
  return write_key_file(join(folder, std::string(name) + ".key"), pair.key.view());
}

result<certificate_pair> read_pair(const std::string& folder, std::string_view name) {
  certificate_pair out;
  GRAPHITE_TRY(const auto certificate,
               read_secret_file(join(folder, std::string(name) + ".crt"), key_bytes_max));
  out.certificate = as_text(certificate.view());
  GRAPHITE_TRY(out.key, read_secret_file(join(folder, std::string(name) + ".key"), key_bytes_max));
  return out;
}

result<void> write_signing_key(const std::string& path, const signed_statement& statement,
                               const ed25519_signer& signer) {
  GRAPHITE_TRY(const auto text, signing_key_text(statement, signer));
  return write_key_file(path, text.view());
}

result<void> write_secret(const std::string& path, const ed25519_signer& signer) {
  return write_key_file(path, secret_text(signer.secret().view()).view());
}

result<void> check_name(const std::string& name, std::string_view of_what) {
  if (is_channel_name(name)) return {};
  return fail(errc::invalid_argument,
              fmt::format("'{}' cannot name {}: 1 to {} letters, digits, '_', '.' and '-'", name, of_what,
                          channel_name_bytes_max));
}

/// Of the folder itself: nothing that would have to be made or removed.
result<owned_fd> lock_folder(const std::string& folder) {
  owned_fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno(errno, folder);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return fail_errno(errno, folder);
  return fail(errc::busy,
              fmt::format("another `graphite keys` works on {}: try again when it is done", folder));
}

result<void> check_empty(const std::string& folder) {
  std::error_code code;
  if (!std::filesystem::exists(folder, code)) return {};
  if (std::filesystem::is_empty(folder, code) && !code) return {};
  return fail(errc::already_exists,
              fmt::format("{} is there and not empty: keys are never written over", folder));
}

}  // namespace

std::string key_authority::part(std::string_view folder, std::string_view name) const {
  return join(join(folder_, folder), name);
}

result<key_authority> key_authority::begin(const std::string& folder, const begin_options& options) {
  for (const auto& channel : options.channels) GRAPHITE_CHECK(check_name(channel, "a channel"));
  GRAPHITE_CHECK(check_empty(folder));
  GRAPHITE_CHECK(make_key_folder(folder));
  for (const auto name :
       {layout::root, layout::publisher, layout::runtimes, layout::clients, layout::operators, layout::nodes})
    GRAPHITE_CHECK(make_key_folder(join(folder, name)));
  GRAPHITE_TRY(auto lock, lock_folder(join(folder, layout::root)));
  GRAPHITE_TRY(auto root, ed25519_signer::generate());
  GRAPHITE_TRY(auto issued, key_register::open(join(join(folder, layout::root), layout::issued)));
  key_authority out(folder, std::move(lock), std::move(root), std::move(issued));
  GRAPHITE_CHECK(make_key_folder(out.part(layout::publisher, layout::channels)));
  GRAPHITE_CHECK(write_secret(out.part(layout::root, layout::root_secret), *out.root_));
  GRAPHITE_CHECK(write_text(out.part(layout::root, layout::root_pins), pins_text({{out.root_->key(), {}}})));
  GRAPHITE_CHECK(out.write_pins(join(folder, layout::publisher)));
  GRAPHITE_TRY(const auto curve, make_curve_pair());
  GRAPHITE_CHECK(write_key_file(out.part(layout::publisher, layout::curve_secret),
                                secret_text(curve.secret.view()).view()));
  GRAPHITE_CHECK(write_text(out.part(layout::root, layout::server_pins), hex_line(curve.key.bytes)));
  GRAPHITE_CHECK(out.make_authorities(options));
  const validity valid{options.now_unix_ns - clock_tolerance_ns,
                       options.now_unix_ns + options.days * ns_per_day};
  for (const auto& channel : options.channels) GRAPHITE_CHECK(out.add_channel_key(channel, valid));
  return out;
}

result<void> key_authority::make_authorities(const begin_options& options) {
  const validity long_valid{options.now_unix_ns - clock_tolerance_ns,
                            options.now_unix_ns + authority_days * ns_per_day};
  const validity valid{options.now_unix_ns - clock_tolerance_ns,
                       options.now_unix_ns + options.days * ns_per_day};
  for (const auto name : layout::authorities) {
    const issued_key row{register_.next_serial(),
                         issued_key::kind::certificate,
                         std::string(name),
                         "authority",
                         long_valid,
                         {}};
    GRAPHITE_CHECK(register_.append(row));
    GRAPHITE_TRY(
        const auto made,
        make_authority(
            {fmt::format("graphite {}", name), {}, certificate_use::authority, row.serial, long_valid}));
    const auto file = std::string(name) + "-ca";
    GRAPHITE_CHECK(write_pair(join(folder_, layout::root), file, made));
    GRAPHITE_CHECK(write_text(part(layout::publisher, file + ".crt"), made.certificate));
    GRAPHITE_CHECK(write_server(name, valid));
  }
  return {};
}

result<certificate_pair> key_authority::authority_pair(std::string_view name) const {
  return read_pair(join(folder_, layout::root), std::string(name) + "-ca");
}

result<issued_key> key_authority::write_server(std::string_view authority, const validity& valid) {
  const auto use = authority == "control" ? certificate_use::peer : certificate_use::server;
  GRAPHITE_TRY(const auto issuer, authority_pair(authority));
  const issued_key row{
      register_.next_serial(), issued_key::kind::certificate, "server", std::string(authority), valid, {}};
  GRAPHITE_CHECK(register_.append(row));
  GRAPHITE_TRY(const auto made,
               graphite::issue_certificate(
                   issuer, {"graphite server", std::string(tls_server_name), use, row.serial, valid}));
  GRAPHITE_CHECK(write_pair(join(folder_, layout::publisher), authority, made));
  return row;
}

result<key_authority> key_authority::open(const std::string& folder) {
  const auto below = join(folder, layout::root);
  const auto there = check_key_folder(below);
  if (!there && there.error().code == errc::not_found)
    return fail(errc::not_found,
                fmt::format("{} has no folder `root`: name the folder that `graphite keygen` made, "
                            "where its root is kept",
                            folder));
  GRAPHITE_CHECK(there);
  GRAPHITE_TRY(auto lock, lock_folder(below));
  GRAPHITE_TRY(const auto text, read_secret_file(join(below, layout::root_secret), key_bytes_max));
  GRAPHITE_TRY(const auto secret, parse_secret(text.view()));
  GRAPHITE_TRY(auto root, ed25519_signer::from_secret(secret.view()));
  GRAPHITE_TRY(auto issued, key_register::open(join(below, layout::issued)));
  key_authority out(folder, std::move(lock), std::move(root), std::move(issued));
  GRAPHITE_CHECK(out.read_revocations());
  GRAPHITE_CHECK(out.finish_change());
  return out;
}

result<void> key_authority::write_pins(const std::string& folder) const {
  GRAPHITE_TRY(const auto pins, read_secret_file(part(layout::root, layout::root_pins), key_bytes_max));
  return write_key_file(join(folder, layout::root_pins), pins.view());
}

/// Last of each change, so that who sees it finds the rest.
result<void> key_authority::note_change() {
  const auto path = part(layout::publisher, layout::version);
  std::uint64_t number = 0;
  if (const auto before = read_secret_file(path, key_bytes_max)) {
    const auto text = as_text(before->view());
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  return write_text(path, fmt::format("{}\n", number + 1));
}

result<issued_key> key_authority::add_channel_key(const std::string& channel, const validity& valid) {
  GRAPHITE_CHECK(check_name(channel, "a channel"));
  GRAPHITE_TRY(const auto signer, ed25519_signer::generate());
  const issued_key row{register_.next_serial(),      issued_key::kind::channel_key, channel, channel, valid,
                       hex_text(signer->key().bytes)};
  GRAPHITE_TRY(const auto said, sign_channel_key({channel, signer->key(), row.serial, valid}, *root_));
  GRAPHITE_CHECK(register_.append(row));
  const auto name = fmt::format("{}.{}.key", channel, row.serial);
  GRAPHITE_CHECK(write_signing_key(join(part(layout::publisher, layout::channels), name), said, *signer));
  GRAPHITE_CHECK(note_change());
  return row;
}

result<std::vector<issued_key>> key_authority::replace_server_certificates(const validity& valid) {
  std::vector<issued_key> out;
  for (const auto name : layout::authorities) {
    GRAPHITE_TRY(auto row, write_server(name, valid));
    out.push_back(std::move(row));
  }
  GRAPHITE_CHECK(note_change());
  return out;
}

result<curve_key> key_authority::replace_curve_key() {
  const auto pins = part(layout::root, layout::server_pins);
  GRAPHITE_TRY(const auto text, read_secret_file(pins, key_bytes_max));
  GRAPHITE_TRY(const auto before, read_hex_lines(as_text(text.view()), sizeof(curve_key)));
  GRAPHITE_TRY(const auto made, make_curve_pair());
  auto after = hex_line(made.key.bytes);
  for (std::size_t i = 0; i < std::min(before.size(), server_pins_max - 1); ++i) after += hex_line(before[i]);
  GRAPHITE_CHECK(write_text(pins, after));
  GRAPHITE_CHECK(
      write_key_file(part(layout::publisher, layout::curve_secret), secret_text(made.secret.view()).view()));
  GRAPHITE_CHECK(note_change());
  return made.key;
}

result<std::string> key_authority::person_folder(std::string_view kind, const std::string& name) const {
  GRAPHITE_CHECK(check_name(name, "who has a key"));
  auto out = part(kind, name);
  GRAPHITE_CHECK(make_key_folder(out));
  return out;
}

result<std::vector<issued_key>> key_authority::issue_tickets(const ticket_options& options) {
  GRAPHITE_TRY(const auto folder, person_folder(layout::runtimes, options.runtime));
  GRAPHITE_TRY(const auto keys, load_publisher_keys(join(folder_, layout::publisher),
                                                    options.valid.from_unix_ns + clock_tolerance_ns));
  for (const auto& channel : options.channels)
    if (!keys.channels.contains(channel))
      return fail(errc::not_found,
                  fmt::format("channel {} has no key: `graphite keys channel {} {}` makes one", channel,
                              folder_, channel));
  auto client = options.client;
  if (!client) {
    GRAPHITE_TRY(const auto made, make_curve_pair());
    client = made.key;
    GRAPHITE_CHECK(
        write_key_file(join(folder, layout::curve_secret), secret_text(made.secret.view()).view()));
  }
  std::vector<issued_key> out;
  std::string text;
  for (const auto& channel : options.channels) {
    const auto& key = keys.channels.at(channel);
    auto valid = options.valid;
    valid.until_unix_ns = std::min(valid.until_unix_ns, keys.ends.at(channel_key_name(channel)).unix_ns);
    const issued_key row{register_.next_serial(), issued_key::kind::ticket, options.runtime, channel, valid,
                         hex_text(client->bytes)};
    GRAPHITE_TRY(const auto grant,
                 sign_ticket({channel, options.runtime, *client, row.serial, valid}, *key.signer));
    GRAPHITE_CHECK(register_.append(row));
    text += hex_line(encode_ticket({key.statement, grant}));
    out.push_back(row);
  }
  GRAPHITE_CHECK(write_text(join(folder, layout::tickets), text));
  GRAPHITE_TRY(const auto servers, read_secret_file(part(layout::root, layout::server_pins), key_bytes_max));
  GRAPHITE_CHECK(write_key_file(join(folder, layout::server_pins), servers.view()));
  GRAPHITE_CHECK(write_pins(folder));
  return out;
}

result<issued_key> key_authority::issue_token(const token_options& options) {
  GRAPHITE_TRY(const auto folder, person_folder(layout::clients, options.name));
  const issued_key row{register_.next_serial(),
                       issued_key::kind::token,
                       options.name,
                       fmt::format("{}:{}", options.tenant, to_string(options.verbs)),
                       options.valid,
                       {}};
  GRAPHITE_TRY(const auto said,
               sign_token({options.tenant, options.name, options.verbs, row.serial, options.valid}, *root_));
  GRAPHITE_CHECK(register_.append(row));
  GRAPHITE_CHECK(write_text(join(folder, layout::token), token_text(said) + '\n'));
  GRAPHITE_TRY(const auto authority, authority_pair("clients"));
  GRAPHITE_CHECK(write_text(join(folder, "clients-ca.crt"), authority.certificate));
  return row;
}

result<void> key_authority::write_role_key(const std::string& folder, role what, const std::string& name,
                                           const validity& valid) {
  GRAPHITE_TRY(const auto signer, ed25519_signer::generate());
  const issued_key row{
      register_.next_serial(),      issued_key::kind::role_key, name, std::string(to_string(what)), valid,
      hex_text(signer->key().bytes)};
  GRAPHITE_TRY(const auto said, sign_role_key({what, name, signer->key(), row.serial, valid}, *root_));
  GRAPHITE_CHECK(register_.append(row));
  return write_signing_key(join(folder, layout::role_secret), said, *signer);
}

result<issued_key> key_authority::issue_certificate(const certificate_options& options) {
  const bool control = options.authority == "control";
  const auto kind = control ? layout::nodes : std::string_view(options.authority);
  if (std::ranges::count(layout::authorities, options.authority) == 0)
    return fail(errc::invalid_argument, fmt::format("there is no authority '{}'", options.authority));
  const auto about = control ? std::string(to_string(options.what)) : to_string(options.verbs);
  const issued_key row{register_.next_serial(),
                       issued_key::kind::certificate,
                       options.name,
                       options.authority + ":" + about,
                       options.valid,
                       {}};
  auto common_name = fmt::format("{}:{}", about, options.name);
  if (!control) {
    GRAPHITE_TRY(common_name, encode_client_identity({options.name, options.verbs, row.serial}));
  }
  GRAPHITE_TRY(const auto folder, person_folder(kind, options.name));
  GRAPHITE_TRY(const auto issuer, authority_pair(options.authority));
  const auto use = control ? certificate_use::peer : certificate_use::client;
  GRAPHITE_TRY(const auto made,
               graphite::issue_certificate(issuer, {common_name, {}, use, row.serial, options.valid}));
  GRAPHITE_CHECK(register_.append(row));
  GRAPHITE_CHECK(write_pair(folder, control ? "control" : "client", made));
  GRAPHITE_CHECK(write_text(join(folder, options.authority + "-ca.crt"), issuer.certificate));
  if (!control) return row;
  if (revoked_.number != 0) GRAPHITE_CHECK(write_revocations(revoked_, *root_));
  GRAPHITE_CHECK(write_role_key(folder, options.what, options.name, options.valid));
  GRAPHITE_CHECK(write_pins(folder));
  return row;
}

}  // namespace graphite
