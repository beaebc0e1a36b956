#include "bench/cluster_processes.hpp"

#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "bench/harness.hpp"

namespace graphite::bench {

namespace fs = std::filesystem;

cluster_keys::cluster_keys(const std::string& programs, int nodes) : folder_(temporary_folder("cluster")) {
  const auto program = programs + "/graphite", keys = folder_ + "/keys";
  run_json({program, "keygen", keys, "--json"}, log());
  run_json({program, "keys", "node", keys, "main", "--role", "coordinator", "--json"}, log());
  for (int i = 1; i <= nodes; ++i)
    run_json({program, "keys", "node", keys, fmt::format("node-{}", i), "--role", "node", "--json"}, log());
}

cluster_keys::~cluster_keys() { fs::remove_all(folder_); }

void write_command_project(const std::string& folder, const std::string& match, const std::string& command) {
  fs::create_directories(folder);
  write_file(folder + "/graphite.toml", fmt::format(R"([project]
name = "bench"
[[rule]]
name = "wait"
match = ["{}"]
transform = "command"
outputs = ["{{stem}}.out"]
[rule.command]
shell = true
argv = "{}"
)",
                                                    match, command));
}

cluster_processes::cluster_processes(const std::string& programs, int nodes, const std::string& tools,
                                     const std::vector<std::string>& node_options)
    : programs_(programs), keys_(programs, nodes) {
  fs::create_directories(keys_.folder() + "/own");
  write_file(keys_.folder() + "/own/graphite.toml", "[project]\nname = \"own\"\n");
  start_coordinator();
  for (int i = 1; i <= nodes; ++i) start_node(i, tools, node_options);
  // A node is here once the coordinator counts it.
  const double until = now_seconds() + 60;
  while (ask({"status"}).at("cluster").at("nodes").size() < static_cast<std::size_t>(nodes)) {
    if (now_seconds() > until) give_up("the nodes do not join: see " + log_);
    ::usleep(20'000);
  }
}

void cluster_processes::start_coordinator() {
  coordinator_ = std::make_unique<child>(
      std::vector<std::string>{programs_ + "/graphite", "coordinator", "-C", keys_.folder() + "/own",
                               "--json", "--control", control_, "--control-keys", keys_.of("main")},
      log_);
  control_ = wait_for(*coordinator_, "ready").at("control");
}

void cluster_processes::start_node(int number, const std::string& tools,
                                   const std::vector<std::string>& more) {
  const auto name = fmt::format("node-{}", number);
  std::vector<std::string> words{
      programs_ + "/graphite",     "node",  "--coordinator", control_, "--keys", keys_.of(name), "--state",
      keys_.folder() + "/" + name, "--json"};
  if (number == 1) words.insert(words.end(), {"--store", "--listen-store", "127.0.0.1:0"});
  if (!tools.empty()) words.insert(words.end(), {"--tools", tools});
  words.insert(words.end(), more.begin(), more.end());
  nodes_.push_back(std::make_unique<child>(words, log_));
}

void cluster_processes::kill_coordinator() {
  ::kill(coordinator_->pid(), SIGKILL);
  coordinator_.reset();
}

nlohmann::json cluster_processes::submit(const std::string& project, bool wait) {
  std::vector<std::string> words{
      programs_ + "/graphite", "submit", "-C", project, "--state", state(), "--json"};
  if (wait) words.push_back("--wait");
  return run_json(words, log_);
}

nlohmann::json cluster_processes::ask(std::vector<std::string> command) {
  command.insert(command.begin(), programs_ + "/graphite");
  command.insert(command.end(), {"-C", keys_.folder() + "/own", "--json"});
  return run_json(command, log_);
}

}  // namespace graphite::bench
