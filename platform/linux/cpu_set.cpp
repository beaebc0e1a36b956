#include "platform/linux/cpu_set.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "core/cpu_list.hpp"

namespace graphite {

namespace {

/// A mask for processors below `count`.
class cpu_mask {
 public:
  explicit cpu_mask(int count) : count_(count), bytes_(CPU_ALLOC_SIZE(count)), set_(CPU_ALLOC(count)) {
    GRAPHITE_INVARIANT(set_ != nullptr);
    CPU_ZERO_S(bytes_, set_.get());
  }

  cpu_set_t* get() { return set_.get(); }
  std::size_t bytes() const { return bytes_; }
  void add(int cpu) { CPU_SET_S(static_cast<std::size_t>(cpu), bytes_, set_.get()); }
  std::vector<int> numbers() const {
    std::vector<int> out;
    for (int cpu = 0; cpu < count_; ++cpu)
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes_, set_.get())) out.push_back(cpu);
    return out;
  }

 private:
  struct release {
    void operator()(cpu_set_t* set) const { CPU_FREE(set); }
  };
  int count_;
  std::size_t bytes_;
  std::unique_ptr<cpu_set_t, release> set_;
};

/// `get(mask)` is 0 or an errno: EINVAL where the mask is smaller than the kernel's.
template <class Get>
result<std::vector<int>> read_mask(Get get) {
  for (int count = CPU_SETSIZE; count <= cpu_number_max; count *= 2) {
    cpu_mask mask(count);
    const int failure = get(mask);
    if (failure == 0) return mask.numbers();
    if (failure != EINVAL) return fail_errno(failure, "cannot tell which processors a thread may run on");
  }
  return fail(errc::io, "the kernel's mask of processors is larger than any known");
}

int set_mask(pthread_t thread, std::span<const int> cpus) {
  cpu_mask mask(std::max(CPU_SETSIZE, *std::max_element(cpus.begin(), cpus.end()) + 1));
  for (const int cpu : cpus) mask.add(cpu);
  return ::pthread_setaffinity_np(thread, mask.bytes(), mask.get());
}

tl::unexpected<error> no_such_cpu(int cpu) {
  return fail(errc::invalid_argument,
              fmt::format("processor {} does not exist, is offline or is not allowed here", cpu));
}

}  // namespace

result<std::vector<int>> allowed_cpus() {
  return read_mask([](cpu_mask& mask) {
    return ::sched_getaffinity(::getpid(), mask.bytes(), mask.get()) == 0 ? 0 : errno;
  });
}

result<std::vector<int>> thread_cpus(pthread_t thread) {
  return read_mask(
      [thread](cpu_mask& mask) { return ::pthread_getaffinity_np(thread, mask.bytes(), mask.get()); });
}

result<void> bind_thread(pthread_t thread, std::span<const int> cpus) {
  if (cpus.empty()) return fail(errc::invalid_argument, "no processors to bind a thread to");
  for (const int cpu : cpus)
    if (cpu < 0 || cpu >= cpu_number_max) return no_such_cpu(cpu);
  GRAPHITE_TRY(const auto before, thread_cpus(thread));
  const int failure = set_mask(thread, cpus);
  if (failure == EINVAL) return no_such_cpu(cpus.front());  // so are all others
  if (failure != 0) return fail_errno(failure, "cannot bind a thread to processors");
  // The kernel silently leaves out what the cpuset forbids.
  GRAPHITE_TRY(const auto now, thread_cpus(thread));
  for (const int cpu : cpus) {
    if (std::binary_search(now.begin(), now.end(), cpu)) continue;
    set_mask(thread, before);
    return no_such_cpu(cpu);
  }
  return {};
}

result<void> bind_to_domain(std::span<const int> cpus, bool one_each, std::size_t number) {
  if (one_each && !cpus.empty()) cpus = cpus.subspan(number % cpus.size(), 1);
  return bind_thread(::pthread_self(), cpus);
}

rebound_thread::rebound_thread(std::span<const int> cpus) {
  auto mine = thread_cpus(::pthread_self());
  if (mine && std::ranges::equal(*mine, cpus)) return;
  bound_ = bind_thread(::pthread_self(), cpus);
  if (bound_ && mine) before_ = std::move(*mine);
}

rebound_thread::~rebound_thread() {
  if (!before_.empty()) (void)bind_thread(::pthread_self(), before_);
}

unbound_thread::unbound_thread() : rebound_thread(allowed_cpus().value_or(std::vector<int>())) {}

}  // namespace graphite
