#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "platform/sandbox/cell/cell.hpp"

namespace graphite::cell {

namespace {

[[noreturn]] void misuse(const char* what) {
  const auto say = [](const char* text) { (void)!::write(2, text, std::strlen(text)); };
  say("graphite-sandbox: it is started by graphite: ");
  say(what);
  say("\n");
  ::_exit(2);
}

/// Goes through the arguments.
class reader {
 public:
  reader(int count, char** arguments) : at_(arguments + 1), end_(arguments + count) {}

  request run() {
    request out;
    out.how = read_mode();
    while (at_ < end_ && !is("--")) read_option(out);
    if (end_ - at_ < 3) misuse("no program");
    out.program = at_[1];
    out.arguments = at_ + 2;
    return out;
  }

 private:
  bool is(const char* text) const { return std::strcmp(*at_, text) == 0; }

  const char* next() {
    if (++at_ >= end_) misuse("an option has no value");
    return *at_;
  }

  int descriptor() { return static_cast<int>(std::strtol(next(), nullptr, 10)); }

  mode read_mode() {
    if (at_ >= end_) misuse("no mode");
    const auto read = [this] {
      if (is("namespaces")) return mode::namespaces;
      if (is("inner")) return mode::inner;
      if (is("landlock")) return mode::landlock;
      if (is("limits")) return mode::limits;
      misuse("an unknown mode");
    };
    const auto out = read();
    ++at_;
    return out;
  }

  bool read_part(request& out) {
    static constexpr struct {
      const char* name;
      part::kind what;
      bool pair;
    } known[] = {{"--ro-bind", part::kind::read, true},    {"--bind", part::kind::write, true},
                 {"--dev-bind", part::kind::device, true}, {"--tmpfs", part::kind::memory, false},
                 {"--dir", part::kind::folder, false},     {"--symlink", part::kind::link, true},
                 {"--proc", part::kind::processes, false}};
    for (const auto& one : known) {
      if (!is(one.name)) continue;
      part made{one.what, nullptr, nullptr};
      if (one.pair) made.from = next();
      made.to = next();
      if (made.to[0] != '/') misuse("a path is not absolute");
      out.parts.push_back(made);
      return true;
    }
    return false;
  }

  void read_option(request& out) {
    if (read_part(out)) {
    } else if (is("--chdir")) {
      out.folder = next();
    } else if (is("--memory-bytes")) {
      out.memory_bytes = next();
    } else if (is("--processes")) {
      out.processes = std::strtoull(next(), nullptr, 10);
    } else if (is("--filter")) {
      out.filter = descriptor();
    } else if (is("--status")) {
      out.status = descriptor();
    } else if (is("--environment")) {
      out.environment = descriptor();
    } else if (is("--reads")) {
      out.reads = descriptor();
    } else {
      misuse("an unknown option");
    }
    ++at_;
  }

  char** at_;
  char** end_;
};

}  // namespace

request read_arguments(int count, char** arguments) { return reader(count, arguments).run(); }

}  // namespace graphite::cell
