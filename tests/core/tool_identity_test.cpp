#include "core/tool_identity.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/sha256.hpp"

namespace graphite {
namespace {

const openssl_hasher hash;

tool_spec tool(std::string name) {
  tool_spec out;
  out.name = std::move(name);
  out.version_argv = {"cc", "--version"};
  return out;
}

TEST(tool_identity, depends_on_name_files_and_their_order) {
  const digest a = hash.sha256(as_bytes("a")), b = hash.sha256(as_bytes("b"));
  const std::vector<tool_file> files{{"x", a}, {"y", b}}, swapped{{"y", b}, {"x", a}},
      other{{"x", a}, {"y", a}};
  const auto base = content_tool_identity(tool("t"), files, hash);
  EXPECT_EQ(content_tool_identity(tool("t"), files, hash), base);
  EXPECT_NE(content_tool_identity(tool("u"), files, hash), base);
  EXPECT_NE(content_tool_identity(tool("t"), swapped, hash), base);
  EXPECT_NE(content_tool_identity(tool("t"), other, hash), base);
}

TEST(tool_identity, of_a_version_ignores_trailing_space_only) {
  const auto base = machine_tool_identity(tool("t"), "cc 12.2\n", "", hash);
  EXPECT_EQ(machine_tool_identity(tool("t"), "cc 12.2 \r\n\n", "", hash), base);
  EXPECT_NE(machine_tool_identity(tool("t"), "cc 12.3\n", "", hash), base);
  EXPECT_NE(machine_tool_identity(tool("t"), "", "cc 12.2\n", hash), base);
}

}  // namespace
}  // namespace graphite
