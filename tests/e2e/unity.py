#!/usr/bin/env python3
"""The Unity package against the real library, run by Mono: a C# program reads, follows, is disposed of in every order
and loses its domain while bundles are swapped. The engine is replaced by stubs."""
import functools
import json
import os
import pathlib
import re
import subprocess
import tempfile

from csharp import compile_csharp, need_mono, run_csharp
from support import World, check, equal, main, run

BUILD = pathlib.Path(os.environ["GRAPHITE_BUILD"])
ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bindings/unity"
CASES = ROOT / "tests/bindings/unity"
GENERATIONS = 6

_folder = tempfile.TemporaryDirectory(prefix="graphite-csharp-")


@functools.lru_cache(maxsize=None)
def program():
    """The test program with all that it needs, each part with the references that its asmdef names."""
    need_mono()
    out = pathlib.Path(_folder.name)
    runtime = compile_csharp(out / "Graphite.Runtime.dll", [PACKAGE / "Runtime"], unsafe=True)
    stubs = compile_csharp(out / "UnityStubs.dll", [CASES / "UnityStubs.cs"])
    facing = [compile_csharp(out / "Graphite.Editor.dll", [PACKAGE / "Editor"], [runtime, stubs]),
              compile_csharp(out / "Graphite.Samples.HotReload.dll", [PACKAGE / "Samples~/HotReload"],
                             [runtime, stubs])]
    sources = [path for path in CASES.glob("*.cs") if path.name != "UnityStubs.cs"]
    return compile_csharp(out / "unity_test.exe", sources, [runtime, stubs, *facing])


def libraries():
    return next(BUILD.rglob("libgraphite.so")).parent


def case(name, *arguments, **more):
    out = run_csharp(program(), name, *arguments, libraries=libraries(), **more)
    check(more.get("code", 0) != 0 or f"ok {name}" in out, f"{name} printed {out!r}")
    return out


@functools.lru_cache(maxsize=None)
def generations():
    """Exported files; see BundleCases."""
    files = [pathlib.Path(_folder.name) / f"{number}.grph" for number in range(GENERATIONS)]
    with World() as world:
        world.write("empty", "")
        world.write("set/ümläut.txt", "not ASCII")
        for number, file in enumerate(files):
            for asset in range(5):
                world.write(f"set/{asset}.txt", f"generation {number}")
            world.write("big.bin", bytes([number]) * 100_000)
            world.build()
            run("bundle", "export", world.bundle, file)
    return files


def of_files(name):
    """A case over exported generations."""
    def test():
        program()
        case(name, *generations())
    test.__name__ = name
    return test


def of_project(name, *runs):
    """A case, or several in a row, over a project that `graphite dev` follows."""
    def test():
        program()
        with World() as world:
            world.write("a.txt", "0")
            world.write("b.txt", "b")
            world.build()  # so that all of it is there at once
            world.dev()
            for each, code in runs or [(name, 0)]:
                case(each, world.root, world.bundle, world.ready["heads"], code=code)
    test.__name__ = name
    return test


def c_name(name):
    """Of a structure: NativeAtomicBundle is graphite_atomic_bundle."""
    special = {"NativeConfig": "graphite_hot_reload_config"}
    return special.get(name, "graphite" + re.sub("([A-Z])", r"_\1", name[len("Native"):]).lower())


