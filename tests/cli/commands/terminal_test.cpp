#include "cli/terminal.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace graphite {
namespace {

TEST(terminal, a_pipe_is_no_terminal_and_has_no_colour) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_FALSE(terminal_of(ends[1]).is_terminal);
  EXPECT_FALSE(terminal_of(ends[1]).color);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(terminal, style_needs_colour) {
  EXPECT_EQ(styled("x", text_style::bad, false), "x");
  EXPECT_EQ(styled("x", text_style::bad, true), "\x1b[31mx\x1b[0m");
}

TEST(terminal, names_cannot_drive_the_terminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc\x7f"), "a?[2Jb?c?");
  EXPECT_EQ(printable("a\nb", true), "a\nb");
  EXPECT_EQ(printable("bad-\xff\xfe.\xc3"), "bad-??.?");
  EXPECT_EQ(printable("\xf0\x9f\x8e\xa8 \xe2\x82"), "\xf0\x9f\x8e\xa8 ??");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "??31m");
  EXPECT_EQ(printable("bär"), "bär");
}

TEST(terminal, long_names_lose_their_middle_only) {
  EXPECT_EQ(shortened("textures/rock.png", 40), "textures/rock.png");
  const std::string cut = shortened("a/very/long/folder/name/with/a/file.png", 20);
  EXPECT_EQ(cut.substr(cut.size() - 8), "file.png");
  EXPECT_NE(cut.find("…"), std::string::npos);
  EXPECT_LE(cut.size(), 20u + 3u);
}

TEST(terminal, utf8_is_not_cut) {
  const std::string text = "ääääääääääääääääääää";
  for (std::size_t columns = 8; columns < text.size(); ++columns) {
    const std::string cut = shortened(text, columns);
    std::size_t leading = 0, continuing = 0;
    for (const char c : cut) {
      leading += static_cast<unsigned char>(c) == 0xC3 ? 1u : 0u;
      continuing += static_cast<unsigned char>(c) == 0xA4 ? 1u : 0u;
    }
    EXPECT_EQ(leading, continuing) << columns;
  }
}

}  // namespace
}  // namespace graphite
