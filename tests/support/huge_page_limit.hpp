#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

namespace graphite::test {

/// A control group whose processes are refused huge pages of 2 MiB when they touch them, though the kernel
/// maps them. Needs the right to make groups, and the hugetlb controller in the second version's tree: else
/// it says why not. Gone afterwards, as is what it had to switch on.
class huge_page_limit {
 public:
  huge_page_limit() {
    why_not_ = make();
    if (!why_not_.empty()) std::fprintf(stderr, "SKIPPED: control groups: %s\n", why_not_.c_str());
  }
  ~huge_page_limit() {
    ::rmdir(group().c_str());
    if (switched_on_) write(root_ + "/cgroup.subtree_control", "-hugetlb");
  }
  huge_page_limit(const huge_page_limit&) = delete;
  huge_page_limit& operator=(const huge_page_limit&) = delete;

  explicit operator bool() const { return why_not_.empty(); }
  const std::string& why_not() const { return why_not_; }
  /// Of the calling process, which has to end before this does.
  bool join() const { return write(group() + "/cgroup.procs", std::to_string(::getpid())); }

 private:
  static bool write(const std::string& path, const std::string& text) {
    std::ofstream out(path);
    out << text << std::flush;
    return static_cast<bool>(out);
  }
  static bool has_word(const std::string& path, const std::string& word) {
    std::ifstream in(path);
    for (std::string found; in >> found;)
      if (found == word) return true;
    return false;
  }
  std::string group() const { return root_ + name_; }

  std::string make() {
    for (const char* const root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
      if (has_word(std::string(root) + "/cgroup.controllers", "hugetlb")) root_ = root;
    if (root_.empty()) return "the tree has no hugetlb controller";
    if (!has_word(root_ + "/cgroup.subtree_control", "hugetlb")) {
      if (!write(root_ + "/cgroup.subtree_control", "+hugetlb")) return "switching it on is not permitted";
      switched_on_ = true;
    }
    if (::mkdir(group().c_str(), 0700) != 0) return "making one is not permitted";
    return write(group() + "/hugetlb.2MB.max", "0") ? "" : "there is no limit of huge pages";
  }

  const std::string name_ = "/graphite-test-" + std::to_string(::getpid());  ///< not that of a child
  std::string root_, why_not_;
  bool switched_on_ = false;
};

}  // namespace graphite::test
