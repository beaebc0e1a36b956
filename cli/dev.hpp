#pragma once

#include <cstdint>
#include <string>

namespace graphite {

/// What `graphite dev` was asked for; the options of docs/cli.md.
struct dev_options {
  std::string directory = ".";
  std::string state;                 ///< empty: the project's own
  std::string keys;                  ///< folder of the publisher's keys; empty: nothing is signed
  std::string listen = "127.0.0.1";  ///< of heads and chunks
  bool json = false;
  std::uint32_t jobs = 0;  ///< 0: what the project says
  /// Loopback ports; unset, the default is used and 0 where it is taken.
  std::uint16_t heads_port = 7402, chunks_port = 7403, metrics_port = 7404;
  bool heads_port_given = false, chunks_port_given = false, metrics_port_given = false;
  /// "ADDRESS:PORT"; empty: not listened on.
  std::string listen_clients, listen_tokens;
  std::string listen_operators;    ///< empty: metrics_port on loopback
  std::string tenant = "main";     ///< whose tokens count
  std::string scratch = "memory";  ///< as for `build`
  std::string pin = "auto";        ///< as for `build`
  std::string sandbox;             ///< "off", "best", "required"; empty: what the project says
  std::string control;             ///< "ADDRESS:PORT" where nodes dial in; empty: actions run here
  std::string control_keys;
  std::uint32_t copies = 1;         ///< of each content, in stores
  std::uint32_t store_away_s = 30;  ///< away for longer, and others get what a store had
  std::uint32_t patience_s = 60;    ///< of what no node can run, though nodes are there
  std::string log_level = "info";
  bool log_json = false;
};

/// Watches, builds and serves until told to stop. Returns the exit code.
int run_dev(const dev_options& options);

}  // namespace graphite
