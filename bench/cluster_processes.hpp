#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/child.hpp"

namespace graphite::bench {

/// Keys of a coordinator, `main`, and of nodes, as `graphite keygen` makes them. Removed with this.
class cluster_keys {
 public:
  cluster_keys(const std::string& programs, int nodes);
  ~cluster_keys();
  cluster_keys(const cluster_keys&) = delete;
  cluster_keys& operator=(const cluster_keys&) = delete;
  /// `main`, `node-1` …
  std::string of(const std::string& name) const { return folder_ + "/keys/nodes/" + name; }
  const std::string& folder() const { return folder_; }
  std::string log() const { return folder_ + "/log"; }

 private:
  const std::string folder_;
};

/// A project of one rule, whose outputs are STEM.out.
void write_command_project(const std::string& folder, const std::string& match, const std::string& command);

/// A coordinator and nodes, as a user starts them: the first of these is a store. Ended with this.
class cluster_processes {
 public:
  /// `tools`: a project file whose tools the nodes offer; empty: none but /bin/sh.
  cluster_processes(const std::string& programs, int nodes, const std::string& tools = {},
                    const std::vector<std::string>& node_options = {});

  /// Has it build a project; its last object, which is that of `graphite job` where the end is waited for.
  nlohmann::json submit(const std::string& project, bool wait = true);
  /// What the coordinator says to a command, as its last object.
  nlohmann::json ask(std::vector<std::string> command);

  /// By SIGKILL. start_coordinator() starts it again in the same place.
  void kill_coordinator();
  void start_coordinator();
  const std::string& log() const { return log_; }
  std::string state() const { return keys_.folder() + "/own/.graphite"; }

 private:
  void start_node(int number, const std::string& tools, const std::vector<std::string>& more);

  const std::string programs_;
  const cluster_keys keys_;
  const std::string log_ = keys_.log();
  std::string control_ = "127.0.0.1:0";
  std::unique_ptr<child> coordinator_;
  std::vector<std::unique_ptr<child>> nodes_;
};

}  // namespace graphite::bench
