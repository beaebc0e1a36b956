#include "platform/log/stderr_log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace graphite {
namespace {

/// What `write` makes the log put into a pipe.
template <class Write>
std::string logged(stderr_log_options options, Write write) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  options.fd = ends[1];
  {
    const auto log = make_stderr_log(options);
    write(*log);
  }
  ::close(ends[1]);
  char buffer[4096];
  const ssize_t size = ::read(ends[0], buffer, sizeof buffer);
  ::close(ends[0]);
  return {buffer, static_cast<std::size_t>(size < 0 ? 0 : size)};
}

TEST(stderr_log, less_severe_messages_are_dropped) {
  const std::string text = logged({log_level::warning}, [](log_sink& log) {
    log.debug("one");
    log.info("two");
    log.warn("three");
    log.error("four");
  });
  EXPECT_EQ(text.find("one"), std::string::npos);
  EXPECT_EQ(text.find("two"), std::string::npos);
  EXPECT_NE(text.find("warning three\n"), std::string::npos) << text;
  EXPECT_NE(text.find("error   four\n"), std::string::npos) << text;
}

TEST(stderr_log, one_message_is_one_line_whatever_it_holds) {
  const std::string text = logged(
      {}, [](log_sink& log) { log.info("a file called \"{}\"", "x\n2026-01-01 error forged\x1b[2J"); });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("\\n2026"), std::string::npos) << text;
}

TEST(stderr_log, json_lines_are_escaped) {
  stderr_log_options options;
  options.json = true;
  const std::string text = logged(options, [](log_sink& log) { log.error("say \"no\" to C:\\ and \t"); });
  EXPECT_NE(text.find(R"("level":"error","message":"say \"no\" to C:\\ and \u0009"})"), std::string::npos)
      << text;
}

TEST(stderr_log, levels_have_names) {
  EXPECT_EQ(log_level_from("warning"), log_level::warning);
  EXPECT_EQ(log_level_from("loud"), std::nullopt);
}

}  // namespace
}  // namespace graphite
