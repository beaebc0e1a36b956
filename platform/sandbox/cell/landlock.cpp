#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/sandbox/cell/cell.hpp"
#include "platform/sandbox/landlock_abi.hpp"

namespace graphite::cell {

namespace {

using namespace landlock;

std::uint64_t rights_of(const part& one, const struct stat& state, std::uint64_t handled) {
  std::uint64_t out = read_file | execute;
  if (one.what == part::kind::write || one.what == part::kind::device)
    out |= write_file | truncate | ioctl_dev;
  if (S_ISDIR(state.st_mode)) {
    out |= read_folder;
    if (one.what == part::kind::write) out |= change_folder;
  }
  return out & handled;
}

void allow(const request& what, int rules, const part& one, std::uint64_t handled) {
  const auto* const path = one.what == part::kind::processes ? one.to : one.from;
  const int fd = ::open(path, O_PATH | O_CLOEXEC);
  struct stat state {};
  if (fd < 0 || ::fstat(fd, &state) != 0) give_up(what, path);
  const path_rule rule{rights_of(one, state, handled), fd};
  if (::syscall(SYS_landlock_add_rule, rules, rule_path_beneath, &rule, 0) != 0) give_up(what, path);
  ::close(fd);
}

}  // namespace

void enter_landlock(const request& what) {
  const auto abi = static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, version_flag));
  if (abi < 1) give_up(what, "landlock");
  const auto wanted = ruleset_for(abi);
  const int rules =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted.attributes, wanted.bytes, 0u));
  if (rules < 0) give_up(what, "landlock");
  for (const auto& one : what.parts)
    if (one.from != nullptr ? one.what != part::kind::link : one.what == part::kind::processes)
      allow(what, rules, one, wanted.attributes.handled_files);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(what, "no_new_privs");
  if (::syscall(SYS_landlock_restrict_self, rules, 0u) != 0) give_up(what, "landlock");
  ::close(rules);
}

}  // namespace graphite::cell
