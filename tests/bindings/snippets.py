#!/usr/bin/env python3
"""The code in the documentation compiles.

  snippets.py CC CXX INCLUDE DOCUMENT...

Every block ```c (C11) and ```cpp (C++17) of a document is compiled, all warnings being errors but those of what nothing
uses, against the headers in INCLUDE. How a block is read:

- one that has a `main`, and one in C that defines any function, is a file;
- every other one is the body of a function, which includes graphite.h or graphite.hpp. Its own #include lines go before
  that function, and a function that begins in the first column of a C++ block is a lambda there: it sees what is
  declared above it;
- what a block uses and the reader has to have himself is declared by a comment right before it, which nobody sees:
      <!-- compiled with: void draw(std::string_view bytes); -->

A document that is a header has its example in its first comment: lines that are indented by three spaces and begin after
an empty one. They are a C body, in which `...` stands for any statement, with `draw` and `reload_texture` of the reader's.
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"(?:^<!-- compiled with: ([^\n]*?) -->\n)?^```(c|cpp)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INCLUDE = re.compile(r"^#include [^\n]*\n", re.MULTILINE)
FUNCTION = re.compile(r"^\w[\w:<>* ]* \*?(\w+)(\([^)\n]*\)) \{([^\n]*\}|.*?\n\})(?=$| +//)", re.DOTALL | re.MULTILINE)
EXAMPLE = re.compile(r"(?:^ \*\n(?:^ \*   [^\n]*\n)+)+", re.MULTILINE)
OF_THE_READER = """#include <stdio.h>
void draw(const void* bytes, uint64_t size);
void reload_texture(const graphite_asset_event* event, void* user_data);
"""
FLAGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-variable", "-Wno-unused-but-set-variable", "-Wno-unused-function",
         "-fsyntax-only"]


def blocks(text):
    """(line, language, what it is compiled with, code) of each."""
    for found in BLOCK.finditer(text):
        yield text.count("\n", 0, found.start(3)) + 1, found[2], found[1] or "", found[3]


def examples(name, header):
    """The same of a header: none or one."""
    comment = header[:header.index("*/")]
    for found in EXAMPLE.finditer(comment):
        lines = [line[5:] for line in found[0].splitlines()]
        code = f"#include <{name}>\n" + "\n".join(lines).replace("...", "(void)0;") + "\n"
        yield comment.count("\n", 0, found.start()) + 1, "c", OF_THE_READER, code


def program(language, given, code):
    if re.search(r"\bmain\s*\(", code) or (language == "c" and FUNCTION.search(code)):
        return f"{given}\n{code}"
    includes = "".join(INCLUDE.findall(code)) or f"#include <graphite.{'h' if language == 'c' else 'hpp'}>\n"
    body = INCLUDE.sub("", code)
    if language == "cpp":
        body = FUNCTION.sub(r"const auto \1 = [&]\2 {\3; (void)\1;", body)
    return f"{includes}{given}\nvoid snippet(void);\nvoid snippet(void) {{\n{body}}}\n"


def problem(compilers, include, name, block):
    line, language, given, code = block
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / f"snippet.{language}"
        source.write_text(program(language, given, code))
        standard = "-std=c11" if language == "c" else "-std=c++17"
        done = subprocess.run([compilers[language], standard, *FLAGS, f"-I{include}", source], capture_output=True, text=True)
    return None if done.returncode == 0 else f"{name}:{line}: the example does not compile:\n{done.stderr}"


def main(cc, cxx, include, *documents):
    every = []
    for document in map(pathlib.Path, documents):
        found = examples(document.name, document.read_text()) if document.suffix == ".h" else blocks(document.read_text())
        every += [(document, block) for block in found]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = [one for one in pool.map(lambda one: problem({"c": cc, "cpp": cxx}, include, *one), every) if one]
    print(f"{len(every)} examples")
    sys.exit("\n".join(found) if found else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
