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

}  // namespace

int main() {
  int works = 0;
  std::uint32_t length = 0;
  while (read_all(&length, sizeof length)) {
    byte_vector bytes(length);
    if (!read_all(bytes.data(), length)) return 1;
    const auto work = decode_tool_work(bytes);
    if (!work) return 1;
    ++works;
    const auto& what = work->arguments.front();
    tool_answer answer{work->id, 0, {}};
    if (what == "count") answer.output = std::to_string(works);
    if (what == "pid") answer.output = std::to_string(::getpid());
    if (what == "inputs")
      for (const auto& input : work->inputs)
        answer.output += input.path + " " + std::to_string(input.content.size) + "\n";
    if (what == "folders") answer.output = work->working_folder + " " + work->temporary_folder;
    if (what == "fail") answer = {work->id, 3, "no good"};
    if (what == "complain") std::fprintf(stderr, "a complaint\n"), answer.exit_code = 1;
    if (what == "other id") ++answer.id;
    if (what == "print") std::printf("hello, world"), std::fflush(stdout);
    if (what == "huge") (void)!::write(1, "\xff\xff\xff\xff", 4);
    if (what == "exit") ::_exit(0);
    if (what == "crash") std::abort();
    if (what == "hang")
      while (true) ::pause();
    if (what == "close output") {
      ::close(1);
      while (true) ::pause();
    }
    if (what == "burn")
      while (std::clock() < CLOCKS_PER_SEC / 50) {
      }
    if (what == "close input") {
      ::close(0);
      reply(answer);
      while (true) ::pause();
    }
    if (what == "leave when called") {
      reply(answer);
      pollfd called{0, POLLIN, 0};
      ::poll(&called, 1, -1);
      return 0;
    }
    if (what == "leave") {
      reply(answer);
      return 0;
    }
    reply(answer);
  }
  return 0;
}
