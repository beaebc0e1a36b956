// A tool that is kept between actions: writes its input in capitals. In a project file:
//
//   [[rule]]
//   match = "*.txt"
//   outputs = "{dir}/{stem}.loud"
//   [rule.command]
//   worker = ["shout"]
//   argv = ["{in}", "{out}"]
//
// Started by itself with the same two arguments it does the same and ends, so that it can be tried by hand.
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <unistd.h>

#include <cctype>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tools.capnp.h"

namespace {

using graphite::wire::ToolAnswer;
using graphite::wire::ToolWork;

struct done {
  int exit_code = 0;
  std::string output;
};

/// What the tool is for. Paths are relative to `folder`.
done shout(const std::string& folder, const std::vector<std::string>& arguments) {
  if (arguments.size() != 2) return {2, "usage: shout IN OUT\n"};
  std::ifstream in(folder + arguments[0], std::ios::binary);
  if (!in) return {1, "cannot read " + arguments[0] + "\n"};
  std::string text((std::istreambuf_iterator<char>(in)), {});
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::ofstream out(folder + arguments[1], std::ios::binary);
  out << text << std::flush;
  return out ? done{} : done{1, "cannot write " + arguments[1] + "\n"};
}

/// False at the end of standard input.
bool read_all(void* into, std::size_t size) {
  for (std::size_t have = 0; have < size;) {
    const auto count = ::read(0, static_cast<char*>(into) + have, size - have);
    if (count <= 0) return false;
    have += static_cast<std::size_t>(count);
  }
  return true;
}

bool write_all(const void* from, std::size_t size) {
  for (std::size_t sent = 0; sent < size;) {
    const auto count = ::write(1, static_cast<const char*>(from) + sent, size - sent);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

/// One piece of work: read, done, answered. False when there is no more.
bool serve_one() {
  std::uint32_t length = 0;  // least significant byte first, as on every machine that this runs on
  if (!read_all(&length, sizeof length)) return false;
  std::vector<capnp::word> words(length / sizeof(capnp::word));
  if (!read_all(words.data(), length)) return false;
  capnp::FlatArrayMessageReader message(kj::arrayPtr(words.data(), words.size()));
  const auto work = message.getRoot<ToolWork>();
  std::vector<std::string> arguments;
  for (const auto argument : work.getArguments()) arguments.emplace_back(argument.cStr());
  const auto result = shout(std::string(work.getWorkingFolder().cStr()) + "/", arguments);

  capnp::MallocMessageBuilder builder;
  auto answer = builder.initRoot<ToolAnswer>();
  answer.setId(work.getId());
  answer.setExitCode(result.exit_code);
  answer.setOutput(result.output);
  const auto reply = capnp::messageToFlatArray(builder);
  const auto bytes = reply.asBytes();
  length = static_cast<std::uint32_t>(bytes.size());
  return write_all(&length, sizeof length) && write_all(bytes.begin(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return shout("", {argv + 1, argv + argc}).exit_code;
  while (serve_one()) {
  }
}
