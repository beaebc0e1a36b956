#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace graphite {

/// What `graphite node` was asked for; the options of docs/cli.md.
struct node_options {
  std::string coordinator = "127.0.0.1:7401";
  std::string keys;  ///< the part nodes/NAME
  std::string state = ".graphite-node";
  bool store = false;                           ///< keeps contents for the cluster
  std::string listen_store = "127.0.0.1:7403";  ///< with `store`; port 0: a free one
  std::string advertise_store;                  ///< HOST:PORT that others are told; empty: where it listens
  std::uint64_t store_bytes = 0;     ///< of the store's files; 0: three quarters of the file system
  std::uint32_t store_keep_s = 600;  ///< what was used since stays in the store
  std::uint64_t cache_bytes = std::uint64_t{16} << 30;  ///< of the cache's contents
  std::uint32_t jobs = 0;                               ///< 0: as the machine has it
  std::uint32_t domains = 0;                            ///< 0: one for each NUMA node
  std::string tools;                   ///< a project file: its tools are offered, where they are here
  std::vector<std::string> resources;  ///< NAME=COUNT, of each domain
  std::string pin = "auto", scratch = "memory", sandbox = "best";
  bool json = false;
  std::string log_level = "info";
  bool log_json = false;
};

/// Runs attempts until told to stop; finishes what runs. Returns the exit code.
int run_node(const node_options& options);

}  // namespace graphite
