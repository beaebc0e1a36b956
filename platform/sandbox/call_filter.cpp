#include "platform/sandbox/call_filter.hpp"

#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>

namespace graphite {

namespace {

struct filter_release {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};

constexpr std::array denied_calls{
    // what is mounted, and what is whose
    SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(open_tree), SCMP_SYS(move_mount), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount),
    SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(unshare), SCMP_SYS(setns),
    SCMP_SYS(open_by_handle_at),
    // other processes, and the kernel
    SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(add_key),
    SCMP_SYS(request_key), SCMP_SYS(keyctl), SCMP_SYS(init_module), SCMP_SYS(finit_module),
    SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load),
    // the machine
    SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(reboot), SCMP_SYS(acct), SCMP_SYS(quotactl),
    SCMP_SYS(syslog), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(adjtimex),
    SCMP_SYS(clock_adjtime), SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm),
    SCMP_SYS(vhangup)};

/// Calls that name a path that is read.
constexpr std::array path_calls{SCMP_SYS(open),       SCMP_SYS(openat), SCMP_SYS(openat2),
                                SCMP_SYS(stat),       SCMP_SYS(lstat),  SCMP_SYS(newfstatat),
                                SCMP_SYS(statx),      SCMP_SYS(access), SCMP_SYS(faccessat),
                                SCMP_SYS(faccessat2), SCMP_SYS(execve)};

constexpr std::array<std::uint64_t, 8> namespace_flags{CLONE_NEWUSER,   CLONE_NEWNS,  CLONE_NEWPID,
                                                       CLONE_NEWNET,    CLONE_NEWIPC, CLONE_NEWUTS,
                                                       CLONE_NEWCGROUP, CLONE_NEWTIME};
constexpr std::uint64_t terminal_paste = 0x541C;  // TIOCLINUX

/// Adds rules until one fails.
class rules {
 public:
  explicit rules(scmp_filter_ctx filter) : filter_(filter) {}

  template <class... Tests>
  void add(std::uint32_t action, int call, Tests... tests) {
    if (code_ == 0) code_ = ::seccomp_rule_add(filter_, action, call, sizeof...(tests), tests...);
  }
  int code() const { return code_; }

 private:
  scmp_filter_ctx filter_;
  int code_ = 0;
};

void deny_calls(rules& out) {
  for (const int call : denied_calls) out.add(SCMP_ACT_ERRNO(EPERM), call);
  for (const auto flag : namespace_flags)
    out.add(SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
  // Its flags lie in memory, where no filter sees them; the C library then takes clone().
  out.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  for (const std::uint64_t what : {static_cast<std::uint64_t>(TIOCSTI), terminal_paste})
    out.add(SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffff'ffffu, what));
}

void deny_sockets(rules& out, sandbox_tier tier) {
  if (has_namespaces(tier))
    out.add(SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), SCMP_A0(SCMP_CMP_NE, AF_UNIX));
  else
    out.add(SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket));
}

}  // namespace

result<owned_fd> make_call_filter(const call_filter_options& options) {
  const std::unique_ptr<void, filter_release> filter(::seccomp_init(SCMP_ACT_ALLOW));
  if (!filter) return fail(errc::unsupported, "no system call filter can be made");
  rules wanted(filter.get());
  deny_calls(wanted);
  deny_sockets(wanted, options.tier);
  if (options.tells_reads)
    for (const int call : path_calls) wanted.add(SCMP_ACT_NOTIFY, call);
  int code = wanted.code();
  // Hundreds of comparisons in a row are a tenth of a microsecond for each call.
  if (code == 0) (void)::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  owned_fd out(::memfd_create("graphite-call-filter", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!out) return fail_errno(errno, "cannot make a file for the system call filter");
  if (code == 0) code = ::seccomp_export_bpf(filter.get(), out.get());
  if (code != 0) return fail(errc::unsupported, errno_error(-code, "the system call filter").context);
  return out;
}

}  // namespace graphite
