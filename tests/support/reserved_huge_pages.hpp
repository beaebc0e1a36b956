#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace graphite::test {

/// The turn of whoever takes from the machine's pools of huge pages or counts them: others, in other
/// processes, too, wait. One a thread.
class huge_page_turn {
 public:
  huge_page_turn() : lock_(::open("/tmp/graphite-test-huge-pages", O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (lock_ >= 0) ::flock(lock_, LOCK_EX);
  }
  ~huge_page_turn() {
    if (lock_ >= 0) ::close(lock_);
  }
  huge_page_turn(const huge_page_turn&) = delete;
  huge_page_turn& operator=(const huge_page_turn&) = delete;

 private:
  int lock_;
};

/// Sets so many huge pages of a size aside while it lives, and what there was before afterwards. Needs the
/// turn, the right to do so, memory in pieces that large, and a pool that nobody uses: else it says why not.
class reserved_huge_pages {
 public:
  explicit reserved_huge_pages(const huge_page_turn&, std::uint64_t count,
                               std::size_t page_bytes = std::size_t{2} << 20)
      : folder_("/sys/kernel/mm/hugepages/hugepages-" + std::to_string(page_bytes / 1024) + "kB/") {
    before_ = read("nr_hugepages");
    why_not_ = reserve(count);
    if (!why_not_.empty()) std::fprintf(stderr, "SKIPPED: huge pages: %s\n", why_not_.c_str());
  }
  ~reserved_huge_pages() {
    if (before_ == 0) write(0);
  }
  reserved_huge_pages(const reserved_huge_pages&) = delete;
  reserved_huge_pages& operator=(const reserved_huge_pages&) = delete;

  explicit operator bool() const { return why_not_.empty(); }
  const std::string& why_not() const { return why_not_; }
  std::uint64_t free() const { return read("free_hugepages"); }

 private:
  std::uint64_t read(const char* name) const {
    std::uint64_t out = 0;
    std::ifstream(folder_ + name) >> out;
    return out;
  }
  bool write(std::uint64_t count) const {
    std::ofstream out(folder_ + "nr_hugepages");
    out << count << std::flush;
    return static_cast<bool>(out);
  }
  std::string reserve(std::uint64_t count) const {
    if (before_ != 0 || read("nr_overcommit_hugepages") != 0) return "the pool is in use";
    if (!write(count)) return "reserving them is not permitted";
    return read("nr_hugepages") == count ? "" : "the machine has no room for them";
  }

  std::string folder_;
  std::uint64_t before_ = 0;
  std::string why_not_;
};

}  // namespace graphite::test
