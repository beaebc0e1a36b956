#!/usr/bin/env python3
"""The main job through the real programs: save a file, see its bytes in a subscriber's `current/`."""
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import time
import urllib.request

from support import (PROGRAM, Peaks, World, bundle_contents, check, disk_bytes, equal, main, private_bytes, run, verify,
                     wait_until)

UPPER = '''[project]
name = "e2e"

[[rule]]
name = "upper"
match = ["*.low"]
outputs = ["{dir}/{stem}.up"]
[rule.command]
argv = ["tr a-z A-Z < \\"$1\\" > \\"$2\\"", "{in}", "{out}"]
shell = true
'''


def a_saved_file_is_swapped_into_two_subscribers():
    with World() as world:
        world.write("a/one.txt", "first")
        world.dev()
        readers = [world.subscribe("left"), world.subscribe("right")]
        for reader in readers:
            reader.swap_with(changed="a/one.txt")
        world.write("a/one.txt", "second")
        for reader, name in zip(readers, ("left", "right")):
            reader.swap_with(changed="a/one.txt")
            equal((world.current(name) / "a/one.txt").read_bytes(), b"second", name)


def add_rename_over_and_delete_are_followed():
    with World() as world:
        world.write("keep.txt", "kept")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="keep.txt")
        world.write("added/deep/new.txt", "new")
        reader.swap_with(changed="added/deep/new.txt")
        world.write("scratch.tmp", "renamed")
        os.rename(world.root / "scratch.tmp", world.root / "keep.txt")
        reader.swap_with(changed="keep.txt")
        equal((world.current("reader") / "keep.txt").read_bytes(), b"renamed", "renamed over")
        os.unlink(world.root / "added/deep/new.txt")
        reader.swap_with(removed="added/deep/new.txt")
        check(not (world.current("reader") / "added/deep/new.txt").exists(), "the deleted asset is still shown")


def a_command_rule_converts():
    with World(UPPER) as world:
        world.write("t/word.low", "abc")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="t/word.up")
        equal((world.current("reader") / "t/word.up").read_bytes(), b"ABC", "converted")
        world.write("t/word.low", "xyz")
        reader.swap_with(changed="t/word.up")
        equal((world.current("reader") / "t/word.up").read_bytes(), b"XYZ", "converted again")


def large_files_arrive_whole():
    with World() as world:
        world.write("small.txt", "s")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="small.txt")
        data = os.urandom(5_000_000)
        world.write("large.bin", data)
        reader.swap_with(changed="large.bin")
        check((world.current("reader") / "large.bin").read_bytes() == data, "large file differs")
        data = data[:2_000_000] + b"edit" + data[2_000_000:]
        world.write("large.bin", data)
        event = reader.swap_with(changed="large.bin")
        check((world.current("reader") / "large.bin").read_bytes() == data, "edited large file differs")
        check(event["bytes_fetched"] < 2_000_000, f"an edit of 4 bytes fetched {event['bytes_fetched']} bytes")


@contextlib.contextmanager
def large_swap(*mode):
    """Swaps one large asset; the reader's folder may hold the old generation, the change, and some slack."""
    mib = 1 << 20
    large, slack = 192 * mib, 48 * mib
    with World() as world:
        world.write("beside.bin", os.urandom(16 * mib))
        world.write("large.bin", os.urandom(large))
        dev = world.dev()
        reader = world.subscribe("reader", *mode)
        reader.swap_with(changed="large.bin")
        folder = world.work / "reader"
        before = disk_bytes(folder)
        with Peaks(dev=lambda: private_bytes(dev.child.pid), reader=lambda: private_bytes(reader.child.pid),
                   disk=lambda: disk_bytes(folder)) as peaks:
            world.write("large.bin", os.urandom(large))
            reader.swap_with(changed="large.bin")
        print("        peaks in MiB: " + ", ".join(f"{k} {v // mib}" for k, v in peaks.most.items()), flush=True)
        check(peaks.most["dev"] < 2 * slack, "dev holds the asset in memory")
        check(peaks.most["reader"] < 2 * slack, "the subscriber holds the asset in memory")
        check(peaks.most["disk"] <= before + large + slack, "the subscriber's disk holds more than the change")
        yield world, reader, lambda: disk_bytes(folder) <= before + slack


