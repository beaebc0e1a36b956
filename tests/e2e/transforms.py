#!/usr/bin/env python3
"""Built-in transforms and tools that are kept, through the shipped programs."""
import base64
import json
import os
import re
import signal
import struct
import subprocess
import time

from support import PROGRAM, World, bundle_contents, check, children_of, equal, main, run, verify, workers_of

BUILD = os.environ["GRAPHITE_BUILD"]

TEXT_RULE = '''[project]
name = "e2e"

[[rule]]
name = "texts"
match = ["*.json"]
transform = "text"
'''


def said(world, *extra):
    """Exit code, last object and text for people of a build."""
    done = subprocess.run([PROGRAM, "build", "-C", world.root, "--json", *extra], capture_output=True, text=True,
                          timeout=120, check=False, env=getattr(world, "environment", None))
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, next((one for one in objects if one["event"] == "build"), None), done.stderr


def a_text_is_checked_minified_and_cached():
    with World(TEXT_RULE) as world:
        world.write("a.json", '{ "one": [1, 2.50] }\n')
        code, event, text = said(world)
        equal(code, 0, f"exit code: {text}")
        equal(bundle_contents(world)["a.min.json"], b'{"one":[1,2.50]}', "the minified text")
        world.write("a.json", '{ "one": [1, 2.51] }\n')
        said(world)
        world.write("a.json", '{ "one": [1, 2.50] }\n')
        _, event, _ = said(world)
        equal((event["ran"], event["cached"]), (0, 1), "runs and cached results")
        verify(world)


def a_broken_input_costs_its_own_asset_and_says_why():
    with World(TEXT_RULE) as world:
        world.write("good.json", "[1]")
        world.write("bad.json", "[1,\n 2,,]")
        code, event, text = said(world, "-k")
        equal(code, 1, "exit code")
        equal((event["ran"], event["failed"]), (1, 1), "runs and failures")
        check("bad.json: error: rule texts: line 2" in text, text)
        check("bad.min.json: error: not made: bad.json failed" in text, text)
        equal(text.count("line 2"), 1, f"the mistake, told once: {text}")
        equal(sorted(bundle_contents(world)), ["good.min.json"], "what is shown")


def a_mistake_in_what_makes_two_outputs_is_told_once():
    rule = '[project]\nname = "e2e"\n[[rule]]\nname = "shaders"\nmatch = ["*.frag"]\ntransform = "shader"\n'
    with World(rule) as world:
        world.write("a.frag", "#version 450\nvoid main() { nonsense; }\n")
        for _ in range(2):
            code, _, text = said(world, "-k")
            equal(code, 1, "exit code")
            equal(text.count("undeclared identifier"), 1, f"the mistake, told once: {text}")
            for output in ("a.frag.spv", "a.frag.json"):
                check(f"{output}: error: not made: a.frag failed" in text, text)


def an_option_that_is_none_is_told_with_its_place():
    with World(TEXT_RULE + "[rule.options]\nminfy = false\n") as world:
        done = subprocess.run([PROGRAM, "build", "-C", world.root], capture_output=True, text=True, timeout=60, check=False)
        equal(done.returncode, 2, "exit code")
        check("graphite.toml:9:1" in done.stderr and "did you mean 'minify'" in done.stderr, done.stderr)


