// A peer in a process of its own, which the test kills: tls_peer PORT CERTIFICATE KEY AUTHORITY. Dials, shows
// itself to what is published there, says "linked" and stays.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tests/actors/tls_support.hpp"

int main(int argc, char** argv) {
  using namespace graphite;
  if (argc != 5) return 2;
  test::tls_system system({argv[2], argv[3], argv[4]});
  if (!system.ready()) return std::fprintf(stderr, "%s\n", system.ready().error().context.c_str()), 3;
  const auto peer = dial_tls(*system, test::to(static_cast<std::uint16_t>(std::atoi(argv[1]))));
  if (!peer) return std::fprintf(stderr, "%s\n", peer.error().context.c_str()), 4;
  system->spawn([peer = *peer](caf::event_based_actor* self) -> caf::behavior {
    self->request(peer, std::chrono::seconds(20), 41).then([](int) {
      std::puts("linked");
      std::fflush(stdout);
    });
    return {[](const std::string&) {}};
  });
  for (;;) ::pause();
}
