#include "bench/unmapping.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "bench/child.hpp"
#include "bench/longest_pause.hpp"

namespace graphite::bench {
namespace {

void swap_and_unmap(atomic_bundle& place, const std::string& folder, std::size_t swaps) {
  for (std::size_t i = 0; i < swaps; ++i) place.swap(bundle(folder));
}

/// Does the same in a process of its own: as busy, and with an address space of its own.
class neighbour {
 public:
  neighbour(const std::string& folder, std::size_t swaps) {
    int asked[2], done[2];
    if (::pipe(asked) != 0 || ::pipe(done) != 0) give_up("no pipe");
    pid_ = ::fork();
    if (pid_ < 0) give_up("no process");
    ask_ = pid_ == 0 ? asked[0] : asked[1];
    done_ = pid_ == 0 ? done[1] : done[0];
    ::close(pid_ == 0 ? asked[1] : asked[0]);
    ::close(pid_ == 0 ? done[0] : done[1]);
    if (pid_ == 0) serve(folder, swaps);
  }
  ~neighbour() {
    ::close(ask_);
    ::close(done_);
    ::waitpid(pid_, nullptr, 0);
  }
  neighbour(const neighbour&) = delete;
  neighbour& operator=(const neighbour&) = delete;

  void swap() const {
    char byte = '.';
    if (::write(ask_, &byte, 1) != 1 || ::read(done_, &byte, 1) != 1) give_up("the neighbour has ended");
  }

 private:
  [[noreturn]] void serve(const std::string& folder, std::size_t swaps) const {
    {
      atomic_bundle place{bundle(folder)};
      for (char byte = '.'; ::read(ask_, &byte, 1) == 1;) {
        swap_and_unmap(place, folder, swaps);
        if (::write(done_, &byte, 1) != 1) break;
      }
    }
    ::_exit(0);
  }

  pid_t pid_ = -1;
  int ask_ = -1, done_ = -1;
};

/// How many generations' page files this process has mapped.
std::size_t mapped_generations(const std::string& folder) {
  std::size_t count = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    count += line.find(folder + "/pages-") != std::string::npos;
  return count;
}

}  // namespace

std::vector<figure> measure_unmapping(const std::string& folder, std::size_t windows,
                                      std::size_t swaps_each) {
  const neighbour other(folder, swaps_each);
  atomic_bundle place{bundle(folder)};
  std::vector<double> here, elsewhere, without;
  for (std::size_t i = 0; i < windows; ++i) {
    double took = 0;
    here.push_back(longest_pause_us(place.place(), [&] {
      const double start = now_seconds();
      swap_and_unmap(place, folder, swaps_each);
      took = now_seconds() - start;
    }));
    elsewhere.push_back(longest_pause_us(place.place(), [&] { other.swap(); }));
    without.push_back(longest_pause_us(place.place(), [&] {
      const double start = now_seconds();
      while (now_seconds() - start < took) use(nullptr);
    }));
  }
  if (mapped_generations(folder) > 8) give_up("replaced generations stay mapped");
  std::vector<figure> out;
  const auto add = [&](const std::string& name, const std::vector<double>& pauses) {
    out.push_back({name, median(pauses), "us", better::lower, {}, {}, {}});
    out.push_back({name + "_p90", percentile(pauses, 0.9), "us", better::lower, {}, {}, {}});
    out.push_back({name + "_max", percentile(pauses, 1), "us", better::lower, {}, {}, {}});
  };
  add("unmapping_pause_us", here);
  add("unmapping_pause_us_elsewhere", elsewhere);
  add("unmapping_pause_us_without", without);
  return out;
}

}  // namespace graphite::bench
