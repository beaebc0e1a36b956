#!/usr/bin/env python3
"""The public headers compile by themselves, without a warning, in each language that they promise.

  headers.py CC CXX HEADER...

HEADER.h: C11 and C++11, and C++20 as what comes later; HEADER.hpp: C++17 and C++20.
"""
import pathlib
import subprocess
import sys

FLAGS = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-fsyntax-only"]
C, CPP = ["-xc", "-Wstrict-prototypes"], ["-xc++", "-Wold-style-cast"]
LANGUAGES = {".h": [("-std=c11", C), ("-std=c++11", CPP), ("-std=c++20", CPP)],
             ".hpp": [("-std=c++17", CPP), ("-std=c++20", CPP)]}


def problem(compiler, standard, language, header):
    # Included, not compiled: it is no main file. Twice: it must guard itself.
    include = f'#include "{header.name}"\n'
    done = subprocess.run([compiler, standard, *FLAGS, *language, f"-I{header.parent}", "-"], input=2 * include,
                          capture_output=True, text=True)
    return [] if done.returncode == 0 else [f"{header.name} as {standard[5:]}:\n{done.stderr}"]


def main(cc, cxx, *headers):
    found = []
    for header in map(pathlib.Path, headers):
        for standard, language in LANGUAGES[header.suffix]:
            found += problem(cc if language is C else cxx, standard, language, header)
    sys.exit("\n".join(found) if found else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
