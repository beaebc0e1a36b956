#include "platform/linux/pooled_io.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "core/io_progress.hpp"

namespace graphite {

/// What the jobs and whoever waits for them share.
struct pooled_io::shared {
  std::mutex mutex;
  std::condition_variable ended;
  std::deque<std::shared_ptr<operation>> waiting;  ///< for a job to begin them
  std::deque<std::shared_ptr<operation>> completed;
  std::unordered_map<const operation*, std::shared_ptr<operation>> under_way;
  std::size_t jobs = 0;    ///< of the pool, that work off `waiting`
  std::size_t wanted = 0;  ///< completions that are waited for; 0: nobody waits
  bool woken = false;

  std::shared_ptr<operation> next();
  void complete(const std::shared_ptr<operation>& one);
  void run_some(std::size_t at_most);
  bool end_job_if_idle();
  std::deque<std::shared_ptr<operation>> uncount_job();
  void cancel_all(const std::deque<std::shared_ptr<operation>>& left);
};

/// One operation. It completes when its job has run, or when the job goes away without having run.
class pooled_io::operation {
 public:
  operation(const io_request& request, io_answer_filter answers)
      : request_(request), progress_(request), answers_(std::move(answers)) {}

  void cancel() { cancelled_ = true; }
  void run() {
    auto next = io_progress::step::again;
    while (next == io_progress::step::again && !cancelled_) next = progress_.take(ask());
    if (next == io_progress::step::look)
      progress_.looked(ends_at(request_.file, request_.offset + progress_.done()));
    if (next == io_progress::step::again) progress_.cancel();
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
  std::atomic<bool> cancelled_{false};
};

std::shared_ptr<pooled_io::operation> pooled_io::shared::next() {
  const std::lock_guard lock(mutex);
  if (waiting.empty()) return nullptr;
  auto out = std::move(waiting.front());
  waiting.pop_front();
  return out;
}

/// Whoever waits is woken when there is as much as he waits for.
void pooled_io::shared::complete(const std::shared_ptr<operation>& one) {
  const std::lock_guard lock(mutex);
  under_way.erase(one.get());
  completed.push_back(one);
  if (under_way.empty() || (wanted != 0 && completed.size() >= wanted)) ended.notify_all();
}

void pooled_io::shared::run_some(std::size_t at_most) {
  for (std::size_t i = 0; i < at_most; ++i) {
    const auto one = next();
    if (!one) return;
    one->run();
    complete(one);
  }
}

/// Under the lock that submit() counts jobs with: what comes after gets a job of its own.
bool pooled_io::shared::end_job_if_idle() {
  const std::lock_guard lock(mutex);
  if (!waiting.empty()) return false;
  --jobs;
  return true;
}

/// Where no job is left to begin what waits: under the same lock, so that nothing comes between. Empty else.
std::deque<std::shared_ptr<pooled_io::operation>> pooled_io::shared::uncount_job() {
  const std::lock_guard lock(mutex);
  return --jobs == 0 ? std::exchange(waiting, {}) : std::deque<std::shared_ptr<operation>>();
}

/// The pool has stopped: what no job will begin any more is cancelled.
void pooled_io::shared::cancel_all(const std::deque<std::shared_ptr<operation>>& left) {
  for (const auto& one : left) {
    one->cancel();
    one->run();
    complete(one);
  }
}

/// A job of the pool, which may drop it unrun.
class pooled_io::job {
 public:
  job(std::shared_ptr<shared> all, thread_pool& pool, work_priority priority)
      : all_(std::move(all)), pool_(pool), priority_(priority) {}
  job(const job&) = delete;
  job& operator=(const job&) = delete;
  ~job() {
    if (!passed_on_) all_->cancel_all(all_->uncount_job());
  }

  /// Gives the pool's other work a turn now and then.
  void run() {
    do all_->run_some(operations_each);
    while (!(passed_on_ = all_->end_job_if_idle()) &&
           !(passed_on_ = start(all_, pool_, priority_).has_value()));
  }

