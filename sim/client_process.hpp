#pragma once

#include <vector>

#include "sim/graph.hpp"
#include "sim/history.hpp"
#include "sim/network.hpp"

namespace graphite::sim {

class world;

/// What a client asks for. Its number makes asking twice one job.
struct job_request {
  std::uint64_t number = 0, seed = 0, family = 0;
  std::size_t actions = 0;
};

enum class job_answer { acknowledged, running, ended, not_known };

/// Asks for jobs, again and again until it is answered, and waits for them; of some it thinks better.
class client_process : public process {
 public:
  client_process(world& in, host at);
  void start();
  void add(const job_request& what, time_point when, std::optional<time_point> cancel_at);
  /// Nothing it asked for is open.
  bool content() const;

 private:
  struct wish {
    job_request what;
    std::optional<time_point> cancel_at;
    bool acknowledged = false, over = false, cancelled = false;
  };
  void ask(std::size_t which);
  void answered(std::size_t which, job_answer how);

  world& in_;
  host at_;
  std::vector<wish> wishes_;
};

}  // namespace graphite::sim
