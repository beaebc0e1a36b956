"""Tests that the docs name: every `suite.name` in the column "test" of a table is one, of GoogleTest or of tests/e2e."""
import re

CASE = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)")
DEFINED = re.compile(r"^def (\w+)\(", re.MULTILINE)


def known_tests(root):
    out = {f"{suite}.{name}" for path in (root / "tests").rglob("*_test.cpp")
           for suite, name in CASE.findall(path.read_text(errors="replace"))}
    for path in (root / "tests/e2e").glob("*.py"):
        out |= {f"{path.stem}.{name}" for name in DEFINED.findall(path.read_text())}
    return out


def named(text):
    """(line, names) of each row of a table whose last column is called "test"."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[-1] == "test":
            inside = True
        elif inside and not set(line) <= set("|-: "):
            yield number, re.findall(r"`([^`]+)`", cells[-1])


def unknown_tests(root):
    known = known_tests(root)
    for path in sorted((root / "docs").rglob("*.md")):
        for number, names in named(path.read_text()):
            where = f"{path.relative_to(root)}:{number}"
            if not names:
                yield f"{where}: a row that names no test"
            yield from (f"{where}: there is no test {name}" for name in names if name not in known)
