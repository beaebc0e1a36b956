#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace graphite {

/// What the caller should do about a failure. Values are stable on the wire; never renumber.
enum class errc : std::uint16_t {
  invalid_argument = 1,   ///< the request itself is wrong: mend it, do not repeat it
  not_found = 2,          ///< the named thing does not exist
  already_exists = 3,     ///< somebody else holds or made it
  corrupt = 4,            ///< bytes failed their digest or format: quarantine and fetch again
  out_of_space = 5,       ///< ENOSPC, EDQUOT: stays readable, recovers by itself
  io = 6,                 ///< any other failing system call
  permission_denied = 7,  ///< not allowed
  unavailable = 8,        ///< the peer is away: retry later
  timed_out = 9,          ///< a deadline passed
  cancelled = 10,         ///< superseded or asked to stop
  too_large = 11,         ///< over a named limit
  stale_epoch = 12,       ///< from an earlier reign: refused
  newer_version = 13,     ///< written by a newer program: upgrade
  busy = 14,              ///< a bounded queue is full: back off
  action_failed = 15,     ///< the user's tool or input failed
  unsupported = 16,       ///< this machine or build cannot do it
};

/// Stable lower-case name, for logs and JSON.
std::string_view to_string(errc code);

/// A failure: `code` decides, `context` is for people and never parsed.
struct error {
  errc code;
  std::string context;
};

template <class T>
using result = tl::expected<T, error>;

/// `return fail(errc::not_found, "no asset {}", path);` is spelled with fmt at the call.
inline tl::unexpected<error> fail(errc code, std::string context) {
  return tl::unexpected<error>(error{code, std::move(context)});
}

/// Maps errno to a code (ENOSPC and EDQUOT to out_of_space, …) and words it "WHAT: strerror".
error errno_error(int errno_value, std::string_view what);

inline tl::unexpected<error> fail_errno(int errno_value, std::string_view what) {
  return tl::unexpected<error>(errno_error(errno_value, what));
}

/// Prints and aborts, also in release builds: for our broken invariants, never for input.
[[noreturn]] void invariant_failed(const char* expression, const char* file, int line);

}  // namespace graphite

#define GRAPHITE_INVARIANT(expression) \
  (static_cast<bool>(expression) ? void(0) : ::graphite::invariant_failed(#expression, __FILE__, __LINE__))

#define GRAPHITE_CONCAT_INNER(a, b) a##b
#define GRAPHITE_CONCAT(a, b) GRAPHITE_CONCAT_INNER(a, b)

/// `GRAPHITE_TRY(auto bytes, read(path));` declares `bytes` or returns the error.
#define GRAPHITE_TRY(declaration, expression)                                                       \
  auto GRAPHITE_CONCAT(try_, __LINE__) = (expression);                                              \
  if (!GRAPHITE_CONCAT(try_, __LINE__))                                                             \
    return ::tl::unexpected<::graphite::error>(std::move(GRAPHITE_CONCAT(try_, __LINE__)).error()); \
  declaration = std::move(*GRAPHITE_CONCAT(try_, __LINE__))

/// The same for `result<void>`.
#define GRAPHITE_CHECK(expression)                                           \
  do {                                                                       \
    if (auto check_ = (expression); !check_)                                 \
      return ::tl::unexpected<::graphite::error>(std::move(check_).error()); \
  } while (false)
