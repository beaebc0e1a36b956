#!/usr/bin/env python3
"""The lint checks find what they look for: each is run over a small tree with one offence."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lint


scratch = tempfile.TemporaryDirectory()


def tree(files):
    root = pathlib.Path(tempfile.mkdtemp(dir=scratch.name))
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def expect(name, problems, count):
    if len(problems) != count:
        sys.exit(f"{name}: expected {count} problems, found {problems}")


expect("core includes nothing above", lint.check_layers(tree({"core/a.hpp": '#include "bundle/b.hpp"\n'})), 1)
expect("bundle may use core", lint.check_layers(tree({"bundle/a.hpp": '#include "core/b.hpp"\n'})), 0)
expect("layer 2 folders keep apart", lint.check_layers(tree({"node/a.hpp": '#include "coordinator/b.hpp"\n'})), 1)
expect("CAF stays in actors", lint.check_layers(tree({"coordinator/a.cpp": "#include <caf/all.hpp>\n"})), 1)
expect("gateway sees the facade only", lint.check_layers(tree({"gateway/a.cpp": '#include "actors/system.hpp"\n'})), 1)
expect("actors keep off platform", lint.check_layers(tree({"actors/a.cpp": '#include "platform/zmq/b.hpp"\n'})), 1)
expect("one platform folder does not use another",
       lint.check_layers(tree({"platform/zmq/a.cpp": '#include "platform/rocksdb/b.hpp"\n'})), 1)
expect("all name their threads",
       lint.check_layers(tree({"platform/zmq/a.cpp": '#include "platform/linux/thread_name.hpp"\n'})), 0)


def both(name, check, path, bad, good):
    """One problem in `bad`, none in `good`."""
    expect(f"{name}: the bad", check(tree({path: bad})), 1)
    expect(f"{name}: the good", check(tree({path: good})), 0)


def lines(count):
    return "  x();\n" * count


def sized(name, text):
    """`text` with a body of 71 lines is too long, with one of 70 it is not."""
    both(name, lint.check_sizes, "core/a.cpp", text % lines(71), text % lines(70))


sized("a long function", "void f() {\n%s}\n")
sized("one that follows others",
      "#include <a>\nnamespace a {\nstruct b {\n  int c = 0;\n};\nvoid g() {}\n\nvoid f(int x) {\n%s}\n}\n")
sized("a member function",
      "namespace a {\nclass b : public c {\n public:\n  b() : d_{1} {}\n  void f() const override {\n%s  }\n};\n}\n")
sized("a constructor with initializers", "b::b(int x) : c_{x}, d_{x + 1} {\n%s}\n")
sized("a member of a local class", "class b {\n  struct d {\n    void f() {\n%s    }\n  };\n};\n")
sized("a lambda of a file", "static const auto f = [](int x) {\n%s};\n")
sized("an anonymous namespace", "namespace {\nauto f() -> int {\n%s}\n}\n")
both("a lambda counts where it stands", lint.check_sizes, "core/a.cpp",
     "void f() {\n  auto g = [] {\n" + lines(40) + "  };\n" + lines(40) + "}\n",
     "void f() {\n  auto g = [] {\n" + lines(40) + "  };\n}\nvoid h() {\n" + lines(40) + "}\n")
both("braces in strings and comments", lint.check_sizes, "core/a.cpp",
     "void f() {\n  g(\"}\", '}');  // }\n" + lines(71) + "}\n",
     "void f() {\n  g(\"{\", '{');  // {\n}\nvoid h() {\n" + lines(70) + "}\n")
expect("a long table is no function",
       lint.check_sizes(tree({"core/a.cpp": "const int a[] = {\n" + "  f(1),\n" * 90 + "};\n"})), 0)
both("a long source", lint.check_sizes, "core/a.cpp", "int x;\n" * 501, "int x;\n" * 500)
both("a long test", lint.check_sizes, "tests/core/a.cpp", "int x;\n" * 501, "int x;\n" * 500)

both("a clock", lint.check_purity, "coordinator/a.cpp", "auto now = std::chrono::steady_clock::now();\n",
     "using time_point = std::chrono::steady_clock::time_point;\n")
both("a file", lint.check_purity, "core/a.cpp", "#include <fstream>\n", "#include <string>\n")
both("a file by its name", lint.check_purity, "node/a.cpp",
     "int file = ::open(path, 0);\n", "auto t = index_tree::open(root);\n")
both("a socket", lint.check_purity, "relay/a.cpp", "#include <sys/socket.h>\n", "#include <span>\n")
both("a thread", lint.check_purity, "runtime/a.cpp", "#include <thread>\n", "#include <atomic>\n")
both("a lock", lint.check_purity, "coordinator/a.hpp", "std::mutex guard;\n", "int mutex = 0;\n")
both("the environment", lint.check_purity, "core/a.cpp",
     "auto x = std::getenv(\"A\");\n", "// getenv() is for main()\n")
expect("what a file is let have", lint.check_purity(tree({"core/cancel_token.hpp": "#include <mutex>\n"})), 0)
expect("adapters have all of it", lint.check_purity(tree({"platform/linux/a.cpp": "#include <thread>\n"})), 0)

virtual = "  virtual void f(int a) = 0;\n"
port = "#pragma once\n/// A port.\nclass a {\n public:\n%s  class b {\n    virtual int g() const = 0;\n  };\n};\n"
both("a large port", lint.check_habits, "core/a.hpp", port % (virtual * 7), port % (virtual * 6))
both("a class without contract", lint.check_habits, "core/a.hpp", "#pragma once\nclass a {\n};\n",
     "#pragma once\n/// One.\ntemplate <class T>\nclass a {\n};\n")
both("a header without its guard", lint.check_habits, "core/a.hpp", "int a();\n", "#pragma once\nint a();\n")
both("assert", lint.check_habits, "node/a.cpp", "assert(x);\n", "static_assert(x); GRAPHITE_ASSERT(x);\n")
both("names of a whole namespace", lint.check_habits, "actors/a.cpp", "using namespace caf;\n", "using caf::actor;\n")
both("captures of everything", lint.check_habits, "actors/a.cpp",
     "auto f = [=] { g(); };\n", "auto f = [self, x = 1] { g(); };\n")
both("sleeps in tests", lint.check_habits, "tests/core/a.cpp", "sleep_for(seconds(1));\n", "wait_until(ready);\n")
both("sources by a pattern", lint.check_habits, "core/CMakeLists.txt",
     "file(GLOB all *.cpp)\n", "add_library(a b.cpp)\n")
expect("headers stand alone", lint.check_headers(tree({"core/a.hpp": "std::string f();\n"})), 1)
expect("unfinished words", lint.check_words(tree({"core/a.cpp": "// TO" + "DO later\n"})), 1)
table = "| case | test |\n|---|---|\n| one | %s |\n"
cases = {"tests/core/a_test.cpp": "TEST_F(a, does) {\n}\n", "tests/e2e/b.py": "def it_does():\n    pass\n"}
for name, count in (("`a.does`, `b.it_does`", 0), ("`a.did`", 1), ("`b.it_did`", 1), ("none", 1)):
    expect(f"a table that names {name}", lint.check_tests(tree({**cases, "docs/c.md": table % name})), count)
expect("other tables", lint.check_tests(tree({"docs/c.md": "| test | case |\n|---|---|\n| none | one |\n"})), 0)
print("lint finds what it looks for")