def a_swap_needs_the_old_generation_and_the_change_only():
    with large_swap() as (world, reader, old_is_gone):
        # The folder that is not shown is a generation behind: the next swap lets go of the old one.
        world.write("small.txt", "s")
        reader.swap_with(changed="small.txt")
        wait_until(old_is_gone, "the old generation to leave the disk")


def a_swap_without_files_needs_no_second_copy_either():
    with large_swap("--no-files"):
        pass  # it lets go of the old generation with the next collection


def building_twice_runs_nothing_twice():
    with World(UPPER) as world:
        for i in range(20):
            world.write(f"in/{i}.low", f"text {i}")
        first = world.build()
        equal((first["ran"], first["failed"]), (20, 0), "first build")
        again = world.build()
        equal((again["ran"], again["failed"], again["assets"]), (0, 0, first["assets"]), "second build")
        equal(again["generation"], first["generation"], "generation")
        world.write("in/3.low", "changed")
        equal(world.build()["ran"], 1, "one changed input")
        shutil.copyfile(world.root / "in/4.low", world.root / "in/copy.low")
        world.write("in/3.low", "text 3")
        equal(world.build()["ran"], 1, "an earlier input comes from the cache, a new path does not")
        # What was written just now, or in the future, is read again each time.
        os.utime(world.root / "in/7.low", (time.time() + 1e6,) * 2)
        for _ in range(2):
            again = world.build()
            equal((again["ran"], again["changed_sources"]), (0, 0), "a file with a new time and the same bytes")


def nobody_waits_for_a_reader_of_events_who_does_not_read():
    F_SETPIPE_SZ, edits = 1031, 60
    with World() as world:
        world.write("a.txt", "0")
        dev = subprocess.Popen([PROGRAM, "dev", "-C", world.root, "--json"], bufsize=0, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
        try:
            fcntl.fcntl(dev.stdout, F_SETPIPE_SZ, 4096)
            lines = iter(dev.stdout.readline, b"")
            world.ready = next(event for event in map(json.loads, lines) if event["event"] == "ready")
            reader = world.subscribe("reader")
            for number in range(edits):
                world.write("a.txt", f"edit {number}")
                reader.swap_with(changed="a.txt")
                if (world.current("reader") / "a.txt").read_text() != f"edit {number}":
                    reader.swap_with(changed="a.txt")
            check(dev.poll() is None, "dev has ended")
            last = run("status", "-C", world.root, "--json")["channels"][0]["newest"]["sequence"]
            seen = []
            while last not in seen:
                event = json.loads(dev.stdout.readline())
                seen += [event["sequence"]] if event["event"] == "generation" else []
            equal(seen, list(range(1, last + 1)), "all that waited is there")
            check(last >= edits, f"{last} generations")
            run("stop", "-C", world.root)
            equal(dev.wait(timeout=30), 0, "the exit code")
        finally:
            dev.kill()
            dev.wait()


def build_attaches_to_dev():
    with World() as world:
        world.write("a.txt", "1")
        world.dev()
        world.write("b.txt", "2")
        built = world.build()
        equal(built["assets"], 2, "assets seen by the attached build")
        equal(run("status", "-C", world.root, "--json")["assets"], 2, "assets in status")


def one_broken_asset_does_not_block_the_rest():
    broken = UPPER + '''
[[rule]]
name = "broken"
match = ["*.bad"]
outputs = ["{in}.out"]
[rule.command]
argv = ["echo no good >&2; exit 3"]
shell = true
'''
    with World(broken) as world:
        world.write("ok.txt", "fine")
        world.write("x.bad", "bad")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="ok.txt")
        world.write("ok.txt", "finer")
        reader.swap_with(changed="ok.txt")
        # Nobody has waited for the tool that fails.
        wait_until(lambda: run("status", "-C", world.root, "--json")["failed"], "the failed asset to be told")
        status = run("status", "-C", world.root, "--json")
        equal([f["path"] for f in status["failed"]], ["x.bad.out"], "failed assets")
        check("no good" in status["failed"][0]["message"], "the tool's own words are missing")


