#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "core/hex.hpp"
#include "platform/keys/key_authority.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/keys/key_layout.hpp"
#include "platform/keys/key_text.hpp"

/// \file What is revoked: key_authority::revoke, and where its list is kept.

namespace graphite {

namespace {

constexpr std::size_t pins_bytes_max = 64 * KiB;

/// The list in a file, signed by any of `pins`: also by one whose replacement was not finished. Nothing where
/// there is no file.
result<std::optional<revocations_statement>> list_in(const std::string& path,
                                                     const std::vector<pinned_root>& pins) {
  const auto text = read_secret_file(path, 2 * revocations_bytes_max);
  if (!text && text.error().code == errc::not_found) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  const auto lines = read_hex_lines(as_text(text->view()), revocations_bytes_max);
  if (!lines || lines->size() != 1) return fail(errc::corrupt, path + ": not one list");
  const auto said = decode_signed(lines->front(), revocations_bytes_max);
  if (!said) return fail(said.error().code, fmt::format("{}: {}", path, said.error().context));
  const ed25519_verifier verifier;
  error why{errc::permission_denied, "no root is pinned"};
  for (const auto& pin : pins) {
    auto list = verified_revocations(*said, pin.key, verifier);
    if (list) return std::optional(std::move(*list));
    why = list.error();
  }
  return fail(why.code, fmt::format("{}: {}", path, why.context));
}

constexpr std::string_view control_prefix = "control:";

/// The certificate and the role key that a machine of a cluster was given at once: they fall together. Zero:
/// there is no other one.
std::uint64_t other_half(const std::vector<issued_key>& rows, const issued_key& of) {
  const bool is_certificate =
      of.what == issued_key::kind::certificate && of.about.starts_with(control_prefix);
  if (!is_certificate && of.what != issued_key::kind::role_key) return 0;
  std::uint64_t before = 0;
  for (const auto& one : rows) {
    if (one.name != of.name) continue;
    if (is_certificate && one.serial > of.serial && one.what == issued_key::kind::role_key) return one.serial;
    if (!is_certificate && one.serial < of.serial && one.what == issued_key::kind::certificate &&
        one.about.starts_with(control_prefix))
      before = one.serial;
  }
  return before;
}

/// What nobody asks about cannot be revoked: to say that it was would be wrong.
result<void> check_revocable(const issued_key& row) {
  if (row.what != issued_key::kind::certificate) return {};
  if (row.about == "authority")
    return fail(errc::unsupported,
                fmt::format("{} is an authority, and nobody asks whether that is revoked: revoke what it has "
                            "signed, or make new keys with `graphite keygen` where its key was stolen",
                            row.serial));
  if (row.name == "server" && row.about.find(':') == std::string::npos)
    return fail(errc::unsupported,
                fmt::format("{} is the serving process's own certificate, which clients do not ask about: "
                            "`graphite keys rotate DIR --server` replaces it",
                            row.serial));
  return {};
}

}  // namespace

result<void> key_authority::read_revocations() {
  GRAPHITE_TRY(const auto text,
               read_secret_file(part(key_layout::root, key_layout::root_pins), pins_bytes_max));
  GRAPHITE_TRY(const auto pins, parse_pins(as_text(text.view())));
  const auto kept_path = part(key_layout::root, key_layout::revocations);
  const auto told_path = part(key_layout::publisher, key_layout::revocations);
  GRAPHITE_TRY(const auto kept, list_in(kept_path, pins));
  GRAPHITE_TRY(auto told, list_in(told_path, pins));
  if (kept && (!told || told->number < kept->number))
    return fail(errc::corrupt,
                fmt::format("{} has {}, but list {} of revoked keys was issued: run `cp {} {}`", told_path,
                            told ? fmt::format("list {}", told->number) : "gone", kept->number, kept_path,
                            told_path));
  if (!told) return {};
  revoked_ = std::move(*told);
  if (kept && kept->number == revoked_.number) return {};
  // A folder of before there were two, or a crash between them.
  GRAPHITE_TRY(const auto list, read_secret_file(told_path, 2 * revocations_bytes_max));
  return write_key_file(kept_path, list.view());
}

/// That of the publisher first: after a crash the root's follows it, as the higher number counts.
result<void> key_authority::write_revocations(const revocations_statement& list,
                                              const message_signer& root) const {
  GRAPHITE_TRY(const auto said, sign_revocations(list, root));
  const auto text = hex_text(encode_signed(said)) + '\n';
  GRAPHITE_CHECK(write_key_file(part(key_layout::publisher, key_layout::revocations), as_bytes(text)));
  std::error_code code;
  for (const auto& one :
       std::filesystem::directory_iterator(key_layout::join(folder_, key_layout::nodes), code))
    GRAPHITE_CHECK(
        write_key_file(key_layout::join(one.path().string(), key_layout::revocations), as_bytes(text)));
  return write_key_file(part(key_layout::root, key_layout::revocations), as_bytes(text));
}

result<revocations_statement> key_authority::revoke(const std::vector<std::uint64_t>& serials) {
  auto next = revoked_;
  for (const auto serial : serials) {
    const auto& rows = register_.rows();
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const auto& one) { return one.serial == serial; });
    if (row == rows.end())
      return fail(errc::not_found,
                  fmt::format("nothing has serial {}: `graphite keys list {}` shows them", serial, folder_));
    GRAPHITE_CHECK(check_revocable(*row));
    next.serials.insert(serial);
    if (const auto other = other_half(rows, *row); other != 0) next.serials.insert(other);
    if (row->what != issued_key::kind::ticket) continue;
    curve_key client;
    const auto bytes = bytes_from_hex(row->key, client.bytes.size()).value_or(byte_vector());
    if (bytes.size() != client.bytes.size())
      return fail(errc::corrupt, fmt::format("the register's ticket {} has no key", serial));
    std::copy(bytes.begin(), bytes.end(), client.bytes.begin());
    next.clients.insert(client);
  }
  ++next.number;
  GRAPHITE_CHECK(write_revocations(next, *root_));
  revoked_ = std::move(next);
  GRAPHITE_CHECK(note_change());
  return revoked_;
}

}  // namespace graphite
