#include "platform/linux/uring_io.hpp"

#include <fmt/format.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <thread>

#include "platform/linux/uring_trial.hpp"

namespace graphite {

namespace {

constexpr std::uint64_t nobody = ~std::uint64_t{0} - 1;  ///< of cancellations, whose own answer says nothing
constexpr std::uint64_t waker = nobody - 1;

/// From what newer kernels do best down to what all do. Completions are worked off when they are waited for,
/// which spares interrupting the thread (Linux 6.1), or at its next system call (5.19).
constexpr std::array set_up_flags{
    static_cast<unsigned>(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED),
    static_cast<unsigned>(IORING_SETUP_COOP_TASKRUN), 0u};

std::uint64_t mark(std::size_t number, std::uint32_t use) {
  return (std::uint64_t{use} << 32) | static_cast<std::uint64_t>(number);
}

::__kernel_timespec as_timespec(std::chrono::nanoseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

}  // namespace

uring_io::uring_io(uring_options options)
    : options_(std::move(options)), ring_(std::make_unique<::io_uring>()), slots_(options_.depth) {
  for (std::size_t i = options_.depth; i-- > 0;) free_.push_back(static_cast<std::uint32_t>(i));
}

result<std::unique_ptr<uring_io>> uring_io::make(uring_options options) {
  if (options.depth == 0 || options.depth > depth_max)
    return fail(errc::invalid_argument, fmt::format("a depth of {}, not 1 to {}", options.depth, depth_max));
  std::unique_ptr<uring_io> out(new uring_io(std::move(options)));
  GRAPHITE_CHECK(out->open());
  return out;
}

result<void> uring_io::open() {
  int refused = EINVAL;
  unsigned taken = 0, features = 0;
  for (std::size_t i = options_.plain ? set_up_flags.size() - 1 : 0;
       i < set_up_flags.size() && refused == EINVAL; ++i) {
    ::io_uring_params wanted{};
    wanted.flags = taken = set_up_flags[i];
    // An operation and its cancellation may both wait to be sent, and the read that wakes.
    refused =
        -::io_uring_queue_init_params(static_cast<unsigned>(2 * options_.depth + 2), ring_.get(), &wanted);
    features = wanted.features;
  }
  if (refused != 0) return tl::unexpected(uring_refusal(refused));
  open_ = true;
  disabled_ = (taken & IORING_SETUP_R_DISABLED) != 0;
  GRAPHITE_CHECK(try_uring(*ring_, features, disabled_));
  wakes_ = owned_fd(::eventfd(0, EFD_CLOEXEC));
  if (!wakes_) return tl::unexpected(uring_refusal(errno));
  auto ends = hang_up::make();
  if (!ends) return tl::unexpected(uring_refusal(ends.error()));
  ends_ = std::move(*ends);
  if (const int done = register_files({}); done < 0) return tl::unexpected(uring_refusal(-done));
  return {};
}

/// From here on the ring belongs to this thread.
result<void> uring_io::begin() {
  GRAPHITE_CHECK(check_process());
  if (begun_) return {};
  // liburing 2.3 declares a function for this that it does not have.
  if (disabled_ &&
      ::syscall(SYS_io_uring_register, ring_->ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) < 0)
    return fail_errno(errno, "io_uring_register");
  begun_ = true;
  listen();
  return {};
}

void uring_io::listen() {
  listening_ = true;
  auto& entry = next_entry();
  ::io_uring_prep_read(&entry, wakes_.get(), &wakes_read_, sizeof wakes_read_, 0);
  ::io_uring_sqe_set_data64(&entry, waker);
}

bool uring_io::is_of_this_process() const { return process_ == ::getpid(); }

/// Memory of the ring is shared with a child: one that touched it would break its parent's.
result<void> uring_io::check_process() const {
  if (is_of_this_process()) return {};
  return fail(errc::cancelled, "the ring is of the process that forked: this one needs its own");
}

void uring_io::wake() {
  const std::uint64_t one = 1;
  // Full only after 2^64 - 1 calls that nobody has waited for.
  (void)!::write(wakes_.get(), &one, sizeof one);
}

uring_io::~uring_io() {
  if (!open_) return;
  const bool ended = !is_of_this_process() || end_all();
  ::io_uring_queue_exit(ring_.get());
  // The kernel cancels what is left of a closed ring, and lets go of its files when all of that has ended.
  if (!ended) ends_.wait(closing_max);
}

/// Whether nothing can write to a caller's memory any more; false where the kernel takes no more calls (or
/// the caller is another thread than the one that submitted), so that nothing is left but closing.
bool uring_io::end_all() {
  std::array<io_completion, 64> dropped;
  refused_ = false;
  while (free_.size() < slots_.size()) {
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].taken) (void)ask_to_cancel(i);  // those that there is no room for are next
    if (!wait(dropped, 1, std::chrono::milliseconds(100)) || refused_) return false;
  }
  return true;
}

