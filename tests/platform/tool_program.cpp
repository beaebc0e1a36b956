// A tool that is kept, for tests: does what the first argument of its work says.
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>

#include "schemas/codec/tool_messages.hpp"
#include "tests/support/wait_until.hpp"

namespace {

using namespace graphite;

bool read_all(void* into, std::size_t size) {
  for (std::size_t have = 0; have < size;) {
    const auto count = ::read(0, static_cast<char*>(into) + have, size - have);
    if (count <= 0) return false;
    have += static_cast<std::size_t>(count);
  }
  return true;
}

void reply(const tool_answer& answer) {
  const auto bytes = encode(answer);
  const auto length = static_cast<std::uint32_t>(bytes.size());
  std::string out(sizeof length, 0);
  std::memcpy(out.data(), &length, sizeof length);
  out += as_text(bytes);
  (void)!::write(1, out.data(), out.size());
}

bool wait_until_called() {
  pollfd called{0, POLLIN, 0};
  return ::poll(&called, 1, -1) > 0;
}

[[noreturn]] void stay() {
  while (true) ::pause();
}

/// What a good tool may do.
tool_answer answer_to(const tool_work& work, int works) {
  const auto& what = work.arguments.front();
  tool_answer out{work.id, 0, {}};
  if (what == "count") out.output = std::to_string(works);
  if (what == "pid") out.output = std::to_string(::getpid());
  if (what == "inputs")
    for (const auto& input : work.inputs)
      out.output += input.path + " " + std::to_string(input.content.size) + "\n";
  if (what == "folders") out.output = work.working_folder + " " + work.temporary_folder;
  if (what == "fail") out = {work.id, 3, "no good"};
  if (what == "complain") std::fprintf(stderr, "a complaint\n"), out.exit_code = 1;
  if (what == "complain much") {
    std::fputs((std::string(60'000, 'x') + "the end\n").c_str(), stderr);
    if (work.arguments.size() > 1) std::abort();
  }
  if (what == "write") std::ofstream(work.working_folder + "/large") << std::string(2 << 20, 'x');
  if (what == "burn")
    while (std::clock() < CLOCKS_PER_SEC / 50) {
    }
  if (what == "wait") {
    std::ofstream(work.working_folder + "/waits").close();
    if (!test::wait_until([&] { return std::ifstream(work.working_folder + "/go").good(); }))
      out.exit_code = 1;
  }
  return out;
}

/// What it must not, before it answers.
void misbehave(const std::string& what) {
  if (what == "print") std::printf("hello, world"), std::fflush(stdout);
  if (what == "huge") (void)!::write(1, "\xff\xff\xff\xff", 4);
  if (what == "exit") ::_exit(0);
  if (what == "crash") std::abort();
  if (what == "hang") stay();
  if (what == "close output") {
    ::close(1);
    stay();
  }
  if (what == "close input") ::close(0);
  if (what == "crash, but not its child") {
    if (::fork() == 0) stay();
    std::abort();
  }
}

/// What it may do after its answer; false: it ends.
bool goes_on(const std::string& what, const tool_answer& answer) {
  if (what == "leave") return false;
  if (what == "leave when called") return !wait_until_called();
  if (what == "close input") stay();
  if (what != "answer what comes unread") return true;
  wait_until_called();
  reply({answer.id + 1, 0, "without having read it"});
  stay();
}

}  // namespace

int main() {
  int works = 0;
  std::uint32_t length = 0;
  while (read_all(&length, sizeof length)) {
    byte_vector bytes(length);
    if (!read_all(bytes.data(), length)) return 1;
    const auto work = decode_tool_work(bytes);
    if (!work) return 1;
    const auto& what = work->arguments.front();
    auto answer = answer_to(*work, ++works);
    if (what == "other id") ++answer.id;
    misbehave(what);
    reply(answer);
    if (!goes_on(what, answer)) return 0;
  }
  return 0;
}