def a_killed_subscriber_comes_back():
    with World() as world:
        for i in range(50):
            world.write(f"{i}.txt", str(i))
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="7.txt")
        reader.kill()
        world.write("7.txt", "while away")
        world.build()
        back = world.subscribe("reader")
        wait_until(lambda: (world.current("reader") / "7.txt").read_bytes() == b"while away", "the missed edit")
        world.write("8.txt", "live again")
        back.swap_with(changed="8.txt")


def a_killed_dev_loses_nothing_published():
    with World() as world:
        world.write("a.txt", "1")
        dev = world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="a.txt")
        world.write("a.txt", "2")
        seen = reader.swap_with(changed="a.txt")
        dev.kill()
        world.write("b.txt", "made while nobody watched")
        environment = {"GRAPHITE_HEADS_PORT": world.ready["heads"].rsplit(":", 1)[1],
                       "GRAPHITE_CHUNKS_PORT": world.ready["chunks"].rsplit(":", 1)[1]}
        world.dev(environment=environment)
        swap = reader.swap_with(changed="b.txt")
        check((swap["epoch"], swap["sequence"]) > (seen["epoch"], seen["sequence"]), "(epoch, sequence) fell")
        equal((world.current("reader") / "a.txt").read_bytes(), b"2", "published before the kill")


def a_second_process_is_told_who_holds_the_state():
    with World() as world:
        world.write("a.txt", "1")
        world.dev()
        text = run("dev", "-C", world.root, code=2)
        check(str(world.ready["pid"]) in text, f"no word of process {world.ready['pid']}: {text}")


def a_changed_project_file_takes_effect_and_a_broken_one_does_not():
    with World() as world:
        world.write("t/word.low", "abc")
        dev = world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="t/word.low")
        world.write("graphite.toml", "[project\n")
        broken = dev.wait_for(lambda e: e.get("event") == "diagnostic" and e["level"] == "error", "diagnostic")
        check("graphite.toml:1" in broken["text"], f"no line in: {broken['text']}")
        world.write("graphite.toml", UPPER)
        reader.swap_with(changed="t/word.up")
        equal((world.current("reader") / "t/word.up").read_bytes(), b"ABC", "converted by the new rule")


def a_project_that_begins_to_need_workers_that_are_not_there_goes_on_as_it_was():
    with World() as world:
        world.write("a.json", "[ 1 ]")
        dev = world.dev(environment={"GRAPHITE_WORKER": "/nowhere/worker"})
        reader = world.subscribe("reader")
        reader.swap_with(changed="a.json")
        world.write("graphite.toml", '[project]\nname = "e2e"\n[[rule]]\nname = "t"\nmatch = "*.json"\ntransform = "text"\n')
        broken = dev.wait_for(lambda e: e.get("event") == "diagnostic" and e["level"] == "error", "diagnostic")
        check("there is no /nowhere/worker" in broken["text"], broken["text"])
        world.write("b.json", "[ 2 ]")
        reader.swap_with(changed="b.json")


SPRITE = '''[project]
name = "e2e"

[[rule]]
name = "sprite"
match = ["*.sprite"]
[[rule.references]]
pattern = 'image "([^"]+)"'
'''


def git(world, *words):
    identity = ["-c", "user.name=e2e", "-c", "user.email=e2e@localhost"]
    subprocess.run(["git", "-C", world.root, *identity, *words], check=True, capture_output=True)


def a_commit_can_be_built_instead_of_the_working_tree():
    with World(UPPER) as world:
        world.write("w.low", "abc")
        world.write("copy.txt", "old")
        git(world, "init", "-q")
        git(world, "add", ".")
        git(world, "commit", "-qm", "one")
        world.write("w.low", "changed")
        world.write("copy.txt", "new")
        world.write("more.txt", "more")
        equal(world.build()["assets"], 3, "assets of the working tree")
        past = world.build("--rev", "HEAD")
        equal((past["assets"], past["ran"], past["failed"]), (2, 1, 0), "the commit's build")
        shown = world.work / "shown"
        run("bundle", "extract", past["bundle"], shown)
        equal({p.name: p.read_text() for p in shown.iterdir()}, {"w.up": "ABC", "copy.txt": "old"}, "the commit's assets")
        equal(world.build()["ran"], 0, "actions that ran for the working tree, which was built before")
        equal(world.build("--rev", "HEAD")["ran"], 0, "actions that ran for a commit built before")
        equal([p.name for p in (world.root / ".graphite").iterdir() if p.name.startswith("revision")], [], "folders left")
        world.build("--rev", "nothing", code=2)


