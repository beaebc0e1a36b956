#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace graphite {

/// What a project asks for.
enum class sandbox_mode : std::uint8_t {
  off,      ///< commands run as this user does
  best,     ///< the strongest tier that this machine allows
  required  ///< no command runs in less than namespaces of its own
};

/// What a command is shut in by; ascending. The table of what each stops: docs/sandbox.md. Numbers are kept
/// in the state folder and never change their meaning.
enum class sandbox_tier : std::uint8_t {
  none = 0,
  limits = 1,      ///< processes, memory, bytes written, time
  landlock = 2,    ///< and files by Landlock, system calls by seccomp
  bubblewrap = 3,  ///< and namespaces, made by bwrap
  namespaces = 4   ///< and namespaces, made by graphite-sandbox: the same for half the time
};

/// "off", "best", "required". Errors: invalid_argument.
result<sandbox_mode> parse_sandbox_mode(std::string_view text);
std::string_view to_string(sandbox_mode mode);
std::string_view to_string(sandbox_tier tier);

/// Whether a tool in it has namespaces of its own: what `required` asks for.
inline bool has_namespaces(sandbox_tier tier) { return tier >= sandbox_tier::bubblewrap; }
/// Whether a tool in it can read no more than what it is shown.
inline bool hides_files(sandbox_tier tier) { return tier >= sandbox_tier::landlock; }

/// One tier as this machine has it.
struct sandbox_offer {
  sandbox_tier tier = sandbox_tier::none;
  std::string refused;  ///< why it does not work, for people; empty: it works
};

struct sandbox_choice {
  sandbox_tier tier = sandbox_tier::none;
  std::string reason;  ///< why none stronger, for people; empty: there is none, or none is wanted
};

/// The strongest of `offers` (descending) that works. Errors: unsupported: `required`, and it has no
/// namespaces; the context says what each tier lacks and what to do. Pure.
result<sandbox_choice> choose_sandbox(sandbox_mode mode, std::span<const sandbox_offer> offers);

}  // namespace graphite
