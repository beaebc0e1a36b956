#include "cli/progress.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

time_point at(std::int64_t ms) { return time_point(milliseconds(1'000'000 + ms)); }

progress_options options_for(bool terminal) {
  progress_options out;
  out.title = "building";
  out.terminal.is_terminal = terminal;
  out.terminal.columns = 80;
  return out;
}

TEST(progress, a_bar_shows_counts_rate_time_left_and_what_runs) {
  const std::string bar = progress::bar(options_for(true), {12, 48, "textures/rock.png"}, seconds(4));
  EXPECT_EQ(bar, "[######>                 ] 12/48 actions  3.0/s  0:12 left  textures/rock.png");
}

TEST(progress, a_bar_fits_the_terminal) {
  for (std::size_t columns = 20; columns < 120; ++columns) {
    auto options = options_for(true);
    options.terminal.columns = columns;
    const std::string bar = progress::bar(options, {1, 3, std::string(200, 'x')}, seconds(1));
    EXPECT_LT(bar.size(), columns + 3) << bar;  // the ellipsis is three bytes wide, one column
  }
}

TEST(progress, a_bar_cannot_be_driven_by_a_file_name) {
  EXPECT_EQ(progress::bar(options_for(true), {1, 3, "a\x1b[2J"}, seconds(1)).find('\x1b'), std::string::npos);
}

TEST(progress, an_unknown_total_gives_no_time) {
  EXPECT_EQ(progress::plain(options_for(false), {5, 0, ""}, seconds(1)), "building: 5 actions, 5.0/s");
}

TEST(progress, hours_are_shown) {
  EXPECT_EQ(progress::plain(options_for(false), {1, 3601, ""}, seconds(2)),
            "building: 1/3601 actions, 0.5/s, 2:00:00 left");
}

TEST(progress, a_terminal_is_redrawn_at_most_at_the_rate_and_cleared) {
  std::vector<std::string> written;
  progress bar(
      options_for(true), [&](std::string_view text) { written.emplace_back(text); }, at(0));
  for (int ms = 0; ms <= 250; ms += 10) bar.update({1, 2, ""}, at(ms));
  EXPECT_EQ(written.size(), 2u);
  bar.finish(at(300));
  EXPECT_EQ(written.back(), "\r\x1b[K");
}

TEST(progress, elsewhere_lines_come_now_and_then) {
  std::vector<std::string> written;
  progress bar(
      options_for(false), [&](std::string_view text) { written.emplace_back(text); }, at(0));
  for (int ms = 0; ms <= 12'000; ms += 100) bar.update({static_cast<std::uint64_t>(ms), 12'000, ""}, at(ms));
  EXPECT_EQ(written.size(), 2u);
  EXPECT_EQ(written[0].find('\r'), std::string::npos);
  EXPECT_EQ(written[0].back(), '\n');
}

TEST(progress, short_work_shows_nothing) {
  std::string written;
  progress bar(
      options_for(true), [&](std::string_view text) { written += text; }, at(0));
  bar.update({1, 2, ""}, at(50));
  bar.finish(at(60));
  EXPECT_EQ(written, "");
}

}  // namespace
}  // namespace graphite
