#include "platform/linux/io_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <future>
#include <system_error>

#include "platform/linux/thread_name.hpp"

namespace graphite {

namespace {

constexpr std::size_t threads_for_reading = 8;  ///< where io_uring is refused
constexpr auto without_end = std::chrono::hours(24);

}  // namespace

result<std::unique_ptr<io_service>> io_service::make(io_service_options options) {
  if (options.callback_threads > callback_threads_max)
    return fail(errc::invalid_argument, fmt::format("{} callback threads, at most {}",
                                                    options.callback_threads, callback_threads_max));
  std::unique_ptr<io_service> out(new io_service(std::move(options)));
  const auto& name = out->options_.name;
  if (const auto count = out->options_.callback_threads; count > 0) {
    GRAPHITE_TRY(out->callbacks_, pinned_pool::make({.name = name + "-cb", .threads = count}));
  }
  GRAPHITE_TRY(auto io, open_async_io(
                            [&]() -> result<thread_pool*> {
                              GRAPHITE_TRY(
                                  out->readers_,
                                  pinned_pool::make({.name = name + "-rd", .threads = threads_for_reading}));
                              return out->readers_.get();
                            },
                            out->options_.io));
  out->facts_ = io->facts();
  out->io_ = io.get();
  try {
    out->thread_ = std::thread([service = out.get(), opened = std::move(io)]() mutable {
      name_thread(service->options_.name.substr(0, 15).c_str());
      service->work(std::move(opened));
    });
  } catch (const std::system_error& e) {
    return fail(errc::busy, fmt::format("cannot start a thread for I/O: {}", e.what()));
  }
  return out;
}

io_service::~io_service() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      to_cancel_.clear();
      for (const auto& [token, done] : waiting_) to_cancel_.insert(token);
      if (io_ != nullptr) io_->wake();
    }
    work_.notify_all();
    thread_.join();
    drain();
  }
  if (callbacks_) callbacks_->stop();
  if (readers_) readers_->stop();
}

result<std::uint64_t> io_service::submit(io_request request, callback done, std::uint64_t* token) {
  const std::lock_guard lock(mutex_);
  if (ending_) return fail(errc::cancelled, "the service ends");
  if (queued_.size() >= options_.queued_max)
    return fail(errc::busy, fmt::format("{} operations wait already", queued_.size()));
  GRAPHITE_CHECK(check_request(request));
  request.token = next_token_++;
  if (token != nullptr) *token = request.token;
  waiting_.emplace(request.token, std::move(done));
  queued_.push_back(request);
  active_.insert(request.token);
  // Asleep it is either here or among its completions.
  work_.notify_one();
  if (io_ != nullptr && queued_.size() == 1) io_->wake();
  return request.token;
}

void io_service::cancel(std::uint64_t token) {
  const std::lock_guard lock(mutex_);
  if (!waiting_.contains(token)) return;
  to_cancel_.insert(token);
  work_.notify_one();
  if (io_ != nullptr) io_->wake();
}

void io_service::drain() {
  std::unique_lock lock(mutex_);
  const auto before = next_token_;
  idle_.wait(lock, [&] { return active_.empty() || *active_.begin() >= before; });
}

std::size_t io_service::active() const {
  const std::lock_guard lock(mutex_);
  return active_.size();
}

/// What to do next; waits for something where nothing is under way.
io_service::orders io_service::next_orders(std::size_t under_way, std::size_t room) {
  orders out;
  std::unique_lock lock(mutex_);
  if (under_way == 0) work_.wait(lock, [this] { return ending_ || !queued_.empty(); });
  for (const auto token : std::exchange(to_cancel_, {})) {
    const auto found = std::find_if(queued_.begin(), queued_.end(),
                                    [&](const io_request& one) { return one.token == token; });
    if (found == queued_.end()) {
      out.cancel.push_back(token);
      continue;
    }
    out.drop.push_back(token);
    queued_.erase(found);
  }
  for (; ending_ && !queued_.empty(); queued_.pop_front()) out.drop.push_back(queued_.front().token);
  for (; room > 0 && !queued_.empty(); --room, queued_.pop_front()) out.start.push_back(queued_.front());
  out.end = ending_ && under_way == 0;
  return out;
}

/// How many of them are under way now; what was not taken is queued again, or fails where nothing is under
/// way whose end could make room.
std::size_t io_service::start(async_io& io, std::span<const io_request> batch, std::size_t under_way) {
  if (batch.empty()) return 0;
  const auto taken = io.submit(batch);
  const auto left = batch.subspan(taken.value_or(0));
  if (!taken || under_way + *taken == 0) {
    for (const auto& one : left)
      deliver({.token = one.token, .failed = taken ? errc::busy : taken.error().code});
  } else {
    const std::lock_guard lock(mutex_);
    queued_.insert(queued_.begin(), left.begin(), left.end());
  }
  return taken.value_or(0);
}

void io_service::work(std::unique_ptr<async_io> io) {
  std::array<io_completion, 64> ended;
  std::size_t under_way = 0;
  const auto depth = io->facts().depth_max;
  while (true) {
    const auto now = next_orders(under_way, depth - under_way);
    under_way += start(*io, now.start, under_way);
    for (const auto token : now.cancel) (void)io->cancel(token);  // it may have ended
    for (const auto token : now.drop) deliver({.token = token, .failed = errc::cancelled});
    if (now.end) break;
    if (under_way == 0) continue;
    const auto got = io->wait(ended, 1, without_end);
    // The system could not even wait. What is under way may not be given up: it writes to somebody's memory.
    if (!got) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    for (std::size_t i = 0; i < got.value_or(0); ++i) deliver(ended[i]);
    under_way -= got.value_or(0);
  }
  const std::lock_guard lock(mutex_);
  io_ = nullptr;
}

/// Hands the callback on, or calls it here where too many wait.
void io_service::deliver(const io_completion& ended) {
  callback done;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(ended.token);
    GRAPHITE_INVARIANT(found != waiting_.end());
    done = std::move(found->second);
    waiting_.erase(found);
  }
  auto call = [this, ended, kept = std::make_shared<callback>(std::move(done))] {
    (*kept)(ended);
    *kept = nullptr;
    called_back(ended.token);
  };
  if (!callbacks_ || !callbacks_->submit(call)) call();
}

void io_service::called_back(std::uint64_t token) {
  const std::lock_guard lock(mutex_);
  active_.erase(token);
  idle_.notify_all();
}

}  // namespace graphite
