#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/credentials.hpp"
#include "core/units.hpp"

namespace graphite {

/// What a client proved to be, and what it may for that.
struct access_grant {
  enum class proof { peer_credentials, certificate, token, start_token };
  static constexpr std::int64_t no_end = std::numeric_limits<std::int64_t>::max();

  proof by = proof::peer_credentials;
  std::string name;  ///< for people
  std::string tenant;
  verb_set verbs;
  std::uint64_t serial = 0;  ///< counts for certificates and tokens
  public_key root;           ///< which signed the token
  std::int64_t until_unix_ns = no_end;
};
/// "certificate 17 of ann": for logs and errors.
std::string to_string(const access_grant& what);

struct access_options {
  std::string tenant = "main";     ///< of this service and its certificates: tokens of others are refused
  bool every_tenant = false;       ///< they are not, and count for their own tenant: a coordinator's
  std::vector<pinned_root> roots;  ///< any that counts may have signed a token
  /// How far the clocks of who signs and who verifies may be apart.
  milliseconds clock_tolerance{60'000};
  /// Of a certificate, whose own end is seen only when a session begins.
  milliseconds session_max{24 * 3'600'000};
};

/// Who may do what. Every refusal is `permission_denied` and says what to do.
///
/// Pure: time and what is revoked are arguments, so that a session is judged anew at each call. One thread.
/// `verifier` must outlive it.
class access_policy {
 public:
  access_policy(access_options options, const signature_verifier& verifier)
      : options_(std::move(options)), verifier_(verifier) {}

  /// From now on. What other roots gave counts no more.
  void set_roots(std::vector<pinned_root> roots) { options_.roots = std::move(roots); }

  /// Of the same user, as the kernel says: everything.
  access_grant by_peer_credentials(std::uint32_t uid, std::int32_t pid) const;
  /// Of who read the file of this start's token: everything.
  access_grant by_start_token() const;
  /// `common_name` is of a certificate whose chain and time were verified.
  result<access_grant> by_certificate(std::string_view common_name, const revocations_statement& revoked,
                                      std::int64_t now_unix_ns) const;
  result<access_grant> by_token(std::string_view text, const revocations_statement& revoked,
                                std::int64_t now_unix_ns) const;

  /// Whether what was granted still counts.
  result<void> still_counts(const access_grant& who, const revocations_statement& revoked,
                            std::int64_t now_unix_ns) const;
  /// Whether it counts for this.
  result<void> permits(const access_grant& who, verb what, const revocations_statement& revoked,
                       std::int64_t now_unix_ns) const;

 private:
  std::int64_t tolerance_ns() const { return duration(options_.clock_tolerance).count(); }
  struct rooted_token {
    token_statement says;
    public_key root;
  };
  result<rooted_token> signed_token(std::string_view text, std::int64_t now_unix_ns) const;

  access_options options_;
  const signature_verifier& verifier_;
};

}  // namespace graphite
