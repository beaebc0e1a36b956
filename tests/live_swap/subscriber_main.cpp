// live_swap_subscriber HEADS INTO EXEC files|no-files LOG_BYTES_MAX: `graphite subscribe --json` without its
// command line.

#include <cstdlib>
#include <string_view>

#include "cli/subscribe.hpp"

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  graphite::subscribe_options options;
  options.from = argv[1];
  options.into = argv[2];
  options.exec = argv[3];
  options.no_files = std::string_view(argv[4]) == "no-files";
  if (const auto bytes = std::strtoull(argv[5], nullptr, 10)) options.log_bytes_max = bytes;
  options.json = true;
  return graphite::run_subscribe(options);
}
