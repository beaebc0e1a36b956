#!/usr/bin/env python3
"""Several channels of one project: what each shows, after the project file has changed, and after a rollback."""
import shutil

from support import World, bundle_contents, check, equal, main, run, wait_until

HEAD = '[project]\nname = "e2e"\n'
MAIN = '\n[[channel]]\nname = "main"\n'
SECOND = '\n[[channel]]\nname = "second"\n'


def shown_by(world, channel):
    return bundle_contents(world, world.root / ".graphite/bundles" / channel)


def only(world, *folders):
    return {name: data for name, data in world.sources().items() if name.startswith(folders)}


def fill(world):
    for i in range(40):
        world.write(f"a/{i}.txt", f"a {i}")
        world.write(f"b/{i}.txt", f"b {i}")


def a_channel_added_later_shows_what_is_there():
    with World(HEAD + MAIN) as world:
        fill(world)
        first = world.build()["generation"]
        world.write("graphite.toml", HEAD + MAIN + SECOND + 'include = ["b/**"]\n')
        equal(world.build()["generation"], first, "the first channel's generation")
        equal(shown_by(world, "second"), only(world, "b/"), "the added channel")
        equal(world.build()["generation"], first, "the generation after another build")


def a_changed_filter_takes_effect():
    with World(HEAD + MAIN + 'exclude = ["b/**"]\n') as world:
        fill(world)
        world.build()
        equal(shown_by(world, "main"), only(world, "a/"), "without b")
        world.write("graphite.toml", HEAD + MAIN + 'exclude = ["a/**"]\n')
        world.build()
        equal(shown_by(world, "main"), only(world, "b/"), "without a")
        world.write("graphite.toml", HEAD + MAIN)
        world.build()
        equal(shown_by(world, "main"), world.sources(), "with all")


def a_running_dev_takes_over_an_added_channel():
    with World(HEAD + MAIN) as world:
        fill(world)
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="a/1.txt")
        world.write("graphite.toml", HEAD + MAIN + SECOND)
        late = world.start("late", "subscribe", "--from", world.ready["heads"], "--into", world.work / "late",
                           "--channel", "second", "--json")
        late.swap_with(changed="b/7.txt")
        equal(world.shown("late"), world.sources(), "the added channel, live")
        world.write("b/7.txt", "edited")
        late.swap_with(changed="b/7.txt")
        reader.swap_with(changed="b/7.txt")


def a_removed_bundle_folder_comes_back():
    with World(HEAD + MAIN + SECOND) as world:
        fill(world)
        world.build()
        shutil.rmtree(world.root / ".graphite/bundles/second")
        world.build()
        equal(shown_by(world, "second"), world.sources(), "the folder that was removed")


BROKEN = '''
[[rule]]
name = "broken"
match = ["*.bad"]
outputs = ["{in}.out"]
[rule.command]
argv = ["exit 3"]
shell = true
'''


def status_tells_of_every_channel():
    with World(HEAD + MAIN + 'exclude = ["**/*.out"]\n' + SECOND + BROKEN) as world:
        world.write("a/x.txt", "x")
        world.write("b/y.bad", "y")
        world.dev()
        world.build(code=1)
        late = world.start("late", "subscribe", "--from", world.ready["heads"], "--into", world.work / "late",
                           "--channel", "second", "--json")
        late.swap_with(changed="a/x.txt")
        status = lambda: run("status", "-C", world.root, "--json")
        wait_until(lambda: sum(one["subscribers"] for one in status()["channels"]) == 1, "the subscriber to be counted")
        now = status()
        equal([(one["name"], one["behind"], one["subscribers"]) for one in now["channels"]],
              [("main", 0, 0), ("second", 1, 1)], "channels")
        for one in now["channels"]:
            check(one["newest"] is not None, f"channel {one['name']} has no generation in status")
        equal([one["channel"] for one in now["subscribers"]], ["second"], "subscribers")


def a_rollback_is_shown_live_and_stays():
    with World(HEAD + MAIN + SECOND) as world:
        world.write("a.txt", "first")
        world.write("b.txt", "untouched")
        dev = world.dev()
        reader = world.subscribe("reader", "--channel", "main")
        reader.swap_with(changed="a.txt")
        first = world.build()["generation"]["sequence"]
        world.write("a.txt", "second")
        reader.swap_with(changed="a.txt")
        world.build()
        done = run("rollback", "main", first, "-C", world.root, "--json")
        event = reader.swap_with(changed="a.txt")
        equal(event["sequence"], done["generation"]["sequence"], "sequence of the swap")
        check(event["sequence"] > first + 1, "a rollback has a new number")
        equal(world.shown("reader"), {"a.txt": b"first", "b.txt": b"untouched"}, "rolled back")
        world.build()
        equal(shown_by(world, "main")["a.txt"], b"first", "the bundle")
        equal(shown_by(world, "second")["a.txt"], b"second", "the other channel")
        dev.stop()
        world.build()
        equal(shown_by(world, "main")["a.txt"], b"first", "after a restart")
        world.write("b.txt", "third")
        world.build()
        equal(shown_by(world, "main"), {"a.txt": b"first", "b.txt": b"third"}, "an edit on top of it")
        world.write("a.txt", "fourth")
        world.build()
        equal(shown_by(world, "main"), world.sources(), "the file edited again")


if __name__ == "__main__":
    main([a_channel_added_later_shows_what_is_there, a_changed_filter_takes_effect,
          a_running_dev_takes_over_an_added_channel, a_removed_bundle_folder_comes_back, status_tells_of_every_channel,
          a_rollback_is_shown_live_and_stays])
