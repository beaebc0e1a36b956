// live_swap_subscriber HEADS INTO EXEC: `graphite subscribe --json` without its command line. Dies of
// SIGKILL at the point named by LIVE_SWAP_DIE_AT.

#include <cstdlib>

#include "cli/subscribe.hpp"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  graphite::subscribe_options options;
  options.from = argv[1];
  options.into = argv[2];
  options.exec = argv[3];
  options.no_files = std::getenv("LIVE_SWAP_NO_FILES") != nullptr;
  options.json = true;
  if (const char* point = std::getenv("LIVE_SWAP_DIE_AT")) options.die_at = point;
  return graphite::run_subscribe(options);
}
