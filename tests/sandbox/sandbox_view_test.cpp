#include "platform/sandbox/sandbox_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/sandbox/sandbox_report.hpp"

namespace graphite {
namespace {

using kind = view_part::kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const sandbox_view system_parts{{kind::read, "/usr", "/usr"}, {kind::link, "usr/bin", "/bin"}};
const hidden_folders hidden{{"/work/game", "/work/game/.graphite"}, "/home/me"};

std::string shown_of(const std::string& file, const std::string& real = {}) {
  std::string out;
  for (const auto& one : tool_view(system_parts, file, real.empty() ? file : real, hidden))
    out += one.from + " ";
  return out;
}

TEST(sandbox_view, a_tool_of_the_system_adds_nothing) { EXPECT_EQ(shown_of("/usr/bin/cc"), ""); }

TEST(sandbox_view, a_tool_elsewhere_is_shown_with_its_folder_or_its_prefix) {
  EXPECT_EQ(shown_of("/opt/sdk/tool"), "/opt/sdk ");
  EXPECT_EQ(shown_of("/opt/sdk/bin/tool"), "/opt/sdk ");
  EXPECT_EQ(shown_of("/opt/bin/tool"), "/opt/bin ");
}

TEST(sandbox_view, a_link_is_shown_where_it_leads_and_where_it_lies) {
  EXPECT_EQ(shown_of("/opt/links/tool", "/opt/sdk/bin/tool"), "/opt/sdk /opt/links ");
  EXPECT_EQ(shown_of("/opt/links/tool", "/usr/bin/tool"), "/opt/links ");
}

TEST(sandbox_view, of_a_tool_in_the_project_only_the_file_is_shown) {
  EXPECT_EQ(shown_of("/work/game/tools/bin/convert"), "/work/game/tools/bin/convert ");
  EXPECT_EQ(shown_of("/work/tool"), "/work/tool ");  // its folder holds the project
}

TEST(sandbox_view, of_a_tool_at_home_only_a_folder_of_programs_is_shown) {
  EXPECT_EQ(shown_of("/home/me/.cargo/bin/tool"), "/home/me/.cargo/bin ");
  EXPECT_EQ(shown_of("/home/me/.cargo/tool"), "/home/me/.cargo/tool ");
  EXPECT_EQ(shown_of("/home/me/tool"), "/home/me/tool ");
  EXPECT_EQ(shown_of("/home/tool"), "/home/tool ");
}

TEST(sandbox_view, a_folder_that_everybody_uses_is_not_a_tools_own) {
  EXPECT_EQ(shown_of("/tmp/tool"), "/tmp/tool ");
  EXPECT_EQ(shown_of("/tool"), "/tool ");
}

TEST(sandbox_view, what_is_shown_is_at_or_below_a_readable_part) {
  EXPECT_TRUE(shows(system_parts, "/usr"));
  EXPECT_TRUE(shows(system_parts, "/usr/lib/x"));
  EXPECT_FALSE(shows(system_parts, "/usr2"));
  EXPECT_FALSE(shows(system_parts, "/bin"));
}

TEST(sandbox_view, arguments_are_bubblewraps) {
  EXPECT_THAT(to_arguments(system_parts),
              ElementsAre("--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"));
  EXPECT_THAT(to_arguments(sandbox_view{{kind::processes, {}, "/proc"}, {kind::memory, {}, "/dev/shm"}}),
              ElementsAre("--proc", "/proc", "--tmpfs", "/dev/shm"));
}

TEST(sandbox_view, of_the_system_no_home_and_no_secret_is_shown) {
  const auto view = system_view();
  EXPECT_TRUE(shows(view, "/usr/bin/env"));
  for (const auto* path :
       {"/etc/shadow", "/etc/ssh/ssh_host_rsa_key", "/root", "/home", "/var/log", "/etc/ssl/private"})
    EXPECT_FALSE(shows(view, path)) << path;
}

std::string record(char letter, int number, const std::string& text) {
  std::string out(1, letter);
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
  return out + text;
}

TEST(sandbox_report, tells_the_first_process_and_what_went_wrong) {
  const auto report = read_sandbox_report(record('P', 77, "") + record('S', EACCES, "mounting /proc"));
  EXPECT_EQ(report.first_process, 77);
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code, errc::action_failed);
  EXPECT_THAT(report.failure->context, HasSubstr("mounting /proc"));
}

TEST(sandbox_report, a_shortage_is_no_fault_of_the_action) {
  EXPECT_EQ(read_sandbox_report(record('S', ENOSPC, "namespaces")).failure->code, errc::busy);
}

TEST(sandbox_report, a_program_that_cannot_be_started_says_why) {
  EXPECT_THAT(read_sandbox_report(record('X', ENOENT, "/x/tool")).failure->context,
              HasSubstr("sandbox_read"));
  EXPECT_EQ(read_sandbox_report(record('X', ENOEXEC, "/x/tool")).failure->code, errc::invalid_argument);
}

TEST(sandbox_report, nonsense_is_no_failure) {
  for (const auto& bytes : {std::string(), std::string("S"), std::string("?????????"), record('P', -1, "")}) {
    EXPECT_FALSE(read_sandbox_report(bytes).failure);
    EXPECT_EQ(read_sandbox_report(bytes).first_process, 0);
  }
}

}  // namespace
}  // namespace graphite