/// There is one for each slot's operation and one for its cancellation.
::io_uring_sqe& uring_io::next_entry() {
  auto* const entry = ::io_uring_get_sqe(ring_.get());
  GRAPHITE_INVARIANT(entry != nullptr);
  return *entry;
}

int uring_io::number_of(std::span<const std::byte> bytes) const {
  const auto after =
      std::upper_bound(buffers_.begin(), buffers_.end(), bytes.data(),
                       [](const std::byte* at, const known_buffer& one) { return at < one.begin; });
  if (after == buffers_.begin()) return -1;
  const auto& one = *std::prev(after);
  return bytes.data() + bytes.size() <= one.end ? one.number : -1;
}

int uring_io::number_of(io_file file) const {
  const auto found =
      std::lower_bound(files_.begin(), files_.end(), file,
                       [](const known_file& one, io_file wanted) { return one.file.native < wanted.native; });
  return found != files_.end() && found->file == file ? found->number : -1;
}

/// Asks for what is left of the slot's operation.
void uring_io::prepare(std::size_t number) {
  auto& one = slots_[number];
  const auto& request = one.request;
  auto* const entry = &next_entry();
  const auto rest =
      request.what == io_operation::sync ? request.bytes : request.bytes.subspan(one.progress.done());
  const auto offset = request.offset + one.progress.done();
  const int file = number_of(request.file), buffer = number_of(rest);
  const int target = file >= 0 ? file : descriptor(request.file);
  const auto size = static_cast<unsigned>(rest.size());
  if (request.what == io_operation::sync)
    ::io_uring_prep_fsync(entry, target, 0);
  else if (request.what == io_operation::read && buffer >= 0)
    ::io_uring_prep_read_fixed(entry, target, rest.data(), size, offset, buffer);
  else if (request.what == io_operation::read)
    ::io_uring_prep_read(entry, target, rest.data(), size, offset);
  else if (buffer >= 0)
    ::io_uring_prep_write_fixed(entry, target, rest.data(), size, offset, buffer);
  else
    ::io_uring_prep_write(entry, target, rest.data(), size, offset);
  if (file >= 0) entry->flags |= IOSQE_FIXED_FILE;
  ::io_uring_sqe_set_data64(entry, mark(number, one.use));
}

result<std::size_t> uring_io::submit(std::span<const io_request> batch) {
  for (const auto& request : batch) GRAPHITE_CHECK(check_request(request));
  GRAPHITE_CHECK(begin());
  std::size_t taken = 0;
  for (; taken < batch.size() && !free_.empty(); ++taken) {
    const std::size_t number = free_.back();
    free_.pop_back();
    auto& one = slots_[number];
    one = {batch[taken], io_progress(batch[taken]), one.use + 1, true, false};
    prepare(number);
  }
  flush();
  return taken;
}

/// Gives the kernel what it has not got. Where it is short of memory or its queue is full it stays for the
/// next call, and wait() makes one. What it will not take at all fails.
void uring_io::flush() {
  while (::io_uring_sq_ready(ring_.get()) > 0) {
    const int sent = ::io_uring_submit(ring_.get());
    if (sent == -EINTR) continue;
    if (sent == -EAGAIN || sent == -EBUSY || sent == 0) return;
    if (sent < 0) return fail_unsent(-sent);
  }
}

