#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "node/agent.hpp"
#include "sim/history.hpp"
#include "sim/network.hpp"

namespace graphite::sim {

class world;

/// A node and the store beside it: what it keeps survives it.
class node_process : public process {
 public:
  node_process(world& in, host at, control::join offer);

  void start();
  /// Nothing of it goes on. `told`: the other ends of its links hear of it.
  void crash(bool told);
  /// In good order: it is gone when nothing is left.
  void leave();
  bool leaving() const { return leaving_; }
  bool idle() const;
  host at() const { return at_; }
  std::string name() const { return "node" + std::to_string(at_); }

  // Its store.
  bool has(const digest& content) const { return kept_.contains(content); }
  void put(const digest& content, std::function<void()> done);
  bool disk_full = false;

 private:
  struct run {
    agent_commands::start what;
    std::set<std::size_t> missing;  ///< of its inputs
    digest output;
    std::set<host> kept_at;
    int tries = 0;
    bool began_told = false;
  };
  void take(agent_command_list commands);
  void take(const agent_commands::send& what);
  void take(const agent_commands::start& what);
  void take(const agent_commands::cancel& what);
  void take(const agent_commands::hang_up& what);
  void take(const agent_commands::settle& what);
  void take(const agent_commands::answered&) {}
  void take(const agent_commands::revoke&) {}
  void take(const agent_commands::gone&);
  void tick();
  void dial();
  void dialled();
  void heard(byte_vector bytes);
  void acknowledged(const control::work& what);
  void link_ended();
  void fetch(std::uint64_t number);
  void do_it(std::uint64_t number);
  void keep(std::uint64_t number);
  void end(std::uint64_t number, attempt_status status);
  std::vector<host> stores_for(const digest& content) const;

  world& in_;
  host at_;
  control::join offer_;
  std::unique_ptr<node_agent> agent_;
  link_id link_;
  std::uint64_t link_life_ = 0;  ///< of the coordinator at the other end
  bool dialling_ = false, leaving_ = false;
  time_point heard_at_{};
  std::map<std::uint64_t, run> runs_;
  control::settings settings_;
  std::vector<control::attempt_end> said_;  ///< in this session, from the first that is not acknowledged
  std::uint64_t first_said_ = 1;
  std::set<digest> kept_;
};

}  // namespace graphite::sim
