#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/fuzz/seeds.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/support/temporary_folder.hpp"

// The fuzz targets over their corpus and thousands of seeded mutations of it, with any compiler.

namespace graphite {
namespace {

std::filesystem::path corpus_of(std::string_view target) {
  return std::filesystem::path(GRAPHITE_FUZZ_CORPUS) / target;
}

byte_vector read_file(const std::filesystem::path& from) {
  std::ifstream in(from, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = as_bytes(std::string_view(text));
  return {bytes.begin(), bytes.end()};
}

/// In the order of their names: the mutations of a seed are the same on every machine.
std::vector<byte_vector> read_corpus(std::string_view target) {
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(corpus_of(target)))
    files.push_back(file.path());
  std::sort(files.begin(), files.end());
  std::vector<byte_vector> out;
  for (const auto& file : files) out.push_back(read_file(file));
  return out;
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

class fuzz_corpus : public testing::TestWithParam<fuzz::target> {};

TEST_P(fuzz_corpus, does_no_harm_mutated_or_not) {
  std::mt19937_64 random(20240117);
  for (const auto& bytes : read_corpus(GetParam().name)) {
    GetParam().run(bytes);
    for (int i = 0; i < 1000; ++i) GetParam().run(mutated(bytes, random));
  }
}

TEST_P(fuzz_corpus, has_something_that_the_decoder_accepts) {
  const auto corpus = read_corpus(GetParam().name);
  EXPECT_TRUE(std::any_of(corpus.begin(), corpus.end(), GetParam().run))
      << "the format has changed: write the corpus again with fuzz_seeds";
}

TEST_P(fuzz_corpus, every_byte_flipped_and_every_length_truncated_do_no_harm) {
  for (auto bytes : read_corpus(GetParam().name)) {
    bytes.resize(std::min<std::size_t>(bytes.size(), 4096));
    for (std::size_t length = 0; length < bytes.size(); ++length)
      GetParam().run(byte_span(bytes).first(length));
    for (auto& byte : bytes) {
      byte ^= std::byte{0xff};
      GetParam().run(bytes);
      byte ^= std::byte{0xff};
    }
  }
}

TEST(fuzz_seeds, the_corpus_has_what_the_encoders_write_today) {
  const test::temporary_folder fresh;
  fuzz::write_seeds(fresh.path());
  std::size_t seeds = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(fresh.path())) {
    if (!file.is_regular_file()) continue;
    ++seeds;
    const auto name = std::filesystem::relative(file.path(), fresh.path());
    EXPECT_EQ(read_file(corpus_of(name.string())), read_file(file.path()))
        << name << " is of a former format: write the corpus again with fuzz_seeds";
  }
  EXPECT_GT(seeds, 20u);
}

TEST(fuzz_seeds, a_row_of_a_newer_cache_is_refused_and_those_of_former_versions_are_read) {
  EXPECT_FALSE(fuzz::cache_row(read_file(corpus_of("cache_row/newer"))));
  const auto reads = [](bool (*target)(byte_span), const std::string& name, int version) {
    const auto former = read_file(corpus_of(name));
    ASSERT_FALSE(former.empty()) << name;
    EXPECT_EQ(former.front(), static_cast<std::byte>(version)) << name;
    EXPECT_TRUE(target(former)) << name;
  };
  reads(fuzz::cache_row, "cache_row/version_1", 1);
  reads(fuzz::cache_row, "cache_row/version_2", 2);
  reads(fuzz::cache_row, "cache_row/version_3", 3);
  reads(fuzz::history_row, "history_row/version_1", 1);
  reads(fuzz::result_row, "result_row/version_1", 1);
  reads(fuzz::source_row, "source_row/version_1", 1);
}

INSTANTIATE_TEST_SUITE_P(every, fuzz_corpus, testing::ValuesIn(fuzz::targets),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace graphite