/// Takes back the entries that the kernel has not seen: it reads none but those before the tail, and only
/// during a call. Operations fail; those whose cancellation it was may be cancelled again.
void uring_io::fail_unsent(int system_error) {
  refused_ = true;
  auto& queue = ring_->sq;
  const unsigned head = *queue.khead;
  for (unsigned at = head; at != queue.sqe_tail; ++at) {
    const auto& entry = queue.sqes[at & *queue.kring_mask];
    if (entry.user_data == waker) listening_ = false;
    if (entry.user_data == nobody) {
      if (const auto kept = slot_of(entry.addr)) slots_[*kept].cancelled = false;
    } else if (const auto number = slot_of(entry.user_data)) {
      auto& one = slots_[*number];
      one.progress.refuse(system_error);
      failed_.push_back(one.progress.completion());
      release(*number);
    }
  }
  queue.sqe_head = queue.sqe_tail = head;
  __atomic_store_n(queue.ktail, head, __ATOMIC_RELEASE);
}

result<std::size_t> uring_io::wait(std::span<io_completion> out, std::size_t least,
                                   std::chrono::nanoseconds wait_max) {
  GRAPHITE_CHECK(check_process());
  const auto until =
      std::chrono::steady_clock::now() + std::min<std::chrono::nanoseconds>(wait_max, std::chrono::hours(24));
  if (begun_ && !listening_) listen();
  flush();
  std::size_t have = 0;
  if (least == 0 || wait_max.count() <= 0) ::io_uring_get_events(ring_.get());
  while (true) {
    have += collect(out.subspan(have));
    const auto wanted = std::min({least, out.size(), have + failed_.size() + slots_.size() - free_.size()});
    const auto left = std::chrono::nanoseconds(until - std::chrono::steady_clock::now());
    if (have >= wanted || left.count() <= 0 || std::exchange(woken_, false)) break;
    const auto fetched = fetch(left);
    if (fetched) continue;
    if (have > 0) break;  // it is said the next time
    return tl::unexpected(fetched.error());
  }
  flush();
  return have;
}

/// Waits for one answer at least: one that wakes counts, too.
result<void> uring_io::fetch(std::chrono::nanoseconds wait_max) {
  auto time = as_timespec(wait_max);
  ::io_uring_cqe* first = nullptr;
  const int got = ::io_uring_submit_and_wait_timeout(ring_.get(), &first, 1, &time, nullptr);
  if (got >= 0 || got == -ETIME || got == -EINTR) return {};
  if (got == -EAGAIN || got == -EBUSY) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));  // the kernel is short of memory
    return {};
  }
  if (::io_uring_sq_ready(ring_.get()) > 0) return fail_unsent(-got), result<void>{};
  return fail_errno(-got, "io_uring_enter");
}

/// Takes answers until `out` is full or there are no more; how many operations ended.
std::size_t uring_io::collect(std::span<io_completion> out) {
  std::size_t have = 0;
  for (; have < out.size() && !failed_.empty(); failed_.pop_back()) out[have++] = failed_.back();
  while (have < out.size()) {
    ::io_uring_cqe* answer = nullptr;
    if (::io_uring_peek_cqe(ring_.get(), &answer) != 0 || answer == nullptr) break;
    const auto copy = *answer;
    ::io_uring_cqe_seen(ring_.get(), answer);
    if (settle(copy, out[have])) ++have;
  }
  return have;
}

/// The slot that an answer is about; none where it is about none, or about an earlier use.
std::optional<std::size_t> uring_io::slot_of(std::uint64_t mark) const {
  const auto number = static_cast<std::size_t>(mark & 0xffffffff);
  if (mark == nobody || mark == waker || number >= slots_.size()) return std::nullopt;
  const auto& one = slots_[number];
  if (!one.taken || one.use != static_cast<std::uint32_t>(mark >> 32)) return std::nullopt;
  return number;
}

void uring_io::release(std::size_t number) {
  slots_[number].taken = false;
  free_.push_back(static_cast<std::uint32_t>(number));
}

/// True where the operation has ended: then `out` is it and the slot is free.
bool uring_io::settle(const ::io_uring_cqe& answer, io_completion& out) {
  if (answer.user_data == waker) {
    woken_ = true;
    if (answer.res >= 0)
      listen();
    else
      listening_ = false;  // again with the next wait
    return false;
  }
  const auto number = slot_of(answer.user_data);
  if (!number) return false;
  auto& one = slots_[*number];
  std::int64_t told = answer.res;
  if (options_.answers) told = options_.answers(one.request, one.progress.done(), told);
  const auto next = one.progress.take(told);
  if (next == io_progress::step::look)
    one.progress.looked(ends_at(one.request.file, one.request.offset + one.progress.done()));
  if (next == io_progress::step::again) {
    if (!one.cancelled) return prepare(*number), false;
    one.progress.cancel();
  }
  out = one.progress.completion();
  release(*number);
  return true;
}

