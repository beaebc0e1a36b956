#include "bench/peak_meter.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "bench/child.hpp"

namespace graphite::bench {
namespace {

constexpr double block_bytes = 512;

bool same(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

double beyond_end(const struct stat& info) {
  const auto size = static_cast<double>((info.st_size + 4095) / 4096 * 4096);
  return std::max(static_cast<double>(info.st_blocks) * block_bytes - size, 0.0);
}

}  // namespace

footprint_reader::footprint_reader(std::string folder)
    : root_(std::move(folder)), statm_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {
  if (statm_ < 0) give_up("no /proc/self/statm");
  list();
}

footprint_reader::~footprint_reader() { ::close(statm_); }

bool footprint_reader::has_changed() const {
  return std::any_of(folders_.begin(), folders_.end(), [](const listed_folder& one) {
    struct stat info {};
    return ::stat(one.path.c_str(), &info) != 0 || !same(info.st_mtim, one.changed);
  });
}

/// What changes while it is listed shows at the next look: the times are from before.
void footprint_reader::list() {
  folders_.clear();
  files_.clear();
  std::vector<ino_t> seen;
  std::vector<std::string> open{root_};
  while (!open.empty()) {
    const std::string path = std::move(open.back());
    open.pop_back();
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) continue;
    folders_.push_back({path, info.st_mtim});
    std::error_code code;
    for (const auto& one : std::filesystem::directory_iterator(path, code)) {
      if (::lstat(one.path().c_str(), &info) != 0) continue;
      if (S_ISDIR(info.st_mode)) open.push_back(one.path());
      if (!S_ISREG(info.st_mode) || std::find(seen.begin(), seen.end(), info.st_ino) != seen.end()) continue;
      seen.push_back(info.st_ino);
      files_.push_back(one.path());
    }
  }
}

footprint footprint_reader::look() {
  static const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  if (has_changed()) list();
  footprint out;
  for (const auto& path : files_) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) continue;
    out.disk += static_cast<double>(info.st_blocks) * block_bytes;
    out.ahead += beyond_end(info);
  }
  std::array<char, 128> text{};
  const auto length = ::pread(statm_, text.data(), text.size(), 0);
  if (length <= 0) give_up("cannot read /proc/self/statm");
  std::array<std::uint64_t, 3> fields{};  // size, resident, of these of files
  const char* at = text.data();
  for (auto& field : fields) at = std::from_chars(at, text.data() + length, field).ptr + 1;
  out.resident = static_cast<double>(fields[1]) * page;
  out.anonymous = static_cast<double>(fields[1] - fields[2]) * page;
  return out;
}

double walked_bytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  double kilobytes = 0;
  for (std::string word; rollup >> word;)
    if (word == "Rss:" && rollup >> kilobytes) return kilobytes * 1024;
  give_up("no /proc/self/smaps_rollup");
}

peak_meter::peak_meter(const std::string& folder) : thread_([this, folder] { run(folder); }) {
  wait_for_looks(1);
}

peak_meter::~peak_meter() {
  done_.store(true);
  thread_.join();
}

void peak_meter::run(const std::string& folder) {
  footprint_reader reader(folder);
  (void)reader.look();
  while (!done_.load()) {
    const auto now = reader.look();
    const std::lock_guard lock(mutex_);
    if (looks_++ == 0) first_ = peak_ = now;
    newest_ = now;
    if (now.all() > peak_.all()) peak_ = now;
    changed_.notify_all();
  }
}

void peak_meter::wait_for_looks(std::uint64_t count) {
  std::unique_lock lock(mutex_);
  const auto until = looks_ + count;
  changed_.wait(lock, [&] { return looks_ >= until; });
}

footprint peak_meter::first() {
  const std::lock_guard lock(mutex_);
  return first_;
}

footprint peak_meter::newest() {
  const std::lock_guard lock(mutex_);
  return newest_;
}

footprint peak_meter::peak() {
  const std::lock_guard lock(mutex_);
  return peak_;
}

std::uint64_t peak_meter::looks() {
  const std::lock_guard lock(mutex_);
  return looks_;
}

}  // namespace graphite::bench
