#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>

#include "core/hex.hpp"
#include "platform/keys/key_authority.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/keys/key_layout.hpp"
#include "platform/keys/loaded_keys.hpp"
#include "platform/linux/durable_file.hpp"

/// \file What follows what: key_authority::follow and replace_root.

namespace graphite {

namespace {

namespace places = key_layout;

constexpr std::size_t vouchers_bytes_max = 64 * KiB;

result<void> append_voucher(const std::string& path, const signed_statement& said) {
  const auto before = read_secret_file(path, vouchers_bytes_max);
  if (!before && before.error().code != errc::not_found) return tl::unexpected(before.error());
  std::string text(before ? as_text(before->view()) : std::string_view());
  const auto line = hex_text(encode_signed(said)) + '\n';
  if (text.find(line) != std::string::npos) return {};
  text += line;
  if (text.size() > vouchers_bytes_max)
    return fail(errc::too_large,
                fmt::format("{} is full: remove successions that all runtimes have seen", path));
  return write_key_file(path, as_bytes(text));
}

/// Signs statements of an old root anew; what another root signed before it is left out.
class resigner {
 public:
  using counts = std::function<bool(std::uint64_t serial, const validity& valid)>;
  resigner(const public_key& before, const message_signer& after, counts which)
      : before_(before), after_(after), counts_(std::move(which)) {}

  result<void> channel_key(const std::string& path) const {
    return key_file(path, [&](const signed_statement& said) -> result<signed_statement> {
      GRAPHITE_TRY(const auto says, verified_channel_key(said, before_, verifier_));
      if (!counts_(says.serial, says.valid)) return no_more();
      return sign_channel_key(says, after_);
    });
  }

  result<void> role_key(const std::string& path) const {
    return key_file(path, [&](const signed_statement& said) -> result<signed_statement> {
      GRAPHITE_TRY(const auto says, verified_role_key(said, before_, verifier_));
      if (!counts_(says.serial, says.valid)) return no_more();
      return sign_role_key(says, after_);
    });
  }

  /// Successions of lineages; those of roots stay as they are.
  result<void> vouchers(const std::string& path) const {
    const auto text = read_secret_file(path, vouchers_bytes_max);
    if (!text && text.error().code == errc::not_found) return {};
    if (!text) return tl::unexpected(text.error());
    GRAPHITE_TRY(const auto lines, read_hex_lines(as_text(text->view()), vouchers_bytes_max));
    std::string out;
    for (const auto& line : lines) {
      GRAPHITE_TRY(auto said, decode_signed(line));
      if (const auto says = verified_succession(said, before_, verifier_)) {
        GRAPHITE_TRY(said, sign_succession(*says, after_));
      }
      out += hex_text(encode_signed(said)) + '\n';
    }
    return write_key_file(path, as_bytes(out));
  }

 private:
  static tl::unexpected<error> no_more() { return fail(errc::permission_denied, "revoked or expired"); }

  /// One that the new root has signed already, before a crash, is left as it is; so is one that ended.
  template <class Sign>
  result<void> key_file(const std::string& path, Sign sign) const {
    GRAPHITE_TRY(const auto text, read_secret_file(path, vouchers_bytes_max));
    GRAPHITE_TRY(const auto key, parse_signing_key(text.view()));
    const auto again = sign(key.statement);
    if (!again && again.error().code == errc::permission_denied) return {};
    if (!again) return tl::unexpected(again.error());
    GRAPHITE_TRY(const auto written, signing_key_text(*again, *key.signer));
    return write_key_file(path, written.view());
  }

