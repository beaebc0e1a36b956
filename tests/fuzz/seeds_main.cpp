// fuzz_seeds FOLDER: the corpus again after a change of a format.
#include <cstdio>

#include "tests/fuzz/seeds.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  graphite::fuzz::write_seeds(argv[1]);
  return 0;
}