def metrics_of(world):
    """Series and their values."""
    with urllib.request.urlopen(f"http://{world.ready['metrics']}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}


def status_and_metrics_tell_of_the_service():
    with World(UPPER) as world:
        world.write("w.low", "abc")
        world.dev()
        world.build()
        status = run("status", "-C", world.root, "--json")
        equal(status["pid"], world.ready["pid"], "the process")
        equal((status["heads"], status["chunks"], status["metrics"]),
              (world.ready["heads"], world.ready["chunks"], world.ready["metrics"]), "addresses")
        equal((status["sources"], status["actions"], status["assets"]), (1, 1, 1), "counts")
        equal((status["running"], status["subscribers"]), ([], []), "what runs and who follows")
        found = metrics_of(world)
        for name, value in {'graphite_actions_total{result="ran"}': 1, 'graphite_actions_total{result="cached"}': 0,
                            "graphite_sources": 1, "graphite_actions": 1, "graphite_actions_stale": 0,
                            "graphite_failed": 0, "graphite_assets_behind": 0, "graphite_subscribers": 0}.items():
            equal(found.get(name), value, name)


def stages(world):
    names = ("notice", "invalidate", "schedule", "build", "publish")
    found = metrics_of(world)
    return {name: found[f'graphite_stage_seconds_count{{stage="{name}"}}'] for name in names}


def every_stage_of_every_change_is_counted():
    with World(UPPER) as world:
        world.write("w.low", "abc")
        world.write("copy.txt", "abc")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="w.up")
        world.build()
        before = stages(world)
        equal(before["notice"], 0, "saves seen at the start, when nothing was watched yet")
        for name in ("invalidate", "schedule", "build", "publish"):
            check(before[name] >= 1, f"stage {name} of the first generation is not counted: {before}")
        for i in range(3):
            world.write("w.low", f"abc {i}")
            reader.swap_with(changed="w.up")
            world.build()
        world.write("copy.txt", "edited")
        reader.swap_with(changed="copy.txt")
        grown = {name: count - before[name] for name, count in stages(world).items()}
        equal(grown, {"notice": 4, "invalidate": 4, "schedule": 3, "build": 3, "publish": 4}, "stages of four edits")


SLOW = '''[project]
name = "e2e"
sandbox_read = ["GATES"]

[[rule]]
name = "slow"
match = ["*.slow"]
outputs = ["{stem}.out"]
[rule.command]
argv = ["while [ ! -e 'GATES/go' ]; do sleep 0.05; done; cp \\"$1\\" \\"$2\\"", "{in}", "{out}"]
shell = true
'''


def status_tells_what_runs_and_who_follows():
    with World() as world:
        gates = world.work / "gates"
        gates.mkdir()
        world.write("graphite.toml", SLOW.replace("GATES", str(gates)))
        world.write("a.txt", "a")
        world.write("b.slow", "b")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="a.txt")
        status = lambda: run("status", "-C", world.root, "--json")
        wait_until(lambda: status()["running"] and status()["subscribers"], "an action that runs and a subscriber")
        now = status()
        equal([(one["rule"], one["path"]) for one in now["running"]], [("slow", "b.slow")], "what runs")
        equal((now["channels"][0]["behind"], now["channels"][0]["subscribers"], now["stale"]), (1, 1, 1), "the channel")
        newest = now["channels"][0]["newest"]
        wait_until(lambda: (status()["subscribers"][0]["epoch"], status()["subscribers"][0]["sequence"]) ==
                   (newest["epoch"], newest["sequence"]), "the subscriber to say what it shows")
        equal(now["subscribers"][0]["channel"], "main", "whom it follows")
        wait_until(lambda: metrics_of(world)["graphite_subscribers"] == 1, "the gauge of subscribers")
        (gates / "go").touch()
        reader.swap_with(changed="b.out")
        world.build()
        now = status()
        equal((now["running"], now["channels"][0]["behind"], now["stale"]), ([], 0, 0), "once it is done")


