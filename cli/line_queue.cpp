#include "cli/line_queue.hpp"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <utility>

#include "platform/linux/thread_name.hpp"

namespace graphite {

struct line_queue::shared {
  explicit shared(int to) : fd(to) {}
  const int fd;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> lines;
  std::size_t bytes = 0;  ///< of lines, and of the one that is being written
  std::uint64_t dropped = 0;
  bool ending = false;
  bool gone = false;  ///< nobody can read any more
};

namespace {

/// False where nobody can read it.
bool written_to(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

line_queue::line_queue(int fd, line_queue_options options)
    : options_(options), state_(std::make_shared<shared>(fd)) {}

line_queue::~line_queue() {
  bool done = false;
  {
    std::unique_lock lock(state_->mutex);
    done = state_->changed.wait_for(lock, options_.last_wait, [this] { return state_->bytes == 0; });
    state_->ending = true;
  }
  state_->changed.notify_all();
  if (!writer_.joinable()) return;
  if (done)
    writer_.join();
  else
    writer_.detach();  // it hangs in a write that nobody takes, and has nothing of ours
}

bool line_queue::push(const std::function<std::string(std::uint64_t dropped)>& line) {
  const std::lock_guard lock(state_->mutex);
  if (state_->gone) return false;
  auto text = line(state_->dropped) + '\n';
  if (state_->bytes > 0 && state_->bytes + text.size() > options_.bytes_max) {
    ++state_->dropped;
    return false;
  }
  state_->dropped = 0;
  state_->bytes += text.size();
  state_->lines.push_back(std::move(text));
  if (!writer_.joinable()) writer_ = std::thread([state = state_] { write_lines(state); });
  state_->changed.notify_all();
  return true;
}

void line_queue::write_lines(const std::shared_ptr<shared>& state) {
  name_thread("events");
  std::unique_lock lock(state->mutex);
  while (true) {
    state->changed.wait(lock, [&] { return state->ending || !state->lines.empty(); });
    if (state->lines.empty() || state->ending) return;
    const auto line = std::move(state->lines.front());
    state->lines.pop_front();
    lock.unlock();
    const bool good = written_to(state->fd, line);
    lock.lock();
    state->bytes -= line.size();
    if (!good) {
      state->gone = true;
      state->lines.clear();
      state->bytes = 0;
    }
    if (state->bytes == 0) state->changed.notify_all();
  }
}

}  // namespace graphite
