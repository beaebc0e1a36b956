#!/usr/bin/env python3
"""The main job through the real programs: save a file, see its bytes in a subscriber's `current/`."""
import os
import shutil

from support import World, check, equal, main, run, wait_until

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


SPRITE = '''[project]
name = "e2e"

[[rule]]
name = "sprite"
match = ["*.sprite"]
[[rule.references]]
pattern = 'image "([^"]+)"'
'''


def the_graph_and_why_can_be_asked():
    with World(SPRITE + UPPER.replace('[project]\nname = "e2e"\n', "")) as world:
        world.write("s/tux.sprite", 'image "tux.png"')
        world.write("s/tux.png", "pixels")
        world.write("w.low", "abc")
        world.dev()
        world.build()
        ask = lambda *words: run("graph", *words, "-C", world.root, "--json")["lines"]
        equal(ask("rdeps", "s/tux.png"), ["s/tux.sprite"], "rdeps")
        equal(ask("deps", "s/tux.sprite"), ["s/tux.png"], "deps")
        equal(ask("path", "s/tux.sprite", "s/tux.png"), ["s/tux.sprite", "s/tux.png"], "path")
        equal(ask("cycles"), [], "cycles")
        why = run("why", "w.up", "-C", world.root, "--json")
        equal(why["rule"], "upper", "the rule that made it")
        check(why["key_components"], "why names no component of the key")
        run("why", "nothing/there", "-C", world.root, code=2)
        first = run("status", "-C", world.root, "--json")["channels"][0]["newest"]["sequence"]
        world.write("w.low", "def")
        world.write("new.txt", "n")
        second = world.build()["generation"]["sequence"]
        diff = run("diff", first, second, "-C", world.root, "--json")
        equal((diff["added"], diff["changed"], diff["removed"]), (["new.txt"], ["w.up"], []), "diff")


if __name__ == "__main__":
    main([a_saved_file_is_swapped_into_two_subscribers, add_rename_over_and_delete_are_followed, a_command_rule_converts,
          large_files_arrive_whole, building_twice_runs_nothing_twice, build_attaches_to_dev,
          one_broken_asset_does_not_block_the_rest, a_killed_subscriber_comes_back, a_killed_dev_loses_nothing_published,
          a_second_process_is_told_who_holds_the_state,
          a_changed_project_file_takes_effect_and_a_broken_one_does_not, the_graph_and_why_can_be_asked])
