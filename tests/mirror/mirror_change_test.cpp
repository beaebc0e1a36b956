#include "platform/mirror/mirror_change.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "platform/mirror/record_log.hpp"
#include "tests/schemas/mutate.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using test::path_of;

mirror_change sample() {
  mirror_change out;
  out.note = test::bytes_of("a head");
  out.shown = {{path_of("a"), {test::digest_of_number(1), 10}},
               {path_of("b/c"), {test::digest_of_number(2), 20}}};
  out.hidden = {path_of("d")};
  out.replaced = {{path_of("a"), {test::digest_of_number(3), 30}},
                  {path_of("d"), {test::digest_of_number(4), 40}}};
  out.tree = 1;
  return out;
}

TEST(mirror_change, round_trip) {
  const auto back = decode_mirror_change(encode(sample()));
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(*back, sample());
}

TEST(mirror_change, survives_every_flip_and_refuses_every_truncation) {
  const byte_vector good = encode(sample());
  test::mutate(good, 5000, [&](byte_span bad) {
    const auto read = decode_mirror_change(bad);
    if (bad.size() < good.size()) {
      EXPECT_FALSE(read);
    }
  });
}

TEST(record_log, drops_what_is_behind_a_torn_record) {
  const test::temporary_folder folder;
  const owned_fd home(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY));
  const auto ignore = [](std::uint64_t, byte_span) {};
  const byte_vector one = test::bytes_of("one"), two = test::bytes_of("two, longer");
  std::uint64_t whole = 0;
  {
    auto log = record_log::open(home.get(), "log", ignore);
    ASSERT_TRUE(log && log->append({one, two}));
    whole = log->bytes();
  }
  for (std::uint64_t cut = 0; cut < whole; ++cut) {
    std::filesystem::remove(folder / "log");
    {
      auto log = record_log::open(home.get(), "log", ignore);
      ASSERT_TRUE(log && log->append({one, two}));
    }
    std::filesystem::resize_file(folder / "log", cut);
    std::vector<std::string> seen;
    auto log = record_log::open(home.get(), "log",
                                [&](std::uint64_t, byte_span r) { seen.emplace_back(as_text(r)); });
    ASSERT_TRUE(log);
    EXPECT_EQ(seen.size(), cut >= 16 + one.size() ? 1u : 0u) << cut;
    ASSERT_TRUE(log->append({two}));  // goes on behind the last whole one
  }
}

}  // namespace
}  // namespace graphite
