#include "platform/linux/io_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "platform/linux/cpu_set.hpp"
#include "platform/linux/thread_name.hpp"

namespace graphite {

namespace {

constexpr std::size_t threads_for_reading = 8;  ///< where io_uring is refused
/// Between two attempts at what the adapter has not done.
constexpr auto attempts_apart = std::chrono::milliseconds(10);
constexpr std::size_t useless_at_once = 3;  ///< waits in a row

}  // namespace

result<std::unique_ptr<io_service>> io_service::prepare(io_service_options options) {
  if (options.callback_threads > callback_threads_max)
    return fail(errc::invalid_argument, fmt::format("{} callback threads, at most {}",
                                                    options.callback_threads, callback_threads_max));
  std::unique_ptr<io_service> out(new io_service(std::move(options)));
  if (const auto count = out->options_.callback_threads; count > 0) {
    GRAPHITE_TRY(out->callbacks_,
                 pinned_pool::make(
                     {.name = out->options_.name + "-cb", .threads = count, .cpus = out->options_.cpus}));
  }
  return out;
}

result<std::unique_ptr<io_service>> io_service::make(io_service_options options) {
  GRAPHITE_TRY(auto out, prepare(std::move(options)));
  GRAPHITE_TRY(auto io, open_async_io(
                            [&]() -> result<thread_pool*> {
                              GRAPHITE_TRY(out->readers_,
                                           pinned_pool::make({.name = out->options_.name + "-rd",
                                                              .threads = threads_for_reading,
                                                              .cpus = out->options_.cpus}));
                              return out->readers_.get();
                            },
                            out->options_.io));
  GRAPHITE_CHECK(out->begin(std::move(io)));
  return out;
}

result<std::unique_ptr<io_service>> io_service::over(std::unique_ptr<async_io> io,
                                                     io_service_options options) {
  if (!io || io->facts().depth_max == 0)
    return fail(errc::invalid_argument, "no adapter, or one without room for an operation");
  GRAPHITE_TRY(auto out, prepare(std::move(options)));
  GRAPHITE_CHECK(out->begin(std::move(io)));
  return out;
}

result<void> io_service::begin(std::unique_ptr<async_io> io) {
  facts_ = io->facts();
  io_ = io.get();
  try {
    thread_ = std::thread([this, opened = std::move(io)]() mutable {
      name_thread(options_.name.substr(0, 15).c_str());
      if (!options_.cpus.empty())
        if (const auto bound = bind_thread(::pthread_self(), options_.cpus); !bound)
          tell(bound.error().context);
      work(std::move(opened));
    });
  } catch (const std::system_error& e) {
    return fail(errc::busy, fmt::format("cannot start a thread for I/O: {}", e.what()));
  }
  return {};
}

io_service::~io_service() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      to_cancel_.clear();
      for (const auto& [token, done] : waiting_) to_cancel_.insert(token);
      wake();
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
  if (given_up_) return tl::unexpected(*given_up_);
  if (queued_.size() >= options_.queued_max)
    return fail(errc::busy, fmt::format("{} operations wait already", queued_.size()));
  GRAPHITE_CHECK(check_request(request));
  request.token = next_token_++;
  if (token != nullptr) *token = request.token;
  waiting_.emplace(request.token, pending{std::move(done)});
  queued_.push_back(request);
  active_.insert(request.token);
  // Asleep it is either here or among its completions.
  work_.notify_one();
  if (queued_.size() == 1) wake();
  return request.token;
}

void io_service::cancel(std::uint64_t token) {
  const std::lock_guard lock(mutex_);
  if (!waiting_.contains(token)) return;
  to_cancel_.insert(token);
  work_.notify_one();
  wake();
}

/// Under the lock.
void io_service::wake() {
  if (io_ == nullptr) return;
  ++wakes_;
  io_->wake();
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

std::string io_service::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void io_service::tell(std::string what) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(what);
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
  for (; room > 0 && !queued_.empty(); --room, queued_.pop_front()) {
    out.start.push_back(queued_.front());
    waiting_.at(queued_.front().token).given = true;
  }
  out.ending = ending_;
  return out;
}

/// How many of them are under way now; what was not taken is queued again, or fails where nothing is under
/// way whose end could make room.
std::size_t io_service::start(async_io& io, std::span<const io_request> batch, std::size_t under_way) {
  if (batch.empty()) return 0;
  const auto answer = io.submit(batch);
  if (!answer)
    tell(fmt::format("the adapter refused {} operations: {}", batch.size(), answer.error().context));
  const auto taken = std::min(answer.value_or(0), batch.size());
  const auto left = batch.subspan(taken);
  if (!answer || under_way + taken == 0) {
    for (const auto& one : left)
      GRAPHITE_INVARIANT(
          deliver({.token = one.token, .failed = answer ? errc::busy : answer.error().code}, true));
  } else {
    const std::lock_guard lock(mutex_);
    for (const auto& one : left) waiting_.at(one.token).given = false;
    queued_.insert(queued_.begin(), left.begin(), left.end());
  }
  return taken;
}

