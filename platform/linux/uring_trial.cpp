#include "platform/linux/uring_trial.hpp"

#include <fmt/format.h>
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "platform/linux/uring_kernel.hpp"

namespace graphite {

namespace {

/// Those that came last have uring_kernel_least.
constexpr unsigned features_needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_RSRC_TAGS;

tl::unexpected<error> can_too_little() {
  return fail(errc::unsupported,
              fmt::format("io_uring: this kernel's can too little ({} is the least)", uring_kernel_text()));
}

/// The kernel has the call, and lets everybody make it who may set up a ring: what refuses it is a filter.
tl::unexpected<error> cannot_be_used(const char* call, int system_error) {
  const bool filtered = system_error == EPERM || system_error == EACCES || system_error == ENOSYS;
  return fail(errc::unsupported,
              fmt::format("io_uring can be set up here but not be used{} ({})",
                          filtered ? ": a seccomp filter forbids it, as containers have" : "",
                          errno_error(system_error, call).context));
}

bool can_all(const ::io_uring_probe& probe) {
  for (const int code : {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC, IORING_OP_READ_FIXED,
                         IORING_OP_WRITE_FIXED, IORING_OP_ASYNC_CANCEL})
    if (!::io_uring_opcode_supported(&probe, code)) return false;
  return true;
}

result<void> try_register(::io_uring& ring) {
  constexpr unsigned codes_max = 256;
  const auto bytes = sizeof(::io_uring_probe) + codes_max * sizeof(::io_uring_probe_op);
  const std::unique_ptr<::io_uring_probe, decltype(&::io_uring_free_probe)> probe(
      static_cast<::io_uring_probe*>(std::calloc(1, bytes)), &::io_uring_free_probe);
  if (!probe) return tl::unexpected(uring_refusal(ENOMEM));
  const int told = ::io_uring_register_probe(&ring, probe.get(), codes_max);
  if (told < 0) return cannot_be_used("io_uring_register", -told);
  if (!can_all(*probe)) return can_too_little();
  return {};
}

/// The kernel's own answer is that the ring is disabled: a filter's comes before it.
result<void> knock(const ::io_uring& ring) {
  if (::syscall(SYS_io_uring_enter, ring.ring_fd, 0, 0, 0, nullptr, 0) >= 0 || errno == EBADFD) return {};
  return cannot_be_used("io_uring_enter", errno);
}

result<void> do_nothing_once(::io_uring& ring) {
  ::io_uring_prep_nop(::io_uring_get_sqe(&ring));
  ::__kernel_timespec time{.tv_sec = 10, .tv_nsec = 0};
  ::io_uring_cqe* answer = nullptr;
  int got = -EINTR;
  while (got == -EINTR) got = ::io_uring_submit_and_wait_timeout(&ring, &answer, 1, &time, nullptr);
  if (got == -ETIME)
    return fail(errc::unsupported, "io_uring does nothing here: no answer within ten seconds");
  if (got < 0) return cannot_be_used("io_uring_enter", -got);
  ::io_uring_cqe_seen(&ring, answer);
  return {};
}

}  // namespace

error uring_refusal(int system_error) {
  const auto because = [](std::string text) { return error{errc::unsupported, std::move(text)}; };
  switch (system_error) {
    case ENOSYS:
      return because("io_uring: this kernel has none, or a seccomp filter says so");
    case EPERM:
    case EACCES:
      return because(
          "io_uring is forbidden here: by kernel.io_uring_disabled, or by a seccomp filter as containers "
          "have");
    case ENOMEM:
      return because("io_uring: too little memory may be locked (ulimit -l)");
    case EMFILE:
    case ENFILE:
      return because("io_uring: too many open files (ulimit -n)");
    default:
      return because("io_uring: " + errno_error(system_error, "cannot be set up").context);
  }
}

result<void> try_uring(::io_uring& ring, unsigned features, bool disabled) {
  if ((features & features_needed) != features_needed) return can_too_little();
  GRAPHITE_CHECK(try_register(ring));
  return disabled ? knock(ring) : do_nothing_once(ring);
}

}  // namespace graphite
