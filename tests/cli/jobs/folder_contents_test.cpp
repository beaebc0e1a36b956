#include "cli/folder_contents.hpp"

#include <gtest/gtest.h>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "platform/crypto/sha256.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

class folders_of_contents : public ::testing::Test {
 protected:
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_.path()), {}));
  }

  openssl_hasher hash_;
  test::temporary_folder folder_;
  folder_contents contents_{folder_.path(), hash_};
};

TEST_F(folders_of_contents, have_a_file_for_each_until_they_are_cleared) {
  const auto bytes = as_bytes(std::string_view("some bytes"));
  const auto chunks = chunk_bytes(bytes, hash_);
  const auto stored = contents_.put(bytes, chunks).value();
  EXPECT_EQ(stored.ref, content_of(chunks, hash_));
  EXPECT_EQ(std::filesystem::file_size(contents_.file_of(stored.ref.id)), bytes.size());
  ASSERT_TRUE(contents_.find(stored.ref.id).value());
  byte_vector some(4);
  ASSERT_TRUE(contents_.read(stored.ref.id, 5, some));
  EXPECT_EQ(as_text(some), "byte");
  EXPECT_EQ(contents_.read(stored.ref.id, 8, some).error().code, errc::corrupt) << "beyond its end";
  EXPECT_EQ(contents_.read(digest{}, 0, some).error().code, errc::not_found);
  ASSERT_TRUE(contents_.clear());
  EXPECT_EQ(files(), 0U);
  EXPECT_FALSE(contents_.find(stored.ref.id).value());
}

TEST_F(folders_of_contents, forget_what_was_not_finished) {
  {
    auto writer = contents_.begin(10).value();
    ASSERT_TRUE(writer->append(as_bytes(std::string_view("half"))));
    EXPECT_EQ(files(), 1U);
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(folders_of_contents, let_a_file_be_taken) {
  const auto bytes = as_bytes(std::string_view("taken"));
  const auto stored = contents_.put(bytes, chunk_bytes(bytes, hash_)).value();
  test::temporary_folder other;
  std::filesystem::rename(contents_.file_of(stored.ref.id), std::filesystem::path(other.path()) / "mine");
  EXPECT_TRUE(contents_.clear());
}

}  // namespace
}  // namespace graphite
