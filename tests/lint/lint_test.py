#!/usr/bin/env python3
"""The lint checks find what they look for: each is run over a small tree with one offence."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lint


def tree(files):
    root = pathlib.Path(tempfile.mkdtemp())
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
long = "void f() {\n" + "  x();\n" * 71 + "}\n"
expect("long functions", lint.check_sizes(tree({"core/a.cpp": long})), 1)
expect("functions of 70 lines pass", lint.check_sizes(tree({"core/a.cpp": long.replace("  x();\n", "", 1)})), 0)
expect("headers stand alone", lint.check_headers(tree({"core/a.hpp": "std::string f();\n"})), 1)
expect("unfinished words", lint.check_words(tree({"core/a.cpp": "// TO" + "DO later\n"})), 1)
print("lint finds what it looks for")
