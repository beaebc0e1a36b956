#include "gateway/access_policy.hpp"

#include <fmt/format.h>

#include "core/client_identity.hpp"

namespace graphite {

namespace {

bool can_be_revoked(const access_grant& who) {
  return who.by == access_grant::proof::certificate || who.by == access_grant::proof::token;
}

/// `base + more` without leaving the range.
std::int64_t later(std::int64_t base, std::int64_t more) {
  return base > access_grant::no_end - more ? access_grant::no_end : base + more;
}

}  // namespace

std::string to_string(const access_grant& what) {
  switch (what.by) {
    case access_grant::proof::peer_credentials:
      return what.name;
    case access_grant::proof::start_token:
      return "a client with this start's token";
    case access_grant::proof::certificate:
      return fmt::format("certificate {} of {}", what.serial, what.name);
    case access_grant::proof::token:
      return fmt::format("token {} of {}", what.serial, what.name);
  }
  return what.name;
}

access_grant access_policy::by_peer_credentials(std::uint32_t uid, std::int32_t pid) const {
  access_grant out;
  out.name = fmt::format("uid {} (pid {})", uid, pid);
  out.tenant = options_.tenant;
  out.verbs = verb_set::all();
  return out;
}

access_grant access_policy::by_start_token() const {
  access_grant out;
  out.by = access_grant::proof::start_token;
  out.tenant = options_.tenant;
  out.verbs = verb_set::all();
  return out;
}

result<access_grant> access_policy::by_certificate(std::string_view common_name,
                                                   const revocations_statement& revoked,
                                                   std::int64_t now_unix_ns) const {
  auto read = parse_client_identity(common_name);
  if (!read) return fail(errc::permission_denied, read.error().context + ": use one of clients/NAME");
  access_grant out;
  out.by = access_grant::proof::certificate;
  out.name = std::move(read->name);
  out.tenant = options_.tenant;
  out.verbs = read->verbs;
  out.serial = read->serial;
  out.until_unix_ns = later(now_unix_ns, duration(options_.session_max).count());
  GRAPHITE_CHECK(still_counts(out, revoked, now_unix_ns));
  return out;
}

result<access_policy::rooted_token> access_policy::signed_token(std::string_view text,
                                                                std::int64_t now_unix_ns) const {
  const auto shown = parse_token_text(text);
  if (!shown) return fail(errc::permission_denied, shown.error().context);
  for (const auto& root : roots_that_count(options_.roots, now_unix_ns)) {
    auto read = verified_token(*shown, root, verifier_);
    if (read) return rooted_token{std::move(*read), root};
    if (read.error().code == errc::corrupt) return tl::unexpected(read.error());
  }
  return fail(errc::permission_denied,
              "no root that this service trusts has signed this token: ask for one of this installation");
}

result<access_grant> access_policy::by_token(std::string_view text, const revocations_statement& revoked,
                                             std::int64_t now_unix_ns) const {
  auto of_root = signed_token(text, now_unix_ns);
  if (!of_root) return fail(errc::permission_denied, std::move(of_root).error().context);
  auto* const read = &of_root->says;
  if (!options_.every_tenant && read->tenant != options_.tenant)
    return fail(errc::permission_denied, fmt::format("this token is for tenant {}, this service serves {}",
                                                     read->tenant, options_.tenant));
  access_grant out;
  out.by = access_grant::proof::token;
  out.name = std::move(read->name);
  out.tenant = std::move(read->tenant);
  out.verbs = read->verbs;
  out.serial = read->serial;
  out.root = of_root->root;
  out.until_unix_ns = later(read->valid.until_unix_ns, tolerance_ns());
  if (later(now_unix_ns, tolerance_ns()) < read->valid.from_unix_ns)
    return fail(errc::permission_denied, to_string(out) + " does not count yet: compare the clocks");
  GRAPHITE_CHECK(still_counts(out, revoked, now_unix_ns));
  return out;
}

result<void> access_policy::still_counts(const access_grant& who, const revocations_statement& revoked,
                                         std::int64_t now_unix_ns) const {
  if (can_be_revoked(who) && revoked.serials.contains(who.serial))
    return fail(errc::permission_denied, to_string(who) + " was revoked: ask for a new one");
  if (who.by == access_grant::proof::token && !root_counts(options_.roots, who.root, now_unix_ns))
    return fail(errc::permission_denied,
                to_string(who) + " is of a root that counts no more: ask for a new one");
  if (now_unix_ns < who.until_unix_ns) return {};
  return fail(errc::permission_denied,
              who.by == access_grant::proof::token
                  ? to_string(who) + " has expired: ask for a new one"
                  : fmt::format("this session of {} is too old: connect again", to_string(who)));
}

result<void> access_policy::permits(const access_grant& who, verb what, const revocations_statement& revoked,
                                    std::int64_t now_unix_ns) const {
  GRAPHITE_CHECK(still_counts(who, revoked, now_unix_ns));
  if (who.verbs.has(what)) return {};
  return fail(errc::permission_denied, fmt::format("{} may {}, and this needs {}", to_string(who),
                                                   to_string(who.verbs), to_string(verb_set{what})));
}

}  // namespace graphite