  public_key before_;
  const message_signer& after_;
  counts counts_;
  ed25519_verifier verifier_;
};

/// All files of that name or extension in the folder and the folders in it.
result<std::vector<std::string>> files_below(const std::string& folder, std::string_view name) {
  std::vector<std::string> out;
  std::error_code code;
  for (std::filesystem::recursive_directory_iterator it(folder, code), end; !code && it != end;
       it.increment(code))
    if (it->path().filename() == name || it->path().extension() == name) out.push_back(it->path());
  if (code) return fail(errc::io, fmt::format("{}: {}", folder, code.message()));
  return out;
}

/// How long `before` says that `after` may follow it; nothing where it does not.
result<std::optional<validity>> vouched_for(const std::string& path, const public_key& before,
                                            const public_key& after) {
  const auto text = read_secret_file(path, vouchers_bytes_max);
  if (!text && text.error().code == errc::not_found) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  GRAPHITE_TRY(const auto lines, read_hex_lines(as_text(text->view()), vouchers_bytes_max));
  const ed25519_verifier verifier;
  std::optional<validity> out;
  for (const auto& line : lines) {
    GRAPHITE_TRY(const auto said, decode_signed(line));
    const auto says = verified_root_succession(said, before, verifier);
    if (says && says->after == after) out = says->valid;
  }
  return out;
}

/// The secret of the next root: of an earlier try that a crash ended, else a new one.
result<std::unique_ptr<ed25519_signer>> next_root(const std::string& path) {
  if (const auto text = read_secret_file(path, vouchers_bytes_max)) {
    GRAPHITE_TRY(const auto secret, parse_secret(text->view()));
    return ed25519_signer::from_secret(secret.view());
  }
  GRAPHITE_TRY(auto made, ed25519_signer::generate());
  GRAPHITE_CHECK(write_key_file(path, secret_text(made->secret().view()).view()));
  return made;
}

}  // namespace

result<void> key_authority::replace_root(const validity& valid) {
  GRAPHITE_TRY(auto next, next_root(part(places::root, places::root_secret) + ".next"));
  return replace_root_by(std::move(next), valid);
}

/// Each step may be done once more: after a crash all are. The succession comes first, since it says what is
/// being done; the rename comes last, since it ends that.
result<void> key_authority::replace_root_by(std::unique_ptr<ed25519_signer> next, const validity& valid) {
  GRAPHITE_TRY(const auto said, sign_root_succession({next->key(), valid}, *root_));
  GRAPHITE_CHECK(append_voucher(part(places::publisher, places::vouchers), said));
  const auto pins_path = part(places::root, places::root_pins);
  GRAPHITE_TRY(const auto pins_text_now, read_secret_file(pins_path, vouchers_bytes_max));
  GRAPHITE_TRY(auto pins, parse_pins(as_text(pins_text_now.view())));
  for (auto& one : pins)
    if (!one.until_unix_ns) one.until_unix_ns = valid.until_unix_ns;
  std::erase_if(pins, [&](const auto& one) { return one.key == next->key(); });
  pins.insert(pins.begin(), {next->key(), {}});
  GRAPHITE_CHECK(write_key_file(pins_path, as_bytes(pins_text(pins))));
  GRAPHITE_CHECK(write_pins(part(places::publisher, "")));
  GRAPHITE_CHECK(sign_anew(*next, valid.from_unix_ns + clock_tolerance_ns));
  if (revoked_.number > 0) GRAPHITE_CHECK(write_revocations(revoked_, *next));
  GRAPHITE_CHECK(note_change());
  const auto place = part(places::root, places::root_secret);
  GRAPHITE_TRY(const auto old, read_secret_file(place, vouchers_bytes_max));
  GRAPHITE_CHECK(write_key_file(fmt::format("{}.before-{}", place, hex_text(next->key().bytes).substr(0, 8)),
                                old.view()));
  if (std::rename((place + ".next").c_str(), place.c_str()) != 0) return fail_errno(errno, place);
  root_ = std::move(next);
  return sync_folder(part(places::root, ""));
}

result<void> key_authority::sign_anew(const message_signer& next, std::int64_t now_unix_ns) const {
  const resigner again(root_->key(), next, [&](std::uint64_t serial, const validity& valid) {
    return !revoked_.serials.contains(serial) && now_unix_ns < valid.until_unix_ns;
  });
  GRAPHITE_CHECK(again.vouchers(part(places::publisher, places::vouchers)));
  GRAPHITE_TRY(const auto channel_keys, files_below(part(places::publisher, places::channels), ".key"));
  for (const auto& path : channel_keys) GRAPHITE_CHECK(again.channel_key(path));
  GRAPHITE_TRY(const auto role_keys, files_below(part(places::nodes, ""), places::role_secret));
  for (const auto& path : role_keys) GRAPHITE_CHECK(again.role_key(path));
  return {};
}

/// A next root that its predecessor has not vouched for was told to nobody: it is forgotten.
result<void> key_authority::finish_change() {
  const auto path = part(places::root, places::root_secret) + ".next";
  const auto text = read_secret_file(path, vouchers_bytes_max);
  if (!text && text.error().code == errc::not_found) return {};
  if (!text) return tl::unexpected(text.error());
  GRAPHITE_TRY(const auto secret, parse_secret(text->view()));
  GRAPHITE_TRY(auto next, ed25519_signer::from_secret(secret.view()));
  GRAPHITE_TRY(const auto vouched,
               vouched_for(part(places::publisher, places::vouchers), root_->key(), next->key()));
  if (vouched) return replace_root_by(std::move(next), *vouched);
  if (std::remove(path.c_str()) != 0) return fail_errno(errno, path);
  return sync_folder(part(places::root, ""));
}

result<void> key_authority::follow(const succession_statement& what) {
  GRAPHITE_TRY(const auto said, sign_succession(what, *root_));
  GRAPHITE_CHECK(append_voucher(part(places::publisher, places::vouchers), said));
  return note_change();
}

}  // namespace graphite
