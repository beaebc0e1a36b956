#!/usr/bin/env python3
"""The action cache is bounded: what only it keeps goes by least recent use, and its bytes leave the disk."""
import os
import random
import subprocess

from support import PROGRAM, World, bundle_contents, check, disk_bytes, equal, main, run, verify, wait_until

MIB = 1 << 20
KEPT = 8  # generations

UPPER = '''[project]
name = "cache"
{options}

[[rule]]
name = "upper"
match = ["*.low"]
outputs = ["{{dir}}/{{stem}}.up"]
[rule.command]
argv = ["tr a-z A-Z < \\"$1\\" > \\"$2\\"", "{{in}}", "{{out}}"]
shell = true
'''


def project(options=""):
    return World(UPPER.format(options=options))


def state(number, size=MIB):
    """The command's input in one of its states."""
    return random.Random(number).randbytes(size)


def made(data):
    return {"w.up": data.upper()}


def build_states(world, numbers, size=MIB):
    """Of each build what it ran."""
    ran = []
    for i in numbers:
        world.write("w.low", state(i, size))
        ran.append(world.build()["ran"])
    return ran


def the_same_key_gives_the_same_bytes():
    """Also of a tool that writes something else each time it runs."""
    uuid = UPPER.format(options="").replace('tr a-z A-Z < \\"$1\\"', 'cat \\"$1\\" /proc/sys/kernel/random/uuid')
    with World(uuid) as world:
        world.write("w.low", "one ")
        equal(world.build()["ran"], 1, "actions of the first build")
        first = bundle_contents(world)["w.up"]
        check(first.startswith(b"one ") and len(first) == 41, f"what the tool wrote: {first}")
        world.write("w.low", "two ")
        equal(world.build()["ran"], 1, "actions of another input")
        check(bundle_contents(world)["w.up"].startswith(b"two "), "the other input is not shown")
        world.write("w.low", "one ")
        equal(world.build()["ran"], 0, "actions of the first input again")
        equal(bundle_contents(world)["w.up"], first, "the first input's result")
        world.write("other/w.low", "three")
        world.build()
        equal(bundle_contents(world)["w.up"], first, "after another build")


def gc(world, *extra, **kwargs):
    return run("gc", "-C", world.root, "--json", *extra, **kwargs)


def used(world):
    return disk_bytes(world.root / ".graphite")


def check_shown(world, number):
    verify(world)
    equal(bundle_contents(world), made(state(number)), f"the bundle after state {number}")


def what_only_the_cache_keeps_can_be_dropped():
    with project() as world:
        equal(build_states(world, range(30)), [1] * 30, "actions that ran")
        full = used(world)
        would = gc(world, "--cache-bytes", "0", "--dry-run")
        equal((would["event"], would["dry_run"], would["results"], would["results_dropped"]),
              ("gc", True, 30, 30 - KEPT), "the dry run")
        equal(build_states(world, [0]), [0], "actions that ran for an old state after a dry run")
        equal(gc(world, "--cache-bytes", "100 MiB")["results_dropped"], 0, "results dropped within the bound")
        done = gc(world, "--cache-bytes", "0")
        equal((done["results"], done["results_dropped"]), (30, 30 - KEPT), "results")
        equal((done["cache_bytes"], done["cache_bytes_dropped"]), ((30 - KEPT) * MIB, (30 - KEPT) * MIB), "bytes")
        check(done["segments_removed"] > 0 and done["freed_bytes"] > 15 * MIB, f"nothing was freed: {done}")
        check(used(world) < full - 15 * MIB, f"{used(world)} bytes are used, {full} before")
        equal(gc(world, "--cache-bytes", "0")["results_dropped"], 0, "results dropped by a second one")
        equal(build_states(world, [29, 5, 0]), [0, 1, 0], "actions that ran: shown, dropped, shown")
        check_shown(world, 0)
        print(f"        {full / 1e6:.0f} MB used by 30 states, {used(world) / 1e6:.0f} MB by {KEPT}", flush=True)


def builds_keep_the_cache_within_the_bounds_of_the_project():
    bound = 8
    with project('cache_max = "8 MiB"') as world:
        most = 0
        for i in range(70):
            build_states(world, [i])
            most = max(most, used(world))
        live = (KEPT + bound) * MIB
        # Segments of which a quarter lives stay, and as much again as lives may gather before the next round.
        check(most < 4 * live, f"{most / 1e6:.0f} MB were used by 70 states of 1 MiB")
        segments = sorted(p.name for p in (world.root / ".graphite/segments").iterdir())
        check("segment-00000001" not in segments, f"the first segment is still there: {segments}")
        gc(world)
        equal(gc(world)["results"], KEPT + bound, "results that stay")
        check(used(world) < 2 * live + 4 * MIB, f"{used(world) / 1e6:.0f} MB are used after gc")
        last = 70 - KEPT - bound
        equal(build_states(world, [last, last - 1]), [0, 1], "actions that ran for the oldest that stayed, and one before")
        check_shown(world, last - 1)
        print(f"        70 MiB of states, at most {most / 1e6:.0f} MB used", flush=True)


