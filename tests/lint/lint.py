#!/usr/bin/env python3
"""Checks of the source tree that a compiler does not make.

  lint.py layers ROOT    includes follow the layer table; third-party headers have one home
  lint.py purity ROOT    the pure folders use no clock, file, socket or thread
  lint.py sizes ROOT     functions of at most 70 lines, members and their lambdas too; sources and tests of at most 500
  lint.py headers ROOT   every header compiles by itself
  lint.py habits ROOT    small ports, documented classes, no sleeps in tests; sources are listed, not globbed
  lint.py words ROOT     no unfinished work in sources and tests
  lint.py tests ROOT     the tests that the docs name are there
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

from functions import long_functions
from habits import bad_habits
from named_tests import unknown_tests
from purity import impure

LINES_MAX = 500
SOURCES = ("core kernels schemas bundle platform transforms coordinator node sim relay streaming predictor "
           "runtime actors gateway bindings cli bench").split()

LAYER_2 = {"core", "kernels", "bundle"}
MAY_INCLUDE = {
    "core": set(),
    "kernels": {"core"},
    "schemas": {"core"},
    "bundle": {"core", "kernels"},
    "platform": {"core", "kernels"},
    # platform/linux also has the durable files and lock helpers that other adapters of this system share.
    "platform/store": {"core", "kernels", "bundle", "platform/linux"},
    "platform/rocksdb": {"core", "kernels", "platform/linux"},
    "platform/mirror": {"core", "kernels", "bundle", "platform/linux"},
    "platform/worker": {"core", "kernels", "platform/linux"},
    "platform/sandbox": {"core", "kernels", "platform/linux"},
    "platform/numa": {"core", "kernels", "platform/linux"},
    "platform/audit": {"core", "platform/linux"},
    "platform/keys": {"core", "bundle", "platform/linux", "platform/crypto"},
    "platform/zmq": {"core", "kernels", "platform/linux/address_text.hpp", "platform/linux/thread_name.hpp"},
    "platform/crypto": {"core", "kernels", "platform/linux/address_text.hpp"},
    "transforms": LAYER_2, "coordinator": LAYER_2, "node": LAYER_2, "relay": LAYER_2,
    "streaming": LAYER_2, "predictor": LAYER_2,
    "sim": {"core", "kernels", "bundle", "schemas", "coordinator", "node"},
    "runtime": {"core", "bundle", "schemas", "streaming", "predictor"},
    "actors": {"core", "kernels", "schemas", "bundle", "transforms", "coordinator", "node", "relay", "streaming",
               "predictor"},
    "gateway": {"core", "schemas", "actors/facade.hpp", "actors/cluster_facade.hpp", "actors/jobs_facade.hpp", "platform/crypto/tls_reasons.hpp",
                "platform/crypto/tls_server.hpp", "platform/linux/owned_fd.hpp", "platform/linux/thread_name.hpp",
                "platform/linux/thread_turns.hpp"},
    "bindings": None, "cli": None, "bench": None,  # may include all
}

# Header prefix -> folders that may include it.
THIRD_PARTY = {
    "caf/": {"actors"},
    "zmq": {"platform/zmq"},
    "capnp/": {"schemas", "gateway"}, "kj/": {"schemas", "gateway"},
    "rocksdb/": {"platform/rocksdb"},
    "hwloc": {"platform/numa"}, "numa": {"platform/numa"},
    "prometheus/": {"platform/metrics"},
    "liburing": {"platform/linux"},
    "hwy/": {"kernels"},
    "openssl/": {"platform/crypto"}, "sodium": {"platform/crypto"},
    "zstd": {"bundle"},
    "spdlog/": {"platform/log"},
    "seccomp": {"platform/worker", "platform/sandbox"},
    "toml++": {"cli", "transforms"}, "CLI/": {"cli"}, "nlohmann/": {"cli", "transforms"},
    "spng": {"transforms"}, "turbojpeg": {"transforms"}, "squish": {"transforms", "bench"}, "stb/": {"transforms"},
    "re2/": {"transforms", "cli"},
    "expat": {"transforms"}, "zlib": {"transforms", "bench"},
    "glslang/": {"transforms"}, "spirv-tools/": {"transforms"}, "spirv_cross/": {"transforms"},
    "sndfile": {"transforms"}, "opus": {"transforms"}, "ogg": {"transforms"}, "soxr": {"transforms"}, "ebur128": {"transforms"},
    "xxhash": {"core"},
    "meshoptimizer": {"transforms"}, "simdjson": {"transforms"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(root, suffixes=(".hpp", ".cpp", ".h"), folders=SOURCES):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes:
                yield path


def unit_of(relative):
    parts = relative.split("/")
    return "/".join(parts[:2]) if parts[0] == "platform" and len(parts) > 2 else parts[0]


def allowed(unit, target):
    permitted = MAY_INCLUDE.get(unit, MAY_INCLUDE.get(unit.split("/")[0]))
    if permitted is None or unit.split("/")[0] == target.split("/")[0] and not unit.startswith("platform/"):
        return True
    target_unit = unit_of(target)
    return target_unit == unit or target in permitted or target_unit in permitted or target.split("/")[0] in permitted


def check_includes(root, path):
    relative = path.relative_to(root).as_posix()
    unit = unit_of(relative)
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        target = found.group(2)
        if target.split("/")[0] in SOURCES and found.group(1) == '"':
            if not allowed(unit, target):
                yield f"{relative}:{number}: {unit} may not include {target}"
        for prefix, homes in THIRD_PARTY.items():
            if found.group(1) == "<" and target.startswith(prefix):
                if unit not in homes and unit.split("/")[0] not in homes and unit.split("/")[0] not in ("bench",):
                    yield f"{relative}:{number}: <{target}> belongs to {', '.join(sorted(homes))}"


def check_layers(root):
    return [problem for path in sources(root) for problem in check_includes(root, path)]


def each_file(root, check, folders=SOURCES):
    """What `check(relative, text)` finds in every C++ file of `folders`."""
    return [problem for path in sources(root, folders=folders)
            for problem in check(path.relative_to(root).as_posix(), path.read_text(errors="replace"))]


def check_purity(root):
    return each_file(root, impure)


def sizes(relative, text):
    if (lines := text.count("\n")) > LINES_MAX:
        yield f"{relative}: {lines} lines: split it"
    yield from (f"{relative}:{line}: function of {length} lines" for line, length in long_functions(text))


def check_sizes(root):
    return each_file(root, sizes, SOURCES + ["tests"])


def check_habits(root):
    globbed = [f"{path.relative_to(root)}: lists its sources by a pattern: name them"
               for folder in SOURCES + ["tests"] for path in sorted((root / folder).rglob("CMakeLists.txt"))
               if re.search(r"file\s*\(\s*GLOB", path.read_text())]
    return globbed + each_file(root, bad_habits, SOURCES + ["tests"])


def compile_header(root, path, flags):
    relative = path.relative_to(root).as_posix()
    done = subprocess.run(["g++", "-std=c++20", "-fsyntax-only", "-x", "c++", f"-I{root}", *flags, "-include", relative,
                           "/dev/null"], cwd=root, capture_output=True, text=True)
    return [] if done.returncode == 0 else [f"{relative} does not compile by itself:\n{done.stderr[:600]}"]


def check_headers(root):
    """Headers of the pure folders; those with third-party includes are compiled by many sources anyway."""
    pure = [p for p in sources(root, (".hpp",))
            if p.relative_to(root).parts[0] in ("core", "kernels", "bundle", "coordinator", "node", "sim", "relay", "runtime",
                                                "transforms")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for found in pool.map(lambda p: compile_header(root, p, []), pure) for problem in found]


UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|not implemented)\b")


def unfinished(relative, text):
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"{relative}:{number}: {line.strip()[:100]}"


def check_words(root):
    return each_file(root, unfinished, SOURCES + ["tests"])


def check_tests(root):
    return list(unknown_tests(root))


CHECKS = {"layers": check_layers, "purity": check_purity, "sizes": check_sizes, "headers": check_headers,
          "habits": check_habits, "words": check_words, "tests": check_tests}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    problems = CHECKS[sys.argv[1]](pathlib.Path(sys.argv[2]).resolve())
    print("\n".join(problems) if problems else f"{sys.argv[1]}: clean")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
