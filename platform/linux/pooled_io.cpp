#include "platform/linux/pooled_io.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "core/io_progress.hpp"

namespace graphite {

/// What the jobs and whoever waits for them share.
struct pooled_io::shared {
  std::mutex mutex;
  std::condition_variable ended;
  std::deque<std::shared_ptr<operation>> completed;
  std::map<std::uint64_t, std::shared_ptr<operation>> under_way;
  bool woken = false;

  void complete(const std::shared_ptr<operation>& one);
};

/// One operation. It completes when its job has run, or when the job goes away without having run.
class pooled_io::operation {
 public:
  operation(const io_request& request, io_answer_filter answers)
      : request_(request), progress_(request), answers_(std::move(answers)) {}

  void cancel() { cancelled_ = true; }
  void run() {
    ran_ = true;
    auto next = io_progress::step::again;
    while (next == io_progress::step::again && !cancelled_) next = progress_.take(ask());
    if (next == io_progress::step::look)
      progress_.looked(ends_at(request_.file, request_.offset + progress_.done()));
    if (next == io_progress::step::again) progress_.cancel();
  }
  /// After its job has gone.
  void end() {
    if (!ran_) progress_.cancel();
  }
  std::uint64_t token() const { return request_.token; }
  const io_completion& completion() const { return progress_.completion(); }

 private:
  std::int64_t ask() {
    const int file = descriptor(request_.file);
    const auto at = static_cast<::off_t>(request_.offset + progress_.done());
    std::int64_t answer = 0;
    if (request_.what == io_operation::sync) {
      answer = ::fsync(file);
    } else {
      const auto rest = request_.bytes.subspan(progress_.done());
      answer = request_.what == io_operation::read ? ::pread(file, rest.data(), rest.size(), at)
                                                   : ::pwrite(file, rest.data(), rest.size(), at);
    }
    if (answer < 0) answer = -errno;
    return answers_ ? answers_(request_, progress_.done(), answer) : answer;
  }

  io_request request_;
  io_progress progress_;
  io_answer_filter answers_;
  bool ran_ = false;
  std::atomic<bool> cancelled_{false};
};

void pooled_io::shared::complete(const std::shared_ptr<operation>& one) {
  one->end();
  const std::lock_guard lock(mutex);
  under_way.erase(one->token());
  completed.push_back(one);
  ended.notify_all();
}

pooled_io::pooled_io(thread_pool& pool, pooled_io_options options)
    : pool_(pool), options_(std::move(options)), shared_(std::make_shared<shared>()) {}

pooled_io::~pooled_io() {
  std::unique_lock lock(shared_->mutex);
  for (auto& [token, one] : shared_->under_way) one->cancel();
  shared_->ended.wait(lock, [this] { return shared_->under_way.empty(); });
}

/// Errors: busy (no room here or in the pool), invalid_argument (the token is taken), cancelled (the pool has
/// stopped).
result<void> pooled_io::start(const io_request& request) {
  const auto one = std::make_shared<operation>(request, options_.answers);
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->under_way.size() + shared_->completed.size() >= options_.depth)
      return fail(errc::busy, "the queue is full");
    if (!shared_->under_way.emplace(request.token, one).second)
      return fail(errc::invalid_argument, fmt::format("operation {} is under way already", request.token));
  }
  // Completes it when the job goes away, whether it has run or not.
  std::shared_ptr<operation> held(one.get(), [all = shared_, one](operation*) { all->complete(one); });
  auto taken = pool_.submit([held = std::move(held)] { held->run(); }, options_.priority);
  if (!taken) {
    const std::lock_guard lock(shared_->mutex);
    std::erase(shared_->completed, one);
  }
  return taken;
}

result<std::size_t> pooled_io::submit(std::span<const io_request> batch) {
  for (const auto& request : batch) GRAPHITE_CHECK(check_request(request));
  std::size_t taken = 0;
  while (taken < batch.size()) {
    const auto started = start(batch[taken]);
    if (started)
      ++taken;
    else if (taken > 0 || started.error().code == errc::busy)
      break;
    else
      return tl::unexpected(started.error());
  }
  return taken;
}

result<std::size_t> pooled_io::wait(std::span<io_completion> out, std::size_t least,
                                    std::chrono::nanoseconds wait_max) {
  std::unique_lock lock(shared_->mutex);
  auto& all = *shared_;
  const auto enough = [&] {
    return all.woken ||
           all.completed.size() >= std::min({least, out.size(), all.completed.size() + all.under_way.size()});
  };
  all.ended.wait_for(lock, std::min<std::chrono::nanoseconds>(wait_max, std::chrono::hours(24)), enough);
  all.woken = false;
  std::size_t have = 0;
  for (; have < out.size() && !all.completed.empty(); all.completed.pop_front())
    out[have++] = all.completed.front()->completion();
  return have;
}

result<void> pooled_io::cancel(std::uint64_t token) {
  const std::lock_guard lock(shared_->mutex);
  const auto found = shared_->under_way.find(token);
  if (found != shared_->under_way.end()) return found->second->cancel(), result<void>{};
  const auto ended = std::any_of(shared_->completed.begin(), shared_->completed.end(),
                                 [&](const auto& one) { return one->token() == token; });
  if (ended) return {};
  return fail(errc::not_found, fmt::format("no operation {} is under way", token));
}

result<void> pooled_io::announce(std::span<const std::span<std::byte>>, std::span<const io_file>) {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->under_way.empty()) return fail(errc::busy, "operations are under way");
  return {};
}

void pooled_io::wake() {
  const std::lock_guard lock(shared_->mutex);
  shared_->woken = true;
  shared_->ended.notify_all();
}

async_io_facts pooled_io::facts() const {
  return {.name = "threads",
          .reason = options_.reason,
          .depth_max = options_.depth,
          .fixed_buffers = false,
          .fixed_files = false};
}

}  // namespace graphite
