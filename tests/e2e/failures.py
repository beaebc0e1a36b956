#!/usr/bin/env python3
"""What a failing action does to the rest: nothing is published, or with -k all but what hangs on it."""
import json
import os
import subprocess

from support import PROGRAM, World, bundle_contents, check, equal, main, run, verify

# "a_" is looked at first; what is made of it by the second rule fails with it.
RULES = '''[project]
name = "e2e"

[[rule]]
name = "convert"
match = ["*.low"]
outputs = ["{dir}/{stem}.up"]
[rule.command]
argv = ["grep -q bad \\"$1\\" && { echo cannot read $1 >&2; exit 3; }; tr a-z A-Z < \\"$1\\" > \\"$2\\"", "{in}", "{out}"]
shell = true

[[rule]]
name = "wrap"
match = ["*.up"]
outputs = ["{stem}.wrapped"]
[rule.command]
argv = ["(echo wrapped; cat \\"$1\\") > \\"$2\\"", "{in}", "{out}"]
shell = true
'''
ACTIONS = 20


def made_of(world):
    """What a build of all that is good gives."""
    wanted = {}
    for name, data in world.sources().items():
        if not name.endswith(".low"):
            wanted[name] = data
        elif b"bad" not in data:
            wanted[name.replace(".low", ".wrapped")] = b"wrapped\n" + data.upper()
    return wanted


def project(world, first):
    world.write("a_0.low", first)
    for i in range(1, ACTIONS):
        world.write(f"b_{i}.low", f"text {i}")
    world.write("plain.txt", "plain")


def build_said(world, *extra):
    """The exit code of a build, its last object, and what it says to people."""
    done = subprocess.run([PROGRAM, "build", "-C", world.root, "--json", *extra], capture_output=True, text=True,
                          timeout=60, check=False)
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, next(one for one in objects if one["event"] == "build"), done.stderr


def errors(event):
    return {one["path"]: one["text"] for one in event["diagnostics"] if one["severity"] == "error"}


def a_failure_stops_the_build_and_nothing_is_published():
    with World(RULES) as world:
        project(world, "bad one")
        code, event, said = build_said(world, "--jobs", "1")
        equal((code, event["generation"]), (1, None), "exit code and generation")
        check(event["failed"] >= 1, f"failed: {event}")
        check(event["ran"] < ACTIONS, f"the build went on after the failure: {event}")
        check("cannot read a_0.low" in errors(event).get("a_0.low", ""), f"the tool's words in {event['diagnostics']}")
        check("cannot read a_0.low" in said, f"the tool's words on standard error: {said}")
        check(not (world.bundle / "head").exists(), "something was published")


def a_failure_leaves_the_generation_before_as_it_was():
    with World(RULES) as world:
        project(world, "good")
        first = world.build()["generation"]
        before = bundle_contents(world)
        equal(before, made_of(world), "all is good")
        world.write("a_0.low", "bad one")
        world.write("b_7.low", "another text")
        world.write("plain.txt", "another plain")
        code, event, _ = build_said(world)
        equal((code, event["generation"]), (1, first), "exit code and generation")
        check(event["behind"] >= 2, f"behind: {event}")
        equal(bundle_contents(world), before, "the bundle after the failure")
        code, event, _ = build_said(world)
        equal((code, event["generation"]), (1, first), "exit code and generation the second time")
        world.write("a_0.low", "good again")
        check(world.build()["generation"]["sequence"] > first["sequence"], "the repaired build has no new generation")
        equal(bundle_contents(world), made_of(world), "after the repair")
        verify(world)


def with_keep_going_all_else_is_built_and_published():
    with World(RULES) as world:
        project(world, "bad one")
        code, event, _ = build_said(world, "-k", "--jobs", "1")
        equal(code, 1, "exit code")
        equal((event["ran"], event["failed"]), (2 * (ACTIONS - 1), 2), "actions that ran and that failed")
        equal(sorted(errors(event)), ["a_0.low", "a_0.wrapped"], "what failed, and what it was wanted for")
        check(event["generation"] is not None, f"nothing was published: {event}")
        equal(bundle_contents(world), made_of(world), "all but what hangs on the failure")
        code, again, _ = build_said(world, "-k")
        equal((code, again["ran"], again["failed"]), (1, 0, 2), "the same again")
        equal(again["generation"], event["generation"], "generation of the same again")
        code, event, _ = build_said(world)
        equal((code, event["generation"]), (1, again["generation"]), "without -k")
        world.write("a_0.low", "good")
        equal(world.build()["ran"], 2, "ran after the repair: what was made before is kept")
        equal(bundle_contents(world), made_of(world), "after the repair")