  /// One that is counted in `all` already. Errors: of the pool; then it is still counted.
  static result<void> start(const std::shared_ptr<shared>& all, thread_pool& pool, work_priority priority) {
    auto next = std::make_shared<job>(all, pool, priority);
    const auto kept = next;  // outlives the pool's, where that refuses
    auto taken = pool.submit([next = std::move(next)] { next->run(); }, priority);
    if (!taken) kept->passed_on_ = true;
    return taken;
  }

 private:
  static constexpr std::size_t operations_each = 64;
  std::shared_ptr<shared> all_;
  thread_pool& pool_;
  work_priority priority_;
  bool passed_on_ = false;
};

pooled_io::pooled_io(thread_pool& pool, pooled_io_options options)
    : pool_(pool), options_(std::move(options)), shared_(std::make_shared<shared>()) {}

pooled_io::~pooled_io() {
  std::unique_lock lock(shared_->mutex);
  for (auto& [key, one] : shared_->under_way) one->cancel();
  shared_->ended.wait(lock, [this] { return shared_->under_way.empty(); });
}

/// How many of `batch` there is room for, queued.
std::size_t pooled_io::queue(std::span<const io_request> batch) {
  const std::lock_guard lock(shared_->mutex);
  auto& all = *shared_;
  for (std::size_t taken = 0; taken < batch.size(); ++taken) {
    if (all.under_way.size() + all.completed.size() >= options_.depth) return taken;
    auto one = std::make_shared<operation>(batch[taken], options_.answers);
    all.under_way.emplace(one.get(), one);
    all.waiting.push_back(std::move(one));
  }
  return batch.size();
}

bool pooled_io::count_job() {
  const std::lock_guard lock(shared_->mutex);
  const bool wanted = shared_->jobs < std::min(pool_.threads(), shared_->waiting.size());
  if (wanted) ++shared_->jobs;
  return wanted;
}

/// As if these had never been submitted; how many others are left.
std::size_t pooled_io::forget(const std::deque<std::shared_ptr<operation>>& some) {
  const std::lock_guard lock(shared_->mutex);
  for (const auto& one : some) shared_->under_way.erase(one.get());
  return shared_->under_way.size() + shared_->completed.size();
}

result<std::size_t> pooled_io::submit(std::span<const io_request> batch) {
  for (const auto& request : batch) GRAPHITE_CHECK(check_request(request));
  const auto taken = queue(batch);
  while (count_job()) {
    const auto started = job::start(shared_, pool_, options_.priority);
    if (started) continue;
    const auto left = shared_->uncount_job();
    if (left.empty()) break;  // another job begins them
    if (started.error().code != errc::busy) return shared_->cancel_all(left), taken;
    // All that waits is of this batch: before it there was no job.
    if (forget(left) == 0 && left.size() == taken) return tl::unexpected(started.error());
    return taken - left.size();
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
  all.wanted = std::max<std::size_t>(std::min(least, out.size()), 1);
  all.ended.wait_for(lock, std::min<std::chrono::nanoseconds>(wait_max, std::chrono::hours(24)), enough);
  all.wanted = 0;
  all.woken = false;
  std::size_t have = 0;
  for (; have < out.size() && !all.completed.empty(); all.completed.pop_front())
    out[have++] = all.completed.front()->completion();
  return have;
}

result<void> pooled_io::cancel(std::uint64_t token) {
  const std::lock_guard lock(shared_->mutex);
  const auto found = std::find_if(shared_->under_way.begin(), shared_->under_way.end(),
                                  [&](const auto& one) { return one.second->token() == token; });
  if (found != shared_->under_way.end()) return found->second->cancel(), result<void>{};
  const auto ended = std::any_of(shared_->completed.begin(), shared_->completed.end(),
                                 [&](const auto& one) { return one->token() == token; });
  if (ended) return {};
  return fail(errc::not_found, fmt::format("no operation {} is under way", token));
}

result<void> pooled_io::announce(std::span<const std::span<std::byte>>, std::span<const io_file>) {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->under_way.empty() || !shared_->completed.empty())
    return fail(errc::busy, "operations are under way");
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