def workers_that_are_killed_cost_nothing_but_time():
    """Whoever kills workers, all is made."""
    with World(TEXT_RULE) as world:
        for i in range(300):
            world.write(f"n{i}.json", json.dumps(list(range(i))))
        build = subprocess.Popen([PROGRAM, "build", "-C", world.root, "--json"], stdout=subprocess.PIPE, text=True)
        killed = 0
        while build.poll() is None and killed < 20:
            for pid in workers_of(build.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    pass
            time.sleep(0.002)
        out, _ = build.communicate(timeout=120)
        equal(build.returncode, 0, f"exit code: {out}")
        made = bundle_contents(world)
        equal(len(made), 300, "assets")
        equal(made["n7.min.json"], b"[0,1,2,3,4,5,6]", "a text")


SHOUT_RULE = '''[project]
name = "e2e"
jobs = 1

[[rule]]
name = "loud"
match = ["*.txt"]
outputs = ["{{dir}}/{{stem}}.loud"]
[rule.command]
worker = ["{shout}"]
argv = ["{{in}}", "{{out}}"]
'''


def a_tool_that_is_kept_does_all_actions():
    with World(SHOUT_RULE.format(shout=f"{BUILD}/bin/shout")) as world:
        for i in range(20):
            world.write(f"d/{i}.txt", f"text {i}")
        code, event, text = said(world)
        equal(code, 0, f"exit code: {text}")
        equal(event["ran"], 20, "runs")
        equal(bundle_contents(world)["d/7.loud"], b"TEXT 7", "what the tool wrote")


def the_page_of_transforms_is_what_the_program_writes():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(f"{root}/docs/transforms.md", encoding="utf-8") as file:
        written = file.read()
    equal(run("transforms", "--markdown"), written,
          "docs/transforms.md is not up to date: graphite transforms --markdown > docs/transforms.md")
    pictures = re.findall(r"\]\((images/[^)]+)\)", written)
    check(len(pictures) >= 3, f"pictures: {pictures}")
    for picture in pictures:
        check(os.path.getsize(f"{root}/docs/{picture}") < 60 * 1024, f"{picture} is large")


def a_mesh_says_what_it_leaves_out():
    rule = '[project]\nname = "e2e"\n[[rule]]\nname = "models"\nmatch = ["*.gltf"]\ntransform = "mesh"\n'
    with World(rule) as world:
        corners = base64.b64encode(struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)).decode()
        world.write("a.gltf", json.dumps({
            "asset": {"version": "2.0"}, "nodes": [{"mesh": 0}], "animations": [{}],
            "buffers": [{"byteLength": 36, "uri": "data:application/octet-stream;base64," + corners}],
            "bufferViews": [{"buffer": 0, "byteLength": 36}],
            "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}]}))
        code, event, text = said(world)
        equal((code, event["failed"]), (0, 0), text)
        check("a.gltf" in text and "animations are left out" in text, text)


def a_program_of_the_project_runs_as_an_input():
    rule = ('[project]\nname = "e2e"\n[[rule]]\nname = "by script"\nmatch = ["*.txt"]\noutputs = "{stem}.out"\n'
            '[rule.command]\nargv = ["tools/convert.sh", "{in}", "{out}"]\ninputs = ["tools/convert.sh"]\n')
    with World(rule) as world:
        world.write("a.txt", "text")
        world.write("tools/convert.sh", '#!/bin/sh\ntr a-z A-Z < "$1" > "$2"\n')
        code, _, text = said(world)
        equal(code, 0, text)
        equal(bundle_contents(world)["a.out"], b"TEXT", "what it made")


def other_builds_of_a_library(world, line):
    """A program of workers that finds another build of the text transform's library where `line` says so."""
    library = next(one.split(" ")[2] for one in
                   subprocess.run(["ldd", f"{BUILD}/bin/graphite-worker"], capture_output=True, text=True,
                                  check=True).stdout.splitlines() if "libexpat.so" in one)
    with open(library, "rb") as file:
        world.write("../libraries/" + os.path.basename(library), file.read() + b"another build")
    world.write("../worker.sh", f'#!/bin/sh\n{line} export LD_LIBRARY_PATH="{world.work}/libraries"\n'
                                f'exec "{BUILD}/bin/graphite-worker" "$@"\n')
    os.chmod(f"{world.work}/worker.sh", 0o755)
    return {**os.environ, "GRAPHITE_WORKER": f"{world.work}/worker.sh"}


def another_build_of_a_library_makes_what_it_made_anew():
    with World(TEXT_RULE) as world:
        world.write("a.json", "[1]")
        said(world)
        _, event, text = said(world)
        equal((event["ran"], event["cached"]), (0, 0), f"nothing to do: {text}")
        world.environment = other_builds_of_a_library(world, "")
        _, event, text = said(world)
        equal(event["ran"], 1, f"runs with another library: {text}")
        world.environment = None
        _, event, text = said(world)
        equal((event["ran"], event["cached"]), (0, 1), f"with the first one again: {text}")


def a_library_that_changes_while_it_is_used_is_refused():
    with World(TEXT_RULE) as world:
        world.write("a.json", "[1]")
        world.environment = other_builds_of_a_library(world, 'test "$1" = --libraries ||')
        code, _, text = said(world)
        equal(code, 1, "exit code")
        check("libraries of graphite-worker were changed" in text, text)


def a_worker_program_that_is_none_is_named():
    with World(TEXT_RULE) as world:
        world.write("a.json", "[1]")
        for program, words in (("/nowhere/worker", "there is no /nowhere/worker"), ("/bin/true", "GRAPHITE_WORKER")):
            done = subprocess.run([PROGRAM, "build", "-C", world.root], capture_output=True, text=True, timeout=120,
                                  check=False, env={**os.environ, "GRAPHITE_WORKER": program})
            equal(done.returncode, 2, f"exit code with {program}: {done.stderr}")
            check(words in done.stderr and "built:" not in done.stderr + done.stdout, f"{program}: {done.stderr}")


if __name__ == "__main__":
    main([a_text_is_checked_minified_and_cached, a_broken_input_costs_its_own_asset_and_says_why,
          an_option_that_is_none_is_told_with_its_place,
          a_mistake_in_what_makes_two_outputs_is_told_once, workers_that_are_killed_cost_nothing_but_time,
          a_tool_that_is_kept_does_all_actions, a_mesh_says_what_it_leaves_out,
          a_program_of_the_project_runs_as_an_input, a_worker_program_that_is_none_is_named,
          another_build_of_a_library_makes_what_it_made_anew, a_library_that_changes_while_it_is_used_is_refused,
          the_page_of_transforms_is_what_the_program_writes])
