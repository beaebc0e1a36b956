#!/usr/bin/env python3
"""Dies at every named kill point and at random moments; afterwards the next build is right and nothing published is lost.

    crash.py [TEST…] [--all] [--kills N] [--seed S] [--only KILL_POINT]
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import queue
import random
import re
import shutil
import subprocess
import sys
import threading
import time

from support import PROGRAM, World, bundle_contents, check, equal, main, verify, wait_until

UPPER = '''[project]
name = "crash"

[[rule]]
name = "upper"
match = ["*.low"]
outputs = ["{dir}/{stem}.up"]
[rule.command]
argv = ["tr a-z A-Z < \\"$1\\" > \\"$2\\"", "{in}", "{out}"]
shell = true
'''

# Passed by none of the programs in the time of this test; who dies there instead:
ELSEWHERE = {
    # live_swap_tests: a subscriber's log is written anew only when it is long.
    "mirror.before_log_rewrite", "mirror.after_log_rewrite", "mirror.before_log_rename", "mirror.after_log_rename",
    # live_swap_tests: a subscriber without files.
    "bundle.before_sync", "bundle.between_syncs", "bundle.after_sync",
    # store_tests: a start after a crash, and one after somebody removed a segment.
    "store.before_recovery_sync", "store.after_recovery_sync", "store.before_link_back", "store.after_link_back",
    # cache.py: cached results are dropped when there are many.
    "cache.before_rows", "cache.after_rows"}

# Passed when space is taken back, which takes some dead megabytes.
COLLECTING = {"store.after_gc_copy", "store.after_gc_rows", "store.before_unlink", "store.before_seal",
              "store.before_seal_sync", "store.after_seal", "bundle.before_rewrite", "bundle.after_rewrite_sync", "bundle.before_old_head"}

options = None


def kill_points():
    names = pathlib.Path(__file__).parents[2] / "core/kill_point_names.hpp"
    found = re.findall(r'^    "([a-z_.]+)",$', names.read_text(), re.MULTILINE)
    check(len(found) > 20, "the list of kill points was not understood")
    return found


def made_of(sources):
    """What the bundle shows of these sources."""
    return {name[:-3] + "up" if name.endswith(".low") else name: data.upper() if name.endswith(".low") else data
            for name, data in sources.items()}


def newer_or_same(after, seen, what):
    """Nothing published is lost: the generation is still there, or others came on top of it."""
    if seen is None:
        return
    place, before = (after["epoch"], after["sequence"]), (seen["epoch"], seen["sequence"])
    check(place >= before, f"{what}: (epoch, sequence) fell from {before} to {place}")
    kept = place == before and after["root"] == seen["root"]
    check(kept or after["sequence"] > seen["sequence"], f"{what}: generation {before} is lost, {place} took its number")


def check_recovered(world, seen, what):
    built = world.build()
    equal(built["failed"], 0, f"{what}: failed")
    newer_or_same(built["generation"], seen, what)
    equal(bundle_contents(world), made_of(world.sources()), f"{what}: bundle")
    verify(world)
    again = world.build()
    equal((again["ran"], again["generation"]), (0, built["generation"]), f"{what}: a second build")


def fill(world):
    for i in range(12):
        world.write(f"copies/{i}.txt", f"copy {i}")
    for i in range(3):
        world.write(f"made/{i}.low", f"text {i}")
    world.write("large.bin", os.urandom(150_000))


def edits(world, rng):
    """Edits, each after the one before was shown."""
    for i in range(3):
        world.write("copies/1.txt", f"edited {i} {rng.random()}")
        yield "edit"
        world.write("large.bin", rng.randbytes(100_000 + i))
        yield "edit"
        world.write("made/0.low", f"edited {i} {rng.random()}")
        yield "edit"
        world.write("copies/temporary", f"renamed {i} {rng.random()}")
        os.rename(world.root / "copies/temporary", world.root / "copies/2.txt")
        yield "edit"
        for version in ("new", "newer"):  # the other tree has not seen the first
            world.write(f"added/{i}/new.txt", f"{version} {i} {rng.random()}")
            yield "edit"
        os.unlink(world.root / f"added/{i}/new.txt")
        yield "edit"
        time.sleep(0.3)  # the fold's turn
        yield "pause"


def large_edits(world, rng):
    """Enough for three rounds of collection, the second of which copies contents out of the first segment."""
    for _ in range(64):
        world.write("large.bin", rng.randbytes(1 << 20))
        yield "edit"
    time.sleep(0.3)  # the last round's turn
    yield "pause"


class Observer:
    """The newest generation that a process said it had published."""

    def __init__(self, process):
        self.process, self.seen, self.count, self.ready, self.ended = process, None, 0, None, False

    def take(self, timeout):
        try:
            event = self.process.events.get(timeout=timeout)
        except queue.Empty:
            return
        if event is None:
            self.ended = True
        elif event.get("event") == "ready":
            self.ready = event
        elif event.get("event") == "generation":
            self.seen, self.count = event, self.count + 1

    def wait_ready(self):
        while not self.ended and not self.ready:
            self.take(10)

    def wait_until(self, condition, what, deadline_s=20):
        """Ends, too, when the process has died."""
        end = time.monotonic() + deadline_s
        while not self.ended and not condition():
            check(time.monotonic() < end, f"waited {deadline_s} s for {what}\n{self.process.log()}")
            self.take(0.01)

    def rest(self):
        while not self.ended:
            self.take(10)


def swapped(reader):
    """Whether it has told of a swap since it was asked last."""
    found = False
    while True:
        try:
            event = reader.events.get_nowait()
        except queue.Empty:
            return found
        found = found or event is None or event.get("event") == "swap"


def follow_edits(world, watch, script, what):
    """Makes the edits, each when a subscriber shows the one before, until there are no more or `dev` has died."""
    if watch.ended:
        return
    world.ready = watch.ready
    witness = world.subscribe("witness")
    for kind in script:
        if kind == "edit":
            wanted = made_of(world.sources())
            watch.wait_until(lambda: swapped(witness) and world.shown("witness") == wanted,
                             f"an edit to be shown, at {what}")
        if watch.ended:
            break
    witness.stop()


def dev_dies_at(world, name, count, rng):
    """True where it died there; then the state has been checked."""
    dev = world.start("dev", "dev", "-C", world.root, "--json", environment={"GRAPHITE_KILL_AT": f"{name}:{count}"})
    watch = Observer(dev)
    try:
        watch.wait_ready()
        follow_edits(world, watch, (large_edits if name in COLLECTING else edits)(world, rng), f"{name}:{count}")
    finally:
        if dev.child.poll() is None:
            dev.child.terminate()
    watch.rest()
    code = dev.child.wait(timeout=30)
    check(code in (0, -9), f"{name}:{count}: dev ended with {code}\n{dev.log()}")
    if code == -9:
        check_recovered(world, watch.seen, f"dev at {name}:{count}")
    return code == -9


def build_dies_at(world, name, count):
    done = subprocess.run([PROGRAM, "build", "-C", world.root, "--json"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "GRAPHITE_KILL_AT": f"{name}:{count}"}, check=False)
    check(done.returncode in (0, -9), f"{name}:{count}: build ended with {done.returncode}\n{done.stderr[-2000:]}")
    check_recovered(world, None, f"build at {name}:{count}")
    return done.returncode == -9


def publish_often(world):
    """More generations than are kept, so that every later one drops one."""
    for i in range(12):
        world.write("copies/1.txt", f"generation {i}")
        world.build()


def follow_edits_alone(world, reader, script, what):
    """Makes the edits, each when the subscriber that is to die shows the one before, until it has died."""
    for kind in script:
        if kind == "edit":
            wanted = made_of(world.sources())
            wait_until(lambda: reader.child.poll() is not None or world.shown("reader") == wanted,
                       f"an edit to be shown, at {what}")
        if reader.child.poll() is not None:
            return


def subscriber_dies_at(world, name):
    """A subscriber that dies in the midst of its swaps, and one that takes its folder over."""
    hits, rng = {"subscribe": 0}, random.Random(f"{options.seed} {name}")
    dev = world.dev()
    for count in counts():
        reader = world.start("dying", "subscribe", "--from", world.ready["heads"], "--into", world.work / "reader",
                             "--json", environment={"GRAPHITE_KILL_AT": f"{name}:{count}"})
        follow_edits_alone(world, reader, edits(world, rng), f"{name}:{count}")
        try:
            reader.child.wait(timeout=20 if count == 1 else 0.3)  # the last sync's turn
        except subprocess.TimeoutExpired:
            reader.child.terminate()
        died = reader.child.wait(timeout=30) == -9
        hits["subscribe"] += died
        back = world.subscribe("reader")
        wanted = made_of(world.sources())
        world.wait_shown("reader", wanted, f"the folder after a death at {name}:{count}", 20)
        back.stop()
        if not died:
            break
    dev.stop()
    return hits


def counts():
    """From the first pass, which is often at the start, to passes in the midst of the edits."""
    return (1, 2, 3, 5, 9, 17, 33, 65, 129, 257) if options.all else (1, 6)


def die_everywhere_at(name):
    """How often it died there, in `dev` and in `build`."""
    hits = {"dev": 0, "build": 0, "subscribe": 0}
    rng = random.Random(f"{options.seed} {name}")
    with World(UPPER) as world:
        fill(world)
        if name.startswith("mirror."):
            return name, subscriber_dies_at(world, name)
        for count in counts() if options.all else (1,):
            shutil.rmtree(world.root / ".graphite", ignore_errors=True)
            if not build_dies_at(world, name, count):
                break
            hits["build"] += 1
        if name == "bundle.before_unlink":
            publish_often(world)
        for count in counts():
            if not dev_dies_at(world, name, count, rng):
                break
            hits["dev"] += 1
    return name, hits


def every_kill_point_is_survived():
    wanted = [options.only] if options.only else [n for n in kill_points() if n not in ELSEWHERE]
    missed, failed = [], []
    with concurrent.futures.ThreadPoolExecutor(3) as pool:  # they wait more than they work
        for job in [pool.submit(die_everywhere_at, name) for name in wanted]:
            try:
                name, hits = job.result()
            except Exception as problem:
                failed.append(f"{type(problem).__name__}: {problem}")
                continue
            print(f"        {name}: died " + ", ".join(f"{n} times in {who}" for who, n in hits.items() if n), flush=True)
            if not any(hits.values()):
                missed.append(name)
    check(not failed, f"{len(failed)} failed:\n" + "\n".join(failed))
    check(not missed, f"never passed by dev or build: {missed}; put them on the list ELSEWHERE only with a reason")


TWO_CHANNELS = '''[project]
name = "crash"

[[channel]]
name = "main"
exclude = ["kept/**"]

[[channel]]
name = "second"
'''


def expect_both(world, what):
    sources = world.sources()
    main_shows = {name: data for name, data in sources.items() if not name.startswith("kept/")}
    equal(bundle_contents(world), main_shows, f"{what}: channel main")
    equal(bundle_contents(world, world.root / ".graphite/bundles/second"), sources, f"{what}: channel second")


def channels_part_at(name, kind):
    """Dies between two channels' commits, or between a folder's head and its rows; nothing may part for good."""
    for count in range(1, 9):
        with World(TWO_CHANNELS) as world:
            for i in range(60):
                world.write(f"{i}.txt", f"{i} ".ljust(2000, "."))
            world.write("kept/small.txt", "in the second channel only")
            world.build()
            old = world.sources()
            world.write("7.txt", "edited".ljust(2000, "."))
            world.write("kept/small.txt", "edited, too")
            (world.root / "8.txt").unlink()
            if kind == "many":
                for i in range(20, 60):
                    world.write(f"{i}.txt", f"edited {i} ".ljust(2000, "-"))
            done = subprocess.run([PROGRAM, "build", "-C", world.root, "--json"], capture_output=True, timeout=60,
                                  env={**os.environ, "GRAPHITE_KILL_AT": f"{name}:{count}"}, check=False)
            if done.returncode == 0:
                return count - 1
            equal(done.returncode, -9, f"{name}:{count}: how the build ended")
            if count % 2 == 0:  # taken back before anybody looks: also what one channel shows already
                for path, data in old.items():
                    world.write(path, data)
            world.build()
            expect_both(world, f"{kind} at {name}:{count}")
    return count


def two_channels_never_part():
    for kind in ("few", "many"):
        for name in ("journal.before_commit", "journal.after_commit", "fold.after_work", "bundle.after_head"):
            died = channels_part_at(name, kind)
            check(died > 0, f"{kind}: never passed {name}")
            print(f"        {kind}, {name}: died {died} times", flush=True)


class Editor:
    """Saves files at random until it is told to end."""

    def __init__(self, world, rng):
        self.world, self.rng, self.ending = world, random.Random(rng.random()), threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ending.is_set():
            rng, world = self.rng, self.world
            which = rng.randrange(6)
            if which == 0:
                world.write("large.bin", rng.randbytes(rng.randrange(60_000, 400_000)))
            elif which == 1:
                world.write(f"made/{rng.randrange(3)}.low", f"random {rng.random()}")
            elif which == 2:
                (world.root / f"copies/{rng.randrange(12)}.txt").unlink(missing_ok=True)
            else:
                world.write(f"copies/{rng.randrange(12)}.txt", f"random {rng.random()}")
            self.ending.wait(rng.choice((0.001, 0.02, 0.1)))

    def end(self):
        self.ending.set()
        self.thread.join()


class RandomKills:
    def __init__(self, world, rng):
        self.world, self.rng, self.hits = world, rng, collections.Counter()
        self.swapped = None  # the newest swap any subscriber of the folder has printed

    def kill_build(self):
        editor = Editor(self.world, self.rng)
        time.sleep(self.rng.uniform(0, 0.1))
        editor.end()
        build = self.world.start("build", "build", "-C", self.world.root, "--json")
        time.sleep(self.rng.uniform(0, 0.15))
        self.hits["build, after its end" if build.child.poll() is not None else "build, at work"] += 1
        build.kill()

    def follow(self, name="reader"):
        self.readers = getattr(self, "readers", 0) + 1
        return self.world.start(f"{name}-{self.readers}", "subscribe", "--from", self.world.ready["heads"], "--into",
                                self.world.work / name, "--json")

    def take_swaps(self, reader, timeout):
        """Reads what the subscriber has printed; the newest must never fall."""
        try:
            event = reader.events.get(timeout=timeout)
        except queue.Empty:
            return True
        if event is None:
            return False
        if event.get("event") == "swap":
            place = (event["epoch"], event["sequence"])
            check(self.swapped is None or place >= (self.swapped["epoch"], self.swapped["sequence"]),
                  f"a subscriber fell from {self.swapped} to {event}")
            self.swapped = event
        return True

    def kill_dev(self):
        dev = self.world.start("dev", "dev", "-C", self.world.root, "--json")
        if self.rng.random() < 0.3:
            time.sleep(self.rng.uniform(0, 0.1))
            self.hits["dev, starting"] += 1
            dev.kill()
            Observer(dev).rest()
            return None
        self.world.ready = dev.event("ready")
        reader = self.follow()
        editor = Editor(self.world, self.rng)
        time.sleep(self.rng.uniform(0, 0.6))
        watch = Observer(dev)
        dev.kill()
        editor.end()
        watch.rest()
        self.hits["dev, publishing" if watch.count else "dev, ready"] += 1
        reader.kill()
        while self.take_swaps(reader, 10):
            pass
        return watch.seen

    def kill_subscriber(self):
        dev = self.world.start("dev", "dev", "-C", self.world.root, "--json")
        self.world.ready = dev.event("ready")
        reader = self.follow()
        editor = Editor(self.world, self.rng)
        time.sleep(self.rng.uniform(0, 0.5))
        reader.kill()
        before = self.swapped
        while self.take_swaps(reader, 10):
            pass
        self.hits["subscribe, swapping" if self.swapped is not before else "subscribe, starting"] += 1
        time.sleep(self.rng.uniform(0, 0.2))
        editor.end()
        back = self.follow()
        wanted = made_of(self.world.sources())
        self.world.wait_shown("reader", wanted, "a killed subscriber to show the sources", 30)
        dev.kill()
        back.kill()
        while self.take_swaps(back, 10):
            pass
        watch = Observer(dev)
        watch.rest()
        return watch.seen

    def once(self, number):
        seen = self.rng.choice((self.kill_build, self.kill_dev, self.kill_dev, self.kill_subscriber))()
        for published in (seen, self.swapped):
            what = f"kill {number} of seed {options.seed}"
            check_recovered(self.world, published, what)


def random_kills_lose_nothing():
    rng = random.Random(options.seed)
    with World(UPPER) as world:
        fill(world)
        kills = RandomKills(world, rng)
        for number in range(options.kills):
            kills.once(number)
            world.processes.clear()
        print(f"        seed {options.seed}, {options.kills} kills: " +
              ", ".join(f"{count} {where}" for where, count in sorted(kills.hits.items())), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--all", action="store_true", help="many counts at each kill point, 200 random kills")
    parser.add_argument("--kills", type=int, help="random kills (20)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="this kill point alone")
    options = parser.parse_args()
    options.kills = options.kills or (200 if options.all else 20)
    sys.argv[1:] = options.tests
    main([two_channels_never_part, every_kill_point_is_survived, random_kills_lose_nothing])
