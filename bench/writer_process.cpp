#include "bench/writer_process.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "bench/child.hpp"
#include "bench/growing_bundle.hpp"

namespace graphite::bench {

writer_process::writer_process(const std::string& followed, const std::string& other, const sizes& how) {
  int asked[2], done[2];
  if (::pipe(asked) != 0 || ::pipe(done) != 0) give_up("no pipe");
  pid_ = ::fork();
  if (pid_ < 0) give_up("no process");
  ask_ = pid_ == 0 ? asked[0] : asked[1];
  done_ = pid_ == 0 ? done[1] : done[0];
  ::close(pid_ == 0 ? asked[1] : asked[0]);
  ::close(pid_ == 0 ? done[0] : done[1]);
  if (pid_ == 0) serve(followed, other, how);
  wait();
}

writer_process::~writer_process() {
  ::close(ask_);
  ::close(done_);
  ::waitpid(pid_, nullptr, 0);
}

void writer_process::change(which one) {
  if (::write(ask_, &one, 1) != 1) give_up("the writer has ended");
  ++asked_;
  if (one == which::followed) ++sequence_;
}

void writer_process::wait() {
  for (char byte = 0; answered_ < asked_; ++answered_)
    if (::read(done_, &byte, 1) != 1) give_up("the writer has ended");
}

void writer_process::serve(const std::string& followed, const std::string& other, const sizes& how) const {
  {
    growing_bundle one(followed, how.assets, how.bytes_each);
    growing_bundle two(other, how.assets, how.bytes_each);
    for (char byte = '.'; ::write(done_, &byte, 1) == 1 && ::read(ask_, &byte, 1) == 1;)
      (static_cast<which>(byte) == which::followed ? one : two).change(how.changed_each_time);
  }
  ::_exit(0);
}

}  // namespace graphite::bench
