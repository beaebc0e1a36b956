#!/usr/bin/env python3
"""A slow action whose input is saved faster than it ends, a broken one, and saves that have nothing to do with them.

    superseding.py [TEST…] [--all]          --all: a minute of saves instead of 15 seconds
"""
import argparse
import itertools
import statistics
import sys
import threading
import time

from support import World, check, equal, main

SLOW_S = 2  # of the slow action: spent asleep, so that it costs nobody a processor
PUBLISHED_EVERY_S = 5
LOADED_S = 2  # more than that on top, because the tests share the machine with others
UNRELATED_S = 1  # nine in ten unrelated saves: those that wait for the slow action take up to SLOW_S

RULES = f'''[project]
name = "superseding"

[[rule]]
name = "slow"
match = ["*.low"]
outputs = ["{{dir}}/{{stem}}.up"]
[rule.command]
argv = ["sleep {SLOW_S}; tr a-z A-Z < \\"$1\\" > \\"$2\\"", "{{in}}", "{{out}}"]
shell = true

[[rule]]
name = "broken"
match = ["*.bad"]
outputs = ["{{in}}.out"]
[rule.command]
argv = ["if ! grep good \\"$1\\" > \\"$2\\"; then echo not one good line >&2; exit 3; fi", "{{in}}", "{{out}}"]
shell = true
'''

options = None


class SlowSaver:
    """Saves the slow action's input every 200 ms until it is told to end."""

    def __init__(self, world):
        self.world, self.ending, self.saved, self.began_at = world, threading.Event(), [], time.monotonic_ns()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        for number in itertools.count():
            self.saved.append(f"save {number}")
            self.world.write("slow.low", self.saved[-1])
            if self.ending.wait(0.2):
                return

    def end(self):
        self.ending.set()
        self.thread.join()


class Reader:
    """A subscriber's swaps: when each showed what."""

    def __init__(self, world):
        self.process, self.slow_at, self.behind = world.subscribe("reader"), [], None

    def wait(self, path):
        """Until a swap shows a new `path`; its time."""
        def accept(event):
            if event.get("event") != "swap":
                return False
            self.behind = event["behind"] or self.behind
            if "slow.up" in event["changed"]:
                self.slow_at.append(event["swapped_at_ns"])
            return path in event["changed"]
        return self.process.wait_for(accept, f"swap that shows {path}")["swapped_at_ns"]


def save_and_wait(world, reader, number):
    """From the save to the swap of a file that nothing depends on, in ns of the monotonic clock."""
    world.write(f"quick/{number % 3}.txt", f"quick {number}")
    saved_at = time.monotonic_ns()
    return saved_at, reader.wait(f"quick/{number % 3}.txt")


def median_ms(spans):
    return statistics.median(end - begin for begin, end in spans) / 1e6


def largest_gap_s(times):
    return max(after - before for before, after in zip(times, times[1:])) / 1e9


def saves_during(world, reader, seconds):
    """Unrelated saves one after the other while the slow input is saved; (their spans, the saver)."""
    saver, spans, end = SlowSaver(world), [], time.monotonic() + seconds
    try:
        for number in itertools.count(1000):
            if time.monotonic() >= end:
                break
            spans.append(save_and_wait(world, reader, number))
            time.sleep(0.1)
    finally:
        saver.end()
    return spans, saver


def a_superseded_action_is_shown_and_delays_nobody():
    seconds = 60 if options.all else 15
    with World(RULES) as world:
        world.write("slow.low", "first")
        world.write("x.bad", "bad")
        world.write("quick/0.txt", "quick")
        world.dev()
        reader = Reader(world)
        reader.wait("slow.up")
        quiet = [save_and_wait(world, reader, number) for number in range(20)]
        reader.slow_at.clear()
        spans, saver = saves_during(world, reader, seconds)
        shown = len(reader.slow_at)
        for begin, end in spans:
            met = sum(begin < at < end for at in reader.slow_at)
            check(met <= 1, f"{met} generations of the slow asset were shown before an unrelated save was")
        check(len(spans) > 2 * shown, f"{len(spans)} unrelated saves were shown, the slow asset {shown} times")
        late = sorted(end - begin for begin, end in spans)[len(spans) * 9 // 10] / 1e9
        check(late <= UNRELATED_S, f"one unrelated save in ten took {late:.2f} s or more")
        check_the_broken_one(world, reader)
        last = saver.saved[-1].upper().encode()
        while (world.current("reader") / "slow.up").read_bytes() != last:
            reader.wait("slow.up")
        gap = largest_gap_s([saver.began_at, *reader.slow_at])
        check(gap <= PUBLISHED_EVERY_S + LOADED_S, f"the slow asset was not shown for {gap:.1f} s")
        print(f"        {len(saver.saved)} saves of the slow input in {seconds} s, shown {shown} times, at most {gap:.1f} s "
              f"apart; unrelated saves: median {median_ms(quiet):.1f} ms before, {median_ms(spans):.1f} ms during "
              f"({len(spans)}), nine in ten within {late * 1e3:.0f} ms", flush=True)


def check_the_broken_one(world, reader):
    """It is listed with its own words, and comes back when its source is mended."""
    listed = {asset["path"]: asset for asset in reader.behind["listed"]}
    equal(listed.get("x.bad.out", {}).get("reason"), "failed", f"the broken asset in {reader.behind}")
    check("not one good line" in listed["x.bad.out"]["message"], f"the tool's words in {listed}")
    world.write("x.bad", "good")
    reader.wait("x.bad.out")
    equal((world.current("reader") / "x.bad.out").read_bytes(), b"good\n", "the mended asset")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    sys.argv[1:] = options.tests
    main([a_superseded_action_is_shown_and_delays_nobody])