def what_was_good_before_stays_shown_with_keep_going():
    with World(RULES) as world:
        project(world, "good")
        world.build()
        before = bundle_contents(world)
        world.write("a_0.low", "bad one")
        world.write("b_3.low", "newer")
        event = world.build("-k", code=1)
        equal(event["behind"], 1, "behind")
        equal(bundle_contents(world), {**made_of(world), "a_0.wrapped": before["a_0.wrapped"]}, "shown")


def dev_shows_all_but_the_broken_asset_and_names_it():
    with World(RULES) as world:
        project(world, "good")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="a_0.wrapped")
        world.build()
        before = world.shown("reader")["a_0.wrapped"]
        with_failure = lambda e: e.get("event") == "swap" and e["behind"] and any(
            one["reason"] == "failed" for one in e["behind"]["listed"])
        world.write("a_0.low", "bad one")
        told = reader.wait_for(with_failure, "swap that names the failure")["behind"]
        equal((told["count"], [one["path"] for one in told["listed"]]), (1, ["a_0.wrapped"]), "behind at the subscriber")
        for i in range(1, 4):
            world.write(f"b_{i}.low", f"edit {i}")
            world.write("plain.txt", f"plain {i}")
            reader.swap_with(changed=f"b_{i}.wrapped")
        for extra in ([], ["-k"]):
            event = world.build(*extra, code=1)
            check(event["generation"] is not None, f"a service publishes what is whole: {event}")
            world.wait_shown("reader", {**made_of(world), "a_0.wrapped": before}, f"all else with {extra}", 10)
        status = run("status", "-C", world.root, "--json")
        failed = {one["path"]: one["message"] for one in status["failed"]}
        equal(list(failed), ["a_0.wrapped"], "failed in status")
        check("a_0.up" in failed["a_0.wrapped"], f"what it needs is not named: {failed}")
        why = run("why", "a_0.up", "-C", world.root, "--json")
        equal(why["state"], "failed", "state of what the tool failed for")
        check("cannot read a_0.low" in why["message"], f"the tool's words in why: {why['message']}")
        world.write("a_0.low", "repaired")
        reader.swap_with(changed="a_0.wrapped")
        equal(world.build()["failed"], 0, "failed after the repair")
        equal(run("status", "-C", world.root, "--json")["failed"], [], "failed in status after the repair")
        equal(world.shown("reader"), made_of(world), "after the repair")


CYCLE = "".join(f'''
[[rule]]
name = "{name}"
match = ["*.{source}"]
outputs = ["out/{{stem}}.{made}"]
[rule.command]
argv = ["cat {{in}} > {{out}}"]
shell = true
inputs = ["out/*.{other}"]
''' for name, source, made, other in (("one", "a", "b", "c"), ("two", "d", "c", "b")))


def a_cycle_is_told_with_its_whole_path_and_the_rest_goes_on():
    with World(CYCLE) as world:
        for name in ("x.a", "y.d", "k"):
            world.write(name, name)
        world.dev()
        world.build(code=1)
        cycles = lambda: run("graph", "cycles", "-C", world.root, "--json")["lines"]
        check(len(cycles()) == 1 and all(name in cycles()[0] for name in ("x.a", "y.d")), f"{cycles()}")
        equal(bundle_contents(world), {"k": b"k"}, "what is no part of it")
        os.unlink(world.root / "y.d")
        world.build()
        equal(cycles(), [], "cycles when it is broken")
        equal(bundle_contents(world), {"k": b"k", "out/x.b": b"x.a"}, "then")


if __name__ == "__main__":
    main([a_failure_stops_the_build_and_nothing_is_published, a_failure_leaves_the_generation_before_as_it_was,
          with_keep_going_all_else_is_built_and_published, what_was_good_before_stays_shown_with_keep_going,
          dev_shows_all_but_the_broken_asset_and_names_it,
          a_cycle_is_told_with_its_whole_path_and_the_rest_goes_on])
