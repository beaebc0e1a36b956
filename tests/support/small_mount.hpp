#pragma once

#include <sys/mount.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace graphite::test {

/// A tmpfs of a few bytes, so that a disk can be filled. Needs the right to mount.
class small_mount {
 public:
  explicit small_mount(std::size_t bytes) {
    const std::string options = "size=" + std::to_string(bytes);
    mounted_ = ::mount("graphite-test", folder_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
    if (!mounted_)
      std::fprintf(stderr, "SKIPPED: mounting a tmpfs is not permitted: %s\n", std::strerror(errno));
  }
  ~small_mount() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  const std::string& path() const { return folder_.path(); }

 private:
  temporary_folder folder_;
  bool mounted_ = false;
};

}  // namespace graphite::test
