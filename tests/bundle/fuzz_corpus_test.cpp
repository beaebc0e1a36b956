#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/bundle/bundle_file_support.hpp"
#include "tests/fuzz/bundle_targets.hpp"

// The fuzz targets over their corpus and a few thousand seeded mutations of it, with any compiler.

namespace graphite {
namespace {

byte_vector read_file(const std::filesystem::path& from) {
  std::ifstream in(from, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = as_bytes(std::string_view(text));
  return {bytes.begin(), bytes.end()};
}

byte_vector mutated(byte_vector bytes, std::mt19937_64& random) {
  for (auto rounds = 1 + random() % 4; rounds > 0 && !bytes.empty(); --rounds) {
    const auto at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<std::byte>(random());
        break;
      case 1:
        bytes[at] ^= static_cast<std::byte>(1u << random() % 8);
        break;
      case 2:
        bytes.resize(at);
        break;
      default:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::byte>(random()));
    }
  }
  return bytes;
}

TEST(fuzz_corpus, no_target_breaks_on_it_or_its_mutations) {
  std::mt19937_64 random(20240117);
  for (const auto& target : fuzz::targets) {
    std::size_t files = 0;
    for (const auto& file :
         std::filesystem::directory_iterator(std::filesystem::path(GRAPHITE_FUZZ_CORPUS) / target.name)) {
      ++files;
      const auto bytes = read_file(file.path());
      target.run(bytes);
      for (int i = 0; i < 1000; ++i) target.run(mutated(bytes, random));
    }
    EXPECT_GT(files, 0u) << "no corpus for " << target.name;
  }
}

}  // namespace
}  // namespace graphite
