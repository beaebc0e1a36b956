#include "platform/keys/loaded_keys.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "core/hex.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/keys/key_layout.hpp"

namespace graphite {

namespace {

namespace layout = key_layout;

constexpr std::size_t small_file_max = 64 * KiB, tickets_max = 1024;
constexpr std::size_t channel_keys_max = 4096;

result<secret_bytes> read_part(const std::string& folder, std::string_view name,
                               std::size_t bytes_max = small_file_max) {
  auto out = read_secret_file(layout::join(folder, name), bytes_max);
  if (!out && out.error().code == errc::not_found)
    return fail(
        errc::not_found,
        fmt::format("{} has no {}: `graphite keygen` and `graphite keys` make these folders", folder, name));
  return out;
}

tl::unexpected<error> in_file(const std::string& folder, std::string_view name, const error& what) {
  return fail(what.code, fmt::format("{}: {}", layout::join(folder, name), what.context));
}

/// Reads a file by `parse`, which takes its bytes.
template <class Parse>
auto read_as(const std::string& folder, std::string_view name, Parse parse,
             std::size_t bytes_max = small_file_max) -> decltype(parse(byte_span())) {
  GRAPHITE_TRY(const auto bytes, read_part(folder, name, bytes_max));
  auto out = parse(bytes.view());
  if (!out) return in_file(folder, name, out.error());
  return out;
}

/// Nothing for a file that is not there.
result<secret_bytes> read_optional(const std::string& folder, std::string_view name, std::size_t bytes_max) {
  auto out = read_secret_file(layout::join(folder, name), bytes_max);
  if (!out && out.error().code == errc::not_found) return secret_bytes();
  return out;
}

result<void> check_one_counts(const std::vector<pinned_root>& pins, std::int64_t now) {
  if (roots_that_count(pins, now).empty())
    return fail(errc::permission_denied, std::string(roots_have_ended));
  return {};
}

result<std::vector<pinned_root>> read_roots(const std::string& folder) {
  return read_as(folder, layout::root_pins, [](byte_span bytes) { return parse_pins(as_text(bytes)); });
}

result<tls_keys> read_tls(const std::string& folder, std::string_view authority,
                          std::map<std::string, key_end>& ends) {
  const auto named = [&](std::string_view end) { return std::string(authority) + std::string(end); };
  tls_keys out;
  GRAPHITE_TRY(const auto certificate, read_part(folder, named(".crt")));
  GRAPHITE_TRY(out.own.key, read_part(folder, named(".key")));
  GRAPHITE_TRY(const auto root, read_part(folder, named("-ca.crt")));
  out.own.certificate = as_text(certificate.view());
  out.authority = as_text(root.view());
  const auto facts = read_certificate(out.own.certificate), above = read_certificate(out.authority);
  if (!facts) return in_file(folder, named(".crt"), facts.error());
  if (!above) return in_file(folder, named("-ca.crt"), above.error());
  ends[fmt::format("the server's certificate for {}", authority)] = {facts->until_unix_ns, "--server"};
  ends[fmt::format("the authority for {}", authority)] = {above->until_unix_ns, ""};
  return out;
}

result<curve_pair> read_curve(const std::string& folder) {
  GRAPHITE_TRY(auto secret, read_as(folder, layout::curve_secret, parse_secret));
  return curve_pair_of(std::move(secret));
}

/// By the first of `roots` that signed it.
template <class Verified>
auto by_any(const std::vector<public_key>& roots, Verified verified) -> decltype(verified(public_key())) {
  decltype(verified(public_key())) out = fail(errc::permission_denied, std::string(roots_have_ended));
  for (const auto& root : roots)
    if (out = verified(root); out) break;
  return out;
}

/// Sorts the keys of a folder into those that sign now.
class channel_key_choice {
 public:
  channel_key_choice(publisher_keys& out, std::int64_t now)
      : out_(out), roots_(roots_that_count(out.roots, now)), now_(now) {}

  /// One that cannot be used is told of and passed over: it must not keep others, or revocations, from being
  /// heard of.
  void offer(const std::string& folder, const std::string& name) {
    if (const auto taken = take(folder, name); !taken) out_.refused.push_back(taken.error().context);
  }

 private:
  result<void> take(const std::string& folder, const std::string& name) {
    GRAPHITE_TRY(auto key, read_as(folder, name, parse_signing_key));
    const auto says = by_any(
        roots_, [&](const public_key& root) { return verified_channel_key(key.statement, root, verifier_); });
    if (!says) return in_file(folder, name, says.error());
    if (key.signer->key() != says->key)
      return fail(errc::corrupt, fmt::format("{}: a secret of another key", layout::join(folder, name)));
    const bool counts = says->valid.holds(now_) && !out_.revoked.serials.contains(says->serial);
    const auto best = best_.find(says->channel);
    if (!counts || (best != best_.end() && says->serial < best->second.serial)) return {};
    out_.ends[channel_key_name(says->channel)] = {says->valid.until_unix_ns,
                                                  fmt::format("--channel {}", says->channel)};
    out_.channels[says->channel] = std::move(key);
    best_.insert_or_assign(says->channel, *says);
    return {};
  }

