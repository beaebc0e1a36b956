#include "cli/snapshot_contents.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "platform/linux/posix_file_reader.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

digest numbered(std::uint32_t number) {
  digest out;
  std::memcpy(out.bytes.data(), &number, sizeof number);
  return out;
}

class contents_of_a_snapshot : public ::testing::Test {
 protected:
  static std::string name_of(std::uint32_t number) { return std::to_string(number) + ".txt"; }
  static std::string text_of(std::uint32_t number) { return "text " + std::to_string(number) + "....."; }
  void write(std::uint32_t number) { folder_.write(name_of(number), text_of(number)); }
  snapshot_contents make(snapshot_contents::options how) {
    return {[](const digest& content) -> std::optional<snapshot_contents::place> {
              std::uint32_t number = 0;
              std::memcpy(&number, content.bytes.data(), sizeof number);
              return snapshot_contents::place{text_of(number).size(), test::path_of(name_of(number))};
            },
            *files_, how};
  }
  static std::string read(const snapshot_contents& from, std::uint32_t number, std::uint64_t at = 0) {
    byte_vector out(text_of(number).size() - at);
    const auto done = from.read(numbered(number), at, out);
    return done ? std::string(as_text(out)) : std::string(to_string(done.error().code));
  }

  test::temporary_folder folder_;
  const std::unique_ptr<posix_file_reader> files_ = posix_file_reader::open_root(folder_.path()).value();
};

TEST_F(contents_of_a_snapshot, are_read_once_and_kept_within_their_bound) {
  snapshot_contents::options how;
  how.memory_bytes_max = 1'000;  // five of them
  const auto contents = make(how);
  for (std::uint32_t i = 0; i < 8; ++i) write(i);
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(read(contents, i, 3), text_of(i).substr(3));
  folder_.write(name_of(7), "short");
  folder_.write(name_of(0), "short");
  EXPECT_EQ(read(contents, 7), text_of(7)) << "it is in memory";
  EXPECT_EQ(read(contents, 0), "busy") << "that had to go, and the file is another by now";
}

TEST_F(contents_of_a_snapshot, are_read_anew_once_they_are_forgotten) {
  auto contents = make({});
  write(1);
  EXPECT_EQ(read(contents, 1), text_of(1));
  folder_.write(name_of(1), "text 2.....");
  EXPECT_EQ(read(contents, 1), text_of(1));
  contents.forget();
  EXPECT_EQ(read(contents, 1), "text 2.....");
}

}  // namespace
}  // namespace graphite
