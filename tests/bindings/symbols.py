#!/usr/bin/env python3
"""What a library exports is what is listed, and what its headers declare.

  symbols.py LIBRARY LIST HEADER...

LIST has a line NAME@@NODE for each function, in order. A symbol that is listed once stays, with its node, as long as the
library's major version: programs that were linked with it ask for both. HEADER: all functions that are marked
GRAPHITE_API in it, or the one that is named by a `#define GRAPHITE_FOLLOW_CHANNEL` (or GRAPHITE_MACHINE_FUNCTIONS), are to be exported and nothing else;
and the comment of each says what it costs.
"""
import pathlib
import re
import subprocess
import sys

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
DECLARED = re.compile(r"\bGRAPHITE_API\b[^;(]*?\b(\w+)\s*\(")
DOCUMENTED = re.compile(r"(?P<comment>/\*(?:(?!\*/).)*\*/)?\n(?P<code>GRAPHITE_API\b[^;]*;)", re.DOTALL)
DEFINED_NAME = re.compile(r"#\s*define\s+(?:GRAPHITE_FOLLOW_CHANNEL|GRAPHITE_MACHINE_FUNCTIONS)\s+(\w+)")


def exported(nm_output):
    """NAME@@NODE of what `nm -D --defined-only` says; without the nodes themselves."""
    rows = [line.split() for line in nm_output.splitlines() if line.strip()]
    return sorted(name for *_, kind, name in rows if kind != "A")


def declared(header):
    """The functions of a header, and what is marked so that no name is found: a mistake."""
    code = COMMENT.sub(" ", header)
    named = DEFINED_NAME.findall(code)
    code = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("#"))
    functions = DECLARED.findall(code)
    return sorted(functions + named), len(re.findall(r"\bGRAPHITE_API\b", code)) - len(functions)


def without_cost(header):
    """The functions whose comment, right before them, does not say what they cost."""
    for found in DOCUMENTED.finditer(header):
        if not re.search(r"\bcosts?\b", found["comment"] or "", re.IGNORECASE):
            yield DECLARED.search(found["code"])[1]


def problems(symbols, listed, functions):
    """`symbols`, `listed`: NAME@@NODE; `functions`: names."""
    names = {symbol.partition("@")[0] for symbol in symbols}
    yield from (f"{one} is exported and not listed" for one in sorted(set(symbols) - set(listed)))
    yield from (f"{one} is listed and not exported" for one in sorted(set(listed) - set(symbols)))
    yield from (f"{one} is declared and not exported" for one in sorted(set(functions) - names))
    yield from (f"{one} is exported and not declared" for one in sorted(names - set(functions)))
    if list(listed) != sorted(set(listed)):
        yield "the list is not in order"
    if len(functions) != len(set(functions)):
        yield "a function is declared twice"


def main(library, listing, *headers):
    output = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", library], check=True,
                            capture_output=True, text=True).stdout
    functions, found = [], []
    for header in headers:
        text = pathlib.Path(header).read_text()
        known, unnamed = declared(text)
        functions += known
        if unnamed != 0 or not known:
            sys.exit(f"{header}: {unnamed} of its declarations cannot be read, {len(known)} can")
        found += [f"{header}: the comment of {one} does not say what it costs" for one in without_cost(text)]
    found += (f"{library}, {listing}: {one}" for one in problems(exported(output), pathlib.Path(listing).read_text().split(), functions))
    sys.exit("\n".join(found) if found else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
