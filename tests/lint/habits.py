"""Habits that can be read off one file: small ports, documented classes, no sleeps, no captures of everything."""
import re

from functions import code_of

VIRTUALS_MAX = 6
# Interfaces that are larger, with how much and why.
LARGER = {
    "core/ports/chunk_store.hpp": 7,     # put, begin, find, read, sync: and hold, fold of what a record makes durable
    "actors/facade.hpp": 11,             # one function a verb of the service
}

# Where a test may wait by the clock: the one function that waits for a condition, and tests over real processes.
MAY_SLEEP = ("tests/support/wait_until.hpp", "tests/live_swap/", "tests/e2e/")

NESTED = re.compile(r"^( +)(?:class|struct) [^;\n]*\{\n.*?^\1\};", re.DOTALL | re.MULTILINE)
CLASS = re.compile(r"^class (\w+)(?: final)?(?: : [^;{]*)?\s*\{")


def large_interfaces(relative, text):
    """More pure virtual functions in a class than a port may have."""
    own = NESTED.sub(lambda found: "\n" * found.group().count("\n"), code_of(text))
    name, count = None, 0
    for number, line in enumerate(own.splitlines() + ["};"], 1):
        if found := re.match(r"^(?:class|struct) (\w+)", line):
            name, begun, count = found.group(1), number, 0
        count += len(re.findall(r"\)(?: const)?(?: noexcept)? = 0;", line))
        if name and line.startswith("};"):
            if count > LARGER.get(relative, VIRTUALS_MAX):
                yield f"{relative}:{begun}: {name} has {count} pure virtual functions: at most {VIRTUALS_MAX}, split it"
            name, count = None, 0


def undocumented_classes(relative, text):
    """Classes of a header that no /// tells of; plain structs may speak for themselves."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not CLASS.match(line):
            continue
        above = number - 1
        while above >= 0 and lines[above].startswith("template"):
            above -= 1
        if above < 0 or not lines[above].startswith("///"):
            name = CLASS.match(line).group(1)
            yield f"{relative}:{number + 1}: {name} has no contract: say what it is, its threads and bounds"


def forbidden(relative, text):
    """Single expressions that have no place in a file of this kind."""
    folder = relative.split("/")[0]
    rules = [(r"(?<!static_)\bassert\s*\(", "assert() is gone in release: GRAPHITE_ASSERT, or a returned error"),
             (r"\busing\s+namespace\s+(?:caf|std)\s*;", "names of a whole namespace clash: name what is used")]
    if folder == "actors":
        rules.append((r"\[\s*=\s*[\],]", "a handler captures names, never all of them"))
    if folder == "tests" and not relative.startswith(MAY_SLEEP):
        rules.append((r"\b(?:sleep_for|sleep_until|u?sleep)\s*\(",
                      "a test waits for a condition (wait_until), not for time"))
    for number, line in enumerate(code_of(text).splitlines(), 1):
        yield from (f"{relative}:{number}: {why}" for what, why in rules if re.search(what, line))


def bad_habits(relative, text):
    """All of them for one C++ file."""
    yield from forbidden(relative, text)
    if relative.endswith(".hpp"):
        if "#pragma once" not in text:
            yield f"{relative}:1: no #pragma once"
        if not relative.startswith("tests/"):
            yield from large_interfaces(relative, text)
            yield from undocumented_classes(relative, text)