/// False where there is no room for the question beside those that operations may need.
bool uring_io::ask_to_cancel(std::size_t number) {
  if (slots_[number].cancelled) return true;
  if (::io_uring_sq_space_left(ring_.get()) <= slots_.size() + 1) flush();
  if (::io_uring_sq_space_left(ring_.get()) <= slots_.size() + 1) return false;
  slots_[number].cancelled = true;
  auto* const entry = &next_entry();
  ::io_uring_prep_cancel64(entry, mark(number, slots_[number].use), 0);
  ::io_uring_sqe_set_data64(entry, nobody);
  return true;
}

result<void> uring_io::cancel(std::uint64_t token) {
  GRAPHITE_CHECK(check_process());
  const auto found = std::find_if(slots_.begin(), slots_.end(),
                                  [&](const slot& one) { return one.taken && one.request.token == token; });
  if (found == slots_.end()) return fail(errc::not_found, fmt::format("no operation {} is under way", token));
  if (!ask_to_cancel(static_cast<std::size_t>(found - slots_.begin())))
    return fail(errc::busy, "too many cancellations are under way");
  flush();
  return {};
}

/// The ring's files: these and, last, the one that tells when the ring has gone.
int uring_io::register_files(std::vector<int> numbers) {
  numbers.push_back(ends_.held());
  return ::io_uring_register_files(ring_.get(), numbers.data(), static_cast<unsigned>(numbers.size()));
}

result<void> uring_io::announce_files(std::span<const io_file> files) {
  if (files_.empty() && files.empty()) return {};
  files_.clear();
  std::vector<int> numbers;
  for (const auto& file : files) numbers.push_back(descriptor(file));
  ::io_uring_unregister_files(ring_.get());
  if (const int done = register_files(std::move(numbers)); done < 0) {
    (void)register_files({});
    return fail_errno(-done, "cannot announce files to io_uring");
  }
  for (std::size_t i = 0; i < files.size(); ++i) files_.push_back({files[i], static_cast<int>(i)});
  std::sort(files_.begin(), files_.end(),
            [](const auto& a, const auto& b) { return a.file.native < b.file.native; });
  return {};
}

result<void> uring_io::announce_buffers(std::span<const std::span<std::byte>> buffers) {
  if (!buffers_.empty()) ::io_uring_unregister_buffers(ring_.get());
  buffers_.clear();
  if (buffers.empty()) return {};
  std::vector<::iovec> places;
  for (const auto& one : buffers) places.push_back({one.data(), one.size()});
  const int done =
      ::io_uring_register_buffers(ring_.get(), places.data(), static_cast<unsigned>(places.size()));
  if (done == -ENOMEM)
    return fail(errc::too_large,
                "buffers cannot be announced to io_uring: more than may be locked (ulimit -l)");
  if (done < 0) return fail_errno(-done, "cannot announce buffers to io_uring");
  for (std::size_t i = 0; i < buffers.size(); ++i)
    buffers_.push_back({buffers[i].data(), buffers[i].data() + buffers[i].size(), static_cast<int>(i)});
  std::sort(buffers_.begin(), buffers_.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return {};
}

result<void> uring_io::announce(std::span<const std::span<std::byte>> buffers,
                                std::span<const io_file> files) {
  if (free_.size() != slots_.size() || !failed_.empty()) return fail(errc::busy, "operations are under way");
  GRAPHITE_CHECK(begin());
  const auto files_done = announce_files(files);
  // Of those before none stays known, whatever fails.
  const auto buffers_done = announce_buffers(files_done ? buffers : decltype(buffers){});
  return files_done ? buffers_done : files_done;
}

async_io_facts uring_io::facts() const {
  return {.name = "io_uring",
          .reason = {},
          .depth_max = slots_.size(),
          .fixed_buffers = !buffers_.empty(),
          .fixed_files = !files_.empty()};
}

}  // namespace graphite