  publisher_keys& out_;
  const std::vector<public_key> roots_;
  std::int64_t now_;
  ed25519_verifier verifier_;
  std::map<std::string, channel_key_statement> best_;
};

result<void> read_channels(const std::string& folder, std::int64_t now, publisher_keys& out) {
  GRAPHITE_CHECK(check_key_folder(folder));
  std::vector<std::string> names;
  std::error_code code;
  for (std::filesystem::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
    if (it->path().extension() == ".key") names.push_back(it->path().filename());
    if (names.size() > channel_keys_max)
      return fail(errc::too_large, fmt::format("{} has more than {} keys", folder, channel_keys_max));
  }
  if (code) return fail(errc::io, fmt::format("{}: {}", folder, code.message()));
  std::sort(names.begin(), names.end());
  channel_key_choice choice(out, now);
  for (const auto& name : names) choice.offer(folder, name);
  return {};
}

result<revocations_list> parse_revocations(std::string_view text, const std::vector<pinned_root>& pins) {
  GRAPHITE_TRY(const auto lines, read_hex_lines(text, revocations_bytes_max));
  if (lines.size() != 1) return fail(errc::corrupt, "not one list");
  return verified_list(lines.front(), pins);
}

result<void> read_revocations(const std::string& folder, publisher_keys& out) {
  GRAPHITE_TRY(const auto text, read_optional(folder, layout::revocations, 2 * revocations_bytes_max));
  if (text.empty()) return {};
  auto list = parse_revocations(as_text(text.view()), out.roots);
  if (!list) return in_file(folder, layout::revocations, list.error());
  out.revocations = std::move(list->encoded);
  out.revoked = std::move(list->says);
  out.revocations_id = openssl_hasher().sha256(out.revocations);
  return {};
}

result<void> read_vouchers(const std::string& folder, publisher_keys& out) {
  GRAPHITE_TRY(const auto text, read_optional(folder, layout::vouchers, small_file_max));
  const auto lines = read_hex_lines(as_text(text.view()), small_file_max);
  if (!lines) return in_file(folder, layout::vouchers, lines.error());
  for (const auto& line : *lines) {
    const auto said = decode_signed(line);
    if (!said) return in_file(folder, layout::vouchers, said.error());
    out.vouchers.push_back(*said);
  }
  return {};
}

/// Of what a link leads to only where it was given by name.
result<void> add_file_facts(const std::string& path, const std::string& name, bool given,
                            std::vector<std::string>& lines) {
  struct stat facts {};
  if ((given ? ::stat(path.c_str(), &facts) : ::lstat(path.c_str(), &facts)) != 0) {
    if (errno == ENOENT) return {};  // replaced just now
    return fail_errno(errno, path);
  }
  // A change of mode counts: it may end a refusal.
  lines.push_back(fmt::format("{} {} {:o} {} {}.{:09} {}.{:09}\n", name, facts.st_size, facts.st_mode,
                              facts.st_ino, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, facts.st_ctim.tv_sec,
                              facts.st_ctim.tv_nsec));
  return {};
}

/// DIR of `graphite keygen`, or the part itself.
std::string publisher_folder(const std::string& folder) {
  const auto below = layout::join(folder, layout::publisher);
  std::error_code ignored;
  return std::filesystem::is_directory(below, ignored) ? below : folder;
}

result<std::vector<curve_key>> parse_servers(byte_span text) {
  GRAPHITE_TRY(const auto lines, read_hex_lines(as_text(text), sizeof(curve_key)));
  std::vector<curve_key> out;
  for (const auto& line : lines) {
    if (line.size() != sizeof(curve_key)) return fail(errc::corrupt, "a line that is no key of a server");
    std::copy(line.begin(), line.end(), out.emplace_back().bytes.begin());
  }
  if (out.empty()) return fail(errc::corrupt, "no key of a server");
  return out;
}

result<std::vector<ticket>> parse_tickets(byte_span text) {
  GRAPHITE_TRY(const auto lines, read_hex_lines(as_text(text), ticket_bytes_max));
  if (lines.size() > tickets_max)
    return fail(errc::too_large, fmt::format("more than {} tickets", tickets_max));
  std::vector<ticket> out;
  for (const auto& line : lines) {
    GRAPHITE_TRY(auto one, decode_ticket(line));
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

result<publisher_keys> load_publisher_keys(const std::string& given, std::int64_t now_unix_ns) {
  const auto folder = publisher_folder(given);
  GRAPHITE_CHECK(check_key_folder(folder));
  publisher_keys out;
  out.judged_unix_ns = now_unix_ns;
  GRAPHITE_TRY(out.roots, read_roots(folder));
  GRAPHITE_CHECK(read_revocations(folder, out));
  GRAPHITE_CHECK(read_channels(layout::join(folder, layout::channels), now_unix_ns, out));
  GRAPHITE_CHECK(read_vouchers(folder, out));
  GRAPHITE_TRY(out.curve, read_curve(folder));
  GRAPHITE_TRY(out.control, read_tls(folder, "control", out.ends));
  GRAPHITE_TRY(out.clients, read_tls(folder, "clients", out.ends));
  GRAPHITE_TRY(out.operators, read_tls(folder, "operators", out.ends));
  return out;
}

std::string channel_key_name(const std::string& channel) {
  return fmt::format("the key of channel {}", channel);
}

std::vector<std::string> ends_told(const publisher_keys& keys, std::int64_t now_unix_ns) {
  std::vector<std::string> out;
  for (const auto& [what, end] : keys.ends) {
    const auto left = end.unix_ns - now_unix_ns;
    if (left >= ends_soon_ns) continue;
    const auto days = left / ns_per_day + 1;
    const auto when = left <= 0 ? std::string("has ended")
                                : fmt::format("ends within {} day{}", days, days == 1 ? "" : "s");
    const auto how =
        end.renewed_by.empty()
            ? std::string("a new folder of keys has another")
            : fmt::format("`graphite keys rotate DIR {}` makes a new one, where the root is", end.renewed_by);
    out.push_back(fmt::format("{} {}: {}", what, when, how));
  }
  return out;
}

result<std::string> publisher_keys_version(const std::string& folder) {
  return key_files_version(publisher_folder(folder));
}

result<std::string> key_files_version(const std::string& path) {
  std::vector<std::string> lines;
  GRAPHITE_CHECK(add_file_facts(path, "", true, lines));
  std::error_code code;
  if (std::filesystem::is_directory(path, code))
    for (std::filesystem::recursive_directory_iterator it(path, code), end; !code && it != end;
         it.increment(code)) {
      if (lines.size() == 2 * channel_keys_max)
        return fail(errc::too_large, fmt::format("{} has more than {} files", path, 2 * channel_keys_max));
      GRAPHITE_CHECK(add_file_facts(it->path(), it->path().lexically_relative(path), false, lines));
    }
  if (code && code != std::errc::no_such_file_or_directory)
    return fail(errc::io, fmt::format("{}: {}", path, code.message()));
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const auto& line : lines) out += line;
  return out;
}

result<runtime_keys> load_runtime_keys(const std::string& folder, std::int64_t now_unix_ns) {
  GRAPHITE_CHECK(check_key_folder(folder));
  runtime_keys out;
  GRAPHITE_TRY(out.roots, read_roots(folder));
  if (const auto one = check_one_counts(out.roots, now_unix_ns); !one)
    return in_file(folder, layout::root_pins, one.error());
  GRAPHITE_TRY(out.servers, read_as(folder, layout::server_pins, parse_servers));
  GRAPHITE_TRY(out.curve, read_curve(folder));
  GRAPHITE_TRY(out.tickets,
               read_as(folder, layout::tickets, parse_tickets, tickets_max * 2 * ticket_bytes_max));
  return out;
}

bool roots_changed(const publisher_keys& keys, std::int64_t now_unix_ns) {
  return std::ranges::any_of(keys.roots, [&](const auto& one) {
    return one.counts(keys.judged_unix_ns) != one.counts(now_unix_ns);
  });
}

result<std::vector<pinned_root>> load_pins(const std::string& file, std::int64_t now_unix_ns) {
  GRAPHITE_TRY(const auto text, read_believed_file(file, small_file_max));
  auto pins = parse_pins(text);
  const auto one = pins.and_then([&](const auto& some) { return check_one_counts(some, now_unix_ns); });
  if (!one) return fail(one.error().code, fmt::format("{}: {}", file, one.error().context));
  return pins;
}

result<byte_vector> load_revocations(const std::string& file, const std::vector<pinned_root>& pins) {
  GRAPHITE_TRY(const auto text, read_believed_file(file, 2 * revocations_bytes_max));
  auto list = parse_revocations(text, pins);
  if (!list) return fail(list.error().code, fmt::format("{}: {}", file, list.error().context));
  return std::move(list->encoded);
}

result<revocations_list> load_revoked(const std::string& file, const std::vector<pinned_root>& pins) {
  const auto text = read_believed_file(file, 2 * revocations_bytes_max);
  if (!text && text.error().code == errc::not_found) return revocations_list();
  if (!text) return tl::unexpected<error>(text.error());
  auto list = parse_revocations(*text, pins);
  if (!list) return fail(list.error().code, fmt::format("{}: {}", file, list.error().context));
  return list;
}

/// By any root that is pinned: what one revoked stays revoked when its time has ended.
result<revocations_list> verified_list(byte_span encoded, const std::vector<pinned_root>& pins) {
  GRAPHITE_TRY(const auto said, decode_signed(encoded, revocations_bytes_max));
  const ed25519_verifier verifier;
  std::vector<public_key> ever;
  for (const auto& one : pins) ever.push_back(one.key);
  GRAPHITE_TRY(auto says, by_any(ever, [&](const public_key& root) {
                 return verified_revocations(said, root, verifier);
               }));
  return revocations_list{{encoded.begin(), encoded.end()}, std::move(says)};
}

result<void> keep_revocations(const std::string& file, byte_span encoded) {
  return write_key_file(file, as_bytes(hex_text(encoded) + '\n'));
}

}  // namespace graphite