def saves_under_a_hold_are_one_generation():
    with World("") as world:
        world.write("a.txt", "1")
        process = world.dev()
        world.build()
        first = run("status", "-C", world.root, "--json")["channels"][0]["newest"]
        run("hold", "-C", world.root, "--", "sh", "-c",
            f"echo 2 > '{world.root}/a.txt'; sleep 0.3; echo 2 > '{world.root}/b.txt'")
        held = process.wait_for(lambda e: e.get("event") == "generation" and e["sequence"] > first["sequence"],
                                "generation of the hold")
        equal((held["sequence"], held["changed"]), (first["sequence"] + 1, 2), "what was saved under the hold")


def a_warning_ends_with_its_cause():
    with World("") as world:
        os.mkfifo(world.root / "pipe")
        world.write("level.txt", "x")
        world.dev()
        warned = lambda: [(d["path"], d["severity"]) for d in world.build()["diagnostics"]]
        equal(warned(), [("pipe", "warning")], "warnings at first")
        equal(warned(), [("pipe", "warning")], "warnings while it is there")
        os.unlink(world.root / "pipe")
        equal(warned(), [], "warnings after it is gone")


def why_tells_what_differs(world):
    why = run("why", "w.up", "-C", world.root, "--json")
    equal(why["reason"], "changed: w.low", "the reason")
    equal([one["name"] for one in why["changed"]], ["source w.low"], "what differs")
    old, new = why["changed"][0]["old"], why["changed"][0]["new"]
    check(len(old) == 16 and len(new) == 16 and old != new, f"old and new value: {old} {new}")
    equal((len(why["weak_key"]), len(why["strong_key"])), (64, 64), "keys")
    equal(why["chain"][-1], "w.up", "the chain")
    return why


def the_graph_and_why_can_be_asked():
    with World(SPRITE + UPPER.replace('[project]\nname = "e2e"\n', "")) as world:
        world.write("s/tux.sprite", 'image "tux.png"')
        world.write("s/tux.png", "pixels")
        world.write("w.low", "abc")
        process = world.dev()
        world.build()
        ask = lambda *words: run("graph", *words, "-C", world.root, "--json")["lines"]
        equal(ask("rdeps", "s/tux.png"), ["s/tux.sprite"], "rdeps")
        equal(ask("deps", "s/tux.sprite"), ["s/tux.png"], "deps")
        equal(ask("path", "s/tux.sprite", "s/tux.png"), ["s/tux.sprite", "s/tux.png"], "path")
        equal(ask("cycles"), [], "cycles")
        why = run("why", "w.up", "-C", world.root, "--json")
        equal(why["rule"], "upper", "the rule that made it")
        check(why["key_components"], "why names no component of the key")
        world.write("w.low", "abcd")
        world.build()
        before = why_tells_what_differs(world)
        process.stop()
        process = world.dev()
        equal(why_tells_what_differs(world), before, "the story after a restart")
        run("why", "nothing/there", "-C", world.root, code=2)
        first = run("status", "-C", world.root, "--json")["channels"][0]["newest"]["sequence"]
        world.write("w.low", "def")
        world.write("new.txt", "n")
        second = world.build()["generation"]["sequence"]
        diff = run("diff", first, second, "-C", world.root, "--json")
        equal((diff["added"], diff["changed"], diff["removed"]), (["new.txt"], ["w.up"], []), "diff")


def open_bytes(pid):
    """Of files that the process still maps although they were removed."""
    removed = {}
    for line in open(f"/proc/{pid}/maps"):
        field = line.split()
        if line.rstrip().endswith("(deleted)") and "/.graphite/" in line:
            start, end = (int(x, 16) for x in field[0].split("-"))
            removed[field[4]] = removed.get(field[4], 0) + end - start
    return sum(removed.values())