def structures_results_and_functions_are_those_of_the_headers():
    said = [line.split() for line in case("Layout").splitlines()[:-1]]
    lines = {kind: [words[1:] for words in said if words[0] == kind] for kind in ("struct", "member", "function",
                                                                                  "result", "event")}
    check(len(lines["struct"]) >= 11 and len(lines["function"]) >= 30, "the program told too little")
    exported = subprocess.run(["nm", "-D", "--defined-only", libraries() / "libgraphite.so"], capture_output=True,
                              text=True, check=True).stdout
    missing = [name for (name,) in lines["function"] if not re.search(rf"\b{name}\b", exported)]
    equal(missing, [], "functions that the library has not")
    member = {"owner0_": "owner_[0]", "owner1_": "owner_[1]"}
    claims = [(f"sizeof({c_name(name)})", size) for name, size in lines["struct"]]
    claims += [(f"offsetof({c_name(of)}, {member.get(name, name)})", at) for of, name, at in lines["member"]]
    claims += [(f"GRAPHITE_{'ERROR_' if number != '0' else ''}{name.upper()}", number) for number, name in lines["result"]]
    claims += [(f"GRAPHITE_ASSET_{name.upper()}", number) for number, name in lines["event"]]
    text = "#include <stddef.h>\n#include \"graphite.h\"\n" + "".join(
        f"_Static_assert({c} == {csharp}, \"{c}\");\n" for c, csharp in claims)
    done = subprocess.run(["cc", "-std=c11", "-fsyntax-only", f"-I{ROOT / 'bindings/c'}", "-x", "c", "-"], input=text,
                          capture_output=True, text=True)
    equal(done.returncode, 0, f"what the C compiler says: {done.stderr}")


def the_package_is_one_that_the_engine_takes():
    package = json.loads((PACKAGE / "package.json").read_text())
    equal(sorted(package.keys() & {"name", "version", "unity", "displayName"}),
          ["displayName", "name", "unity", "version"], "what package.json must have")
    for sample in package["samples"]:
        check((PACKAGE / sample["path"]).is_dir(), f"no folder for the sample {sample}")
    for path in PACKAGE.rglob("*.asmdef"):
        json.loads(path.read_text())
    # An asset without its .meta is ignored in a package that cannot be written to; folders that end in ~ have none.
    guids = {}
    for path in PACKAGE.rglob("*"):
        if path.suffix == ".meta":
            check(path.with_suffix("").exists(), f"{path} belongs to nothing")
        elif "Samples~" not in path.name:
            meta = path.with_name(path.name + ".meta")
            check(meta.is_file(), f"{path} has no .meta file")
            guid = re.search(r"^guid: ([0-9a-f]{32})$", meta.read_text(), re.MULTILINE)
            check(guid, f"{meta} has no guid")
            check(guid.group(1) not in guids, f"{meta} has the guid of {guids.get(guid.group(1))}")
            guids[guid.group(1)] = meta


TESTS = [
    structures_results_and_functions_are_those_of_the_headers,
    the_package_is_one_that_the_engine_takes,
    *map(of_files, ["Reads", "Views", "AReaderKeepsAViewThatIsDisposedOf", "DisposedBundlesAndAssets",
                    "SwapsUnderReadersAndCollections", "FollowsAFileThatIsReplaced", "ReloadsByHand"]),
    *map(of_project, [
        "FollowsAFolder", "FollowsAChannel", "FetchesOnDemand", "GoesBackAndOn", "HandlesFollowTheirAssets",
        "WhatHandlersThrowComesOutOfPoll", "PollInAHandlerIsBusyAndOfAnotherIsNot", "AThousandSwapsUnderCollections",
        "HooksAreCalledInTheirOrder", "AnAssetThatChangedBackIsLoadedAgain", "ALoadThatIsOvertakenIsNotKept",
        "InAHandler", "InAnyOrder", "ByTheFinaliser", "BesideUsers", "FreesTheFolderOfAChannel",
        "ScriptsAreReloadedWhileBundlesAreSwapped", "ScriptsAreReloadedWhileTheirHandlersBlock",
        "AComponentShowsWhatIsCurrent", "TheEditorImportsWhatChanges"]),
    of_project("AnEndWithoutDisposalIsNoCrash", ("Exits", 0), ("Exits", 0), ("Exits", 0), ("ExitsInAHandler", 7),
               ("NothingIsHeld", 0), ("Dies", -9), ("SomethingIsHeld", 0)),
]

if __name__ == "__main__":
    main(TESTS)