/// False where the adapter was not able to ask for some; these are asked for again.
bool io_service::cancel_all(async_io& io, std::span<const std::uint64_t> tokens) {
  bool out = true;
  for (const auto token : tokens) {
    const auto asked = io.cancel(token);
    if (asked || asked.error().code == errc::not_found) continue;  // it may have ended
    out = false;
    const std::lock_guard lock(mutex_);
    if (waiting_.contains(token)) to_cancel_.insert(token);
  }
  return out;
}

void io_service::work(std::unique_ptr<async_io> io) {
  std::size_t under_way = 0;
  patience so_far;
  const auto depth = facts_.depth_max;
  while (true) {
    const auto now = next_orders(under_way, depth - under_way);
    under_way += start(*io, now.start, under_way);
    const bool asked = cancel_all(*io, now.cancel);
    for (const auto token : now.drop)
      GRAPHITE_INVARIANT(deliver({.token = token, .failed = errc::cancelled}, false));
    if (now.ending && under_way == 0) break;
    if (under_way == 0) continue;
    so_far.refused = asked ? 0 : so_far.refused + 1;
    if (now.ending && so_far.refused >= options_.useless_waits_max)
      return give_up(std::move(io), {errc::io, "it cancels nothing"});
    const auto ended = collect(*io, asked ? options_.wait_max : attempts_apart, so_far);
    if (!ended && so_far.useless >= options_.useless_waits_max) return give_up(std::move(io), ended.error());
    if (!ended && so_far.useless > useless_at_once) std::this_thread::sleep_for(attempts_apart);
    under_way -= ended.value_or(0);
  }
  const std::lock_guard lock(mutex_);
  io_ = nullptr;
}

/// Waits for what is under way and hands it on: how much. Errors, which are counted: the adapter could not
/// wait, or came back early with nothing that it had, and nobody had woken it since it last began to wait.
result<std::size_t> io_service::collect(async_io& io, std::chrono::nanoseconds wait_max, patience& so_far) {
  std::array<io_completion, 64> ended;
  const auto wakes_before = std::exchange(so_far.wakes, wakes_.load());
  const auto until = std::chrono::steady_clock::now() + wait_max;
  ++so_far.useless;
  const auto answer = io.wait(ended, 1, wait_max);
  if (!answer) {
    tell("the adapter cannot wait: " + answer.error().context);
    return tl::unexpected(answer.error());
  }
  const auto got = std::min(*answer, ended.size());
  std::size_t out = 0;
  for (std::size_t i = 0; i < got; ++i) {
    if (deliver(ended[i], true))
      ++out;
    else
      tell(fmt::format("the adapter ended operation {}, which it had not got", ended[i].token));
  }
  const bool woken = got == 0 && wakes_ != wakes_before;
  if (out == 0 && !woken && std::chrono::steady_clock::now() < until)
    return fail(errc::io, "the adapter has lost what was under way");
  so_far.useless = 0;
  return out;
}

/// What is under way may not fail before the adapter is gone: it writes to somebody's memory. How it ended is
/// not known: a sync may have taken the only word of lost pages with it, hence EIO.
void io_service::give_up(std::unique_ptr<async_io> io, const error& why) {
  std::vector<std::pair<std::uint64_t, bool>> left;
  {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
    given_up_ = why;
    trouble_ = "the adapter was given up: " + why.context;
    queued_.clear();
    for (const auto& [token, one] : waiting_) left.emplace_back(token, one.given);
  }
  io.reset();
  std::sort(left.begin(), left.end());
  for (const auto& [token, given] : left)
    GRAPHITE_INVARIANT(given ? deliver({.token = token, .failed = errc::io, .system_error = EIO}, true)
                             : deliver({.token = token, .failed = why.code}, false));
}

/// Hands the callback on, or calls it here where too many wait. False, and nothing happens, where no
/// operation waits for it that the adapter has (`given`), or has not.
bool io_service::deliver(const io_completion& ended, bool given) {
  callback done;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(ended.token);
    if (found == waiting_.end() || found->second.given != given) return false;
    done = std::move(found->second.done);
    waiting_.erase(found);
  }
  auto call = [this, ended, kept = std::make_shared<callback>(std::move(done))] {
    (*kept)(ended);
    *kept = nullptr;
    called_back(ended.token);
  };
  if (!callbacks_ || !callbacks_->submit(call)) call();
  return true;
}

void io_service::called_back(std::uint64_t token) {
  const std::lock_guard lock(mutex_);
  active_.erase(token);
  idle_.notify_all();
}

}  // namespace graphite
