// LIBRARY BUNDLE TIMES: loads the library as a plug-in host would, reads with threads, unloads it and looks
// whether it is gone; so often. Exit code 0, or 1 with a message.

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "bindings/c/graphite.h"

namespace {

void need(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

bool is_mapped(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(name) != std::string::npos) return true;
  return false;
}

template <class F>
F* function(void* library, const char* name) {
  auto* const found = reinterpret_cast<F*>(::dlsym(library, name));
  need(found != nullptr, name);
  return found;
}

void use_and_unload(const char* path, const char* bundle) {
  void* const library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  need(library != nullptr, "it cannot be loaded");
  const auto open = function<decltype(graphite_bundle_open)>(library, "graphite_bundle_open");
  const auto init = function<decltype(graphite_atomic_bundle_init)>(library, "graphite_atomic_bundle_init");
  const auto acquire = function<decltype(graphite_acquire_reader)>(library, "graphite_acquire_reader");
  const auto release = function<decltype(graphite_release_reader)>(library, "graphite_release_reader");
  const auto destroy =
      function<decltype(graphite_atomic_bundle_destroy)>(library, "graphite_atomic_bundle_destroy");
  graphite_bundle* first = nullptr;
  graphite_atomic_bundle place;
  need(open(bundle, &first) == GRAPHITE_SUCCESS, "the bundle cannot be opened");
  need(init(&place, first) == GRAPHITE_SUCCESS, "no place for it");
  // A thread that has read keeps the library until it ends.
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      uint64_t version = 0;
      need(acquire(&place, &version) != nullptr && version == 1, "nothing to read");
      release(&place);
    });
  for (auto& reader : readers) reader.join();
  destroy(&place);
  need(is_mapped("libgraphite.so"), "it was not loaded");
  need(::dlclose(library) == 0, "it cannot be unloaded");
  need(!is_mapped("libgraphite.so"), "it is still there");
}

}  // namespace

int main(int argc, char** argv) {
  need(argc == 4, "usage: unloading_program LIBRARY BUNDLE TIMES");
  for (int i = std::atoi(argv[3]); i > 0; --i) use_and_unload(argv[1], argv[2]);
  return 0;
}
