"""Functions of C++ text and their lengths: at file level, in namespaces and as class members, lambdas with them."""
import re

NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*'       # comments, preprocessor lines
    r'|R"([^()\\\s]{0,16})\((?:.*?)\)\1"'                      # raw strings
    r'|"(?:[^"\\\n]|\\.)*"|(?<![0-9a-fA-F])\'(?:[^\'\\\n]|\\.)+\'',  # strings; characters, but not 1'000
    re.DOTALL | re.MULTILINE)
SCOPE = re.compile(r"^(?:inline\s+|template\s*<.*>\s*)*(namespace|class|struct|union|extern)\b", re.DOTALL)


def code_of(text):
    """`text` with comments, literals and preprocessor lines blanked; lines stay where they are."""
    def blank(found):
        return ('""' if found.group()[0] in "\"'R" else " ") + "\n" * found.group().count("\n")
    return NOISE.sub(blank, text)


def opens(head):
    """What a brace begins that stands after `head`: scope (declarations follow), function or data."""
    head = head.strip()
    parens = re.sub(r"\balignas\s*\([^()]*\)|\[\[.*?\]\]", "", head)
    if SCOPE.match(parens) and "(" not in parens:
        return "scope"
    if re.match(r"enum\b", head) or head.endswith(("=", ",")) or "(" not in parens:
        return "data"
    return "function"


def functions(text):
    """(line of the brace that opens it, lines between its braces) of each function."""
    line, head, inside = 1, "", []  # inside: (kind, line, head before) of each open brace
    for token in re.finditer(r"[{};\n]|[^{};\n]+", code_of(text)):
        token = token.group()
        within = inside[-1][0] if inside else "scope"
        if token == "\n":
            line += 1
            head += " "
        elif token == "{":
            inside.append((opens(head) if within == "scope" else within + " part", line, head))
            head = ""
        elif token == "}" and inside:
            kind, begun, before = inside.pop()
            if kind == "function":
                yield begun, line - begun - 1
            # A member of an initializer list, or a default argument: what it belongs to goes on after it.
            head = before + "{}" if kind in ("function", "data") else ""
        elif token == ";":
            head = ""
        else:
            # A new declaration follows what was closed, unless its list or its body is still to come.
            if head.rstrip().endswith("{}") and token.strip() and not token.strip().startswith((",", ")", "(", "->")):
                head = ""
            head += token
            if re.search(r"\b(public|private|protected)\s*:\s*$", head):
                head = ""


def long_functions(text, limit=70):
    """(line, length) of each function whose body is over `limit` lines."""
    return [(line, length) for line, length in functions(text) if length > limit]