def dead_segments_are_unlinked():
    """300 MB of edits; what stays on disk is a small multiple of what is shown, in the same process."""
    megabyte, edits = 1 << 20, 300
    with World() as world:
        for i in range(20):
            world.write(f"still/{i}.txt", f"never edited {i}")
        world.write("large.bin", os.urandom(megabyte))
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="large.bin")
        data, most = b"", 0
        for i in range(edits):
            data = os.urandom(megabyte)
            world.write("large.bin", data)
            reader.swap_with(changed="large.bin")
            most = max(most, disk_bytes(world.root / ".graphite"))
        # Eight generations are kept; a segment of which a quarter lives stays; 16 MB are written between two rounds.
        allowed = 4 * 8 * megabyte + 32 * megabyte
        state = world.root / ".graphite"
        wait_until(lambda: disk_bytes(state) < allowed, f"{disk_bytes(state)} bytes of state to become {allowed}", 20)
        check(disk_bytes(world.bundle) < allowed, f"the bundle holds {disk_bytes(world.bundle)} bytes")
        check(most < 2 * allowed, f"at times {most} bytes were used")
        check((world.current("reader") / "large.bin").read_bytes() == data, "the subscriber does not show the last edit")
        late = world.subscribe("late")
        late.swap_with(changed="large.bin")
        equal(world.shown("late"), world.sources(), "a late joiner")
        segments = sorted(p.name for p in (state / "segments").iterdir())
        check("segment-00000001" not in segments, f"the first segment is still there: {segments}")
        world.build()  # answered when the bundle has what the subscribers have
        verify(world)
        equal(bundle_contents(world), world.sources(), "the bundle")
        held = open_bytes(world.ready["pid"])
        check(held < allowed, f"{held} bytes of removed files are still mapped")
        print(f"        {edits} MiB edited, at most {most / 1e6:.0f} MB used, {disk_bytes(state) / 1e6:.0f} MB at the end, "
              f"{len(segments)} segments, {held / 1e6:.0f} MB of removed files mapped", flush=True)


def builds_alone_give_space_back():
    """No `dev` ever runs; what many builds leave is freed by the builds."""
    mib = 1 << 20
    with World() as world:
        world.write("still.txt", "never edited")
        most, edits = 0, 24
        for i in range(edits):
            world.write("large.bin", os.urandom(8 * mib))
            world.build()
            most = max(most, disk_bytes(world.root / ".graphite"))
        # Eight generations are kept, and as much again may gather before the next round.
        check(most < 2 * 8 * 8 * mib + 32 * mib, f"{most / 1e6:.0f} MB of state after {edits} builds of 8 MiB")
        verify(world)
        equal(bundle_contents(world), world.sources(), "the bundle")
        print(f"        {edits * 8} MiB built, at most {most / 1e6:.0f} MB used", flush=True)


if __name__ == "__main__":
    main([a_saved_file_is_swapped_into_two_subscribers, add_rename_over_and_delete_are_followed, a_command_rule_converts,
          large_files_arrive_whole, a_swap_needs_the_old_generation_and_the_change_only,
          a_swap_without_files_needs_no_second_copy_either, building_twice_runs_nothing_twice,
          nobody_waits_for_a_reader_of_events_who_does_not_read, build_attaches_to_dev,
          one_broken_asset_does_not_block_the_rest, a_killed_subscriber_comes_back, a_killed_dev_loses_nothing_published,
          a_second_process_is_told_who_holds_the_state,
          a_changed_project_file_takes_effect_and_a_broken_one_does_not,
          a_project_that_begins_to_need_workers_that_are_not_there_goes_on_as_it_was, the_graph_and_why_can_be_asked,
          a_commit_can_be_built_instead_of_the_working_tree, status_and_metrics_tell_of_the_service,
          every_stage_of_every_change_is_counted, status_tells_what_runs_and_who_follows,
          a_warning_ends_with_its_cause, saves_under_a_hold_are_one_generation, dead_segments_are_unlinked,
          builds_alone_give_space_back])
