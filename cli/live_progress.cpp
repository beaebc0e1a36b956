#include "cli/live_progress.hpp"

#include <cstdio>

namespace graphite {

namespace {

time_point now_() { return std::chrono::time_point_cast<duration>(std::chrono::steady_clock::now()); }

void write_error(std::string_view bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

live_progress::live_progress(const console& out) : quiet_(out.json()), terminal_(terminal_of(2)) {}

live_progress::~live_progress() { finish(); }

void live_progress::files(std::size_t done, std::size_t all, const std::string& now) {
  show("reading", "files", done, all, now);
}

void live_progress::actions(std::size_t done, std::size_t all, const std::string& now) {
  show("building", "actions", done, all, now);
}

void live_progress::uploads(std::size_t done, std::size_t all, const std::string& what) {
  show("uploading", "contents", done, all, what);
}

void live_progress::fetches(std::size_t done, std::size_t all) { show("fetching", "files", done, all, ""); }

void live_progress::collection(std::size_t done, std::size_t all, const std::string& what) {
  show("collecting", "steps", done, all, what);
}

void live_progress::show(const char* title, const char* unit, std::size_t done, std::size_t all,
                         const std::string& now) {
  if (quiet_) return;
  const std::lock_guard lock(mutex_);
  if (!bar_ || unit_ != unit) {
    if (bar_) bar_->finish(now_());
    unit_ = unit;
    bar_.emplace(progress_options{title, unit_, terminal_}, write_error, now_());
  }
  bar_->update({done, all, now}, now_());
}

void live_progress::finish() {
  const std::lock_guard lock(mutex_);
  if (bar_) bar_->finish(now_());
  bar_.reset();
}

}  // namespace graphite
