#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "platform/linux/owned_fd.hpp"

namespace graphite::test {

/// What `work()` returns in a forked child: text, so that a failure is seen in the parent. A child that dies
/// says "died: STATUS". Of use where no other thread runs.
template <class Work>
std::string in_child(Work work) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  owned_fd reading(ends[0]), writing(ends[1]);
  const auto child = ::fork();
  if (child < 0) return "no child";
  if (child == 0) {
    reading.reset();
    const std::string text = work();
    const bool written =
        ::write(writing.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::_exit(written ? 0 : 1);
  }
  writing.reset();
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = ::read(reading.get(), buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(n));
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? out : "died: " + std::to_string(status);
}

}  // namespace graphite::test