def a_running_service_collects_and_comes_back():
    with project() as world:
        world.write("w.low", state(0))
        dev = world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="w.up")
        for i in range(1, 30):
            world.write("w.low", state(i))
            reader.swap_with(changed="w.up")
        world.build()
        full = used(world)
        check(gc(world, "--cache-bytes", "0", "--dry-run")["results_dropped"] > 15, "the dry run drops nothing")
        done = gc(world, "--cache-bytes", "0")
        check(done["results_dropped"] > 15 and done["freed_bytes"] > 10 * MIB, f"nothing was freed: {done}")
        check(used(world) < full - 10 * MIB, f"{used(world)} bytes are used, {full} before")
        late = world.subscribe("late")
        late.swap_with(changed="w.up")
        equal(world.shown("late"), made(state(29)), "a late joiner")
        late.stop()
        dev.kill()
        world.dev()
        world.write("w.low", state(0))
        wait_until(lambda: world.shown("reader") == made(state(0)), "an old state to be shown after a restart")
        equal(world.build()["failed"], 0, "failed")
        check_shown(world, 0)
        equal(gc(world, "--cache-bytes", "0")["event"], "gc", "the restarted service collects")
        run("stop", "-C", world.root)
        equal(build_states(world, [0, 29]), [0, 0], "actions that ran for what is shown")


HIDDEN = '''
[[rule]]
name = "hidden"
match = ["*.src"]
outputs = ["{stem}.mid"]
publish = false
[rule.command]
argv = ["cat \\"$1\\" \\"$1\\" > \\"$2\\"", "{in}", "{out}"]
shell = true

[[rule]]
name = "user"
match = ["*.use"]
outputs = ["{stem}.out"]
[rule.command]
argv = ["cat \\"$1\\" x.mid > \\"$2\\"", "{in}", "{out}"]
shell = true
inputs = ["x.mid"]
'''


def outputs_that_no_channel_shows_stay_while_actions_read_them():
    for with_service in (False, True):
        with World(HIDDEN) as world:
            for i in range(5):
                world.write("x.src", state(i))
                world.write("a.use", f"a {i}")
                equal(world.build()["failed"], 0, "failed")
            if with_service:
                world.dev()
            done = gc(world, "--cache-bytes", "0")
            check(done["segments_removed"] > 0, f"nothing was freed: {done}")
            world.write("a.use", "once more")
            built = world.build()
            equal((built["ran"], built["failed"]), (1, 0), "actions that ran: only the one that reads the hidden file")
            equal(bundle_contents(world), {"a.out": b"once more" + 2 * state(4)}, "the bundle")


def a_crash_while_results_go_loses_no_truth():
    points = ["cache.before_rows:1", "cache.after_rows:1", "cache.after_rows:5", "store.after_gc_copy:1",
              "store.after_gc_rows:1", "store.before_unlink:1", "bundle.before_rewrite:1", "bundle.after_rewrite_sync:1"]
    with project() as world:
        for at in points:
            first = points.index(at) * 100
            build_states(world, range(first, first + 20), 400_000)
            died = subprocess.run([PROGRAM, "gc", "-C", world.root, "--cache-bytes", "0", "--json"], capture_output=True,
                                  text=True, timeout=60, env={**os.environ, "GRAPHITE_KILL_AT": at}, check=False)
            equal(died.returncode, -9, f"{at}: gc ended\n{died.stderr[-2000:]}")
            for number in (first + 2, first + 19):
                world.write("w.low", state(number, 400_000))
                equal(world.build()["failed"], 0, f"{at}: failed")
                verify(world)
                equal(bundle_contents(world), made(state(number, 400_000)), f"{at}: the bundle")
            gc(world, "--cache-bytes", "0")
            check(used(world) < 2 * KEPT * 400_000 + 4 * MIB, f"{at}: {used(world)} bytes stay")


def mistakes_are_told():
    with project() as world:
        run("gc", "-C", world.root, "--cache-bytes", "lots", code=2)
        run("gc", "-C", world.work, code=2)
        equal(gc(world)["results"], 0, "results of an empty state")
        check("cache_max" in run("gc", "--help"), "the help does not teach the bound")


if __name__ == "__main__":
    main([the_same_key_gives_the_same_bytes, what_only_the_cache_keeps_can_be_dropped,
          builds_keep_the_cache_within_the_bounds_of_the_project, a_running_service_collects_and_comes_back,
          outputs_that_no_channel_shows_stay_while_actions_read_them, a_crash_while_results_go_loses_no_truth, mistakes_are_told])
