#!/usr/bin/env python3
"""Programs that link libgraphite and follow what `graphite dev` publishes: the C example, killed, on a full disk, away
from the publisher."""
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

from kept_folder import CONTENT, RESERVED, Kept
from support import DEADLINE_S, SmallDisk, World, check, equal, files_below, main, run, wait_until

FOLLOW = pathlib.Path(os.environ["GRAPHITE_BUILD"]) / "bin/follow"


class Follower:
    """The example `follow` in a folder of the world; its lines in a list."""

    def __init__(self, world, name, *arguments):
        self.name, self.lines = name, []
        self.log_path = world.work / f"{name}.log"
        self.output = open(world.work / f"{name}.out", "a+", encoding="utf-8")
        self.begin = self.output.seek(0, os.SEEK_END)
        self.child = subprocess.Popen([FOLLOW, *map(str, arguments)], stdout=self.output, stderr=open(self.log_path, "a"))
        world.processes.append(self)

    def log(self):
        return self.log_path.read_text()

    def said(self):
        with open(self.output.name, encoding="utf-8") as file:
            file.seek(self.begin)
            return file.read()

    def wait_said(self, text, what=None):
        def there():
            if text in self.said():
                return True
            check(self.child.poll() is None, f"{self.name} ended with {self.child.returncode} while waiting for {text!r}\n"
                                             f"{self.said()}{self.log()}")
            return False
        wait_until(there, what or f"{text!r} from {self.name}")

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        equal(self.child.wait(timeout=30), 0, f"exit code of {self.name}; {self.log()}")

    def kill(self):
        self.child.kill()
        self.child.wait()


def follows_a_folder_and_a_channel():
    with World() as world:
        world.write("a.txt", "one")
        world.dev()
        beside = Follower(world, "beside", world.bundle, "--check")
        remote = Follower(world, "remote", "--from", world.ready["heads"], world.work / "kept", "--check")
        for follower in (beside, remote):
            follower.wait_said("ready")
            follower.wait_said("1 assets, 0 added, 0 changed, 0 removed")
        world.write("b.txt", "two two")
        for follower in (beside, remote):
            follower.wait_said("added b.txt 7 bytes")
        world.write("b.txt", "three")
        (world.root / "a.txt").unlink()
        for follower in (beside, remote):
            follower.wait_said("changed b.txt 5 bytes")
            follower.wait_said("removed a.txt 3 bytes")
            check("warning" not in follower.log(), follower.log())
            follower.stop()


def serves_what_it_kept_while_the_publisher_is_away_and_takes_another_lineage():
    with World() as world:
        world.write("a.txt", "one")
        dev = world.dev()
        kept = world.work / "kept"
        first = Follower(world, "first", "--from", world.ready["heads"], kept)
        first.wait_said("1 assets")
        first.stop()
        heads = world.ready["heads"]
        dev.stop()
        alone = Follower(world, "alone", "--from", heads, kept, "--check")
        alone.wait_said("1 assets")
        alone.wait_said("verified")
        # The publisher's state is gone: what it says from now on has a new lineage.
        shutil.rmtree(world.root / ".graphite")
        world.write("a.txt", "of another life")
        world.start("dev2", "dev", "-C", world.root, "--json", "--heads-port", heads.rpartition(":")[2]).event("ready")
        alone.wait_said("changed a.txt 15 bytes")
        check("lineage" in alone.log(), f"not reported: {alone.log()}")
        alone.stop()


def two_programs_in_one_folder_are_refused():
    with World() as world:
        world.write("a.txt", "one")
        world.dev()
        first = Follower(world, "first", "--from", world.ready["heads"], world.work / "kept")
        first.wait_said("ready")
        second = Follower(world, "second", "--from", world.ready["heads"], world.work / "kept")
        equal(second.child.wait(timeout=60), 1, "exit code of the second")
        check("another process" in second.log(), second.log())
        nobody = Follower(world, "nobody", "--from", "nowhere", world.work / "other")
        equal(nobody.child.wait(timeout=60), 1, "exit code with a wrong address")
        check("HOST:PORT" in nobody.log(), nobody.log())


class Kills:
    """A follower that is killed in the midst of swaps, again and again, and what was found after each kill.

    The moments are drawn from how far a swap has come, not from a clock: a machine that is busy with other things
    makes a swap slower, and the kills are spread over it all the same."""

    SMALL, SMALL_BYTES, LARGE_BYTES = 40, 20_000, 16 << 20
    REFETCHED_MAX = 1 << 20  # a chunk that was not whole, lists and pages

    def __init__(self, world, seed):
        self.world, self.seed, self.chance = world, seed, random.Random(seed)
        self.kept = world.work / "kept"
        self.met = self.cut = self.alone = 0
        for i in range(self.SMALL):
            world.write(f"{i}.bin", self.chance.randbytes(self.SMALL_BYTES))
        world.write("large.bin", self.chance.randbytes(self.LARGE_BYTES))
        self.dev = world.dev()
        self.heads = world.ready["heads"]
        self.begin()

    def begin(self):
        self.follower = Follower(self.world, "killed", "--from", self.heads, self.kept, "--check", "--fetched")
        self.follower.wait_said("verified", f"a verified generation (seed {self.seed})")

    def begin_anew(self):
        """Nothing is collected by who is killed so soon: gigabytes would come together."""
        self.follower.stop()
        self.world.processes.remove(self.follower)
        shutil.rmtree(self.kept)
        self.begin()

    def edit(self, kill):
        """Several assets and a large one, of a size that no other kill has; how many bytes, and the large one's."""
        for i in self.chance.sample(range(self.SMALL), 8):
            self.world.write(f"{i}.bin", self.chance.randbytes(self.SMALL_BYTES))
        large = self.LARGE_BYTES + kill + 1
        self.world.write("large.bin", self.chance.randbytes(large))
        return large + 8 * self.SMALL_BYTES, large

    def wait_for_a_point(self, begin, large):
        """Of the swaps that show the edit; what was kept when the last of them began."""
        share, contents = self.chance.random(), self.chance.randrange(1, 10)
        kind = self.chance.choice(("anywhere", "contents", "bytes", "bytes"))
        if kind == "anywhere":
            time.sleep(share * 0.08)  # the point of the kill, and no wait for anything
            return begin

        def reached(staged):
            if kind == "contents":
                return len(staged) >= contents
            return any(r.size == large and r.arrived() >= share * large for r in staged)
        now, end = begin, time.monotonic() + DEADLINE_S
        while not reached(begin.staged()):
            check(time.monotonic() < end, f"no swap began in {DEADLINE_S} s")
            if now.shows_another():
                now = Kept(self.kept)
            time.sleep(0.0002)
        return now

    def kill(self, number):
        begin = Kept(self.kept)
        edited, large = self.edit(number)
        before = self.wait_for_a_point(begin, large)
        self.follower.kill()
        self.world.processes.remove(self.follower)
        self.check_log(number)
        unfinished = [] if before.shows_another() else before.staged()
        self.met += bool(unfinished)
        there = sum(r.arrived() for r in unfinished if r.size == large and r.kind == RESERVED)
        self.restart(number)
        if there > 2 * self.REFETCHED_MAX:
            self.check_only_the_rest_is_fetched(number, large, edited - there)
        wait_until(lambda: any(r.size == large and r.kind == CONTENT for r in begin.staged()), "all of the large content")

    def restart(self, number):
        """What is served then is what was kept. Each fifth time the publisher comes back only afterwards."""
        away = number % 5 == 3
        if away:
            self.dev.kill() if number % 2 else self.dev.stop()
            self.world.processes.remove(self.dev)
            self.alone += 1
        kept = Kept(self.kept).head
        self.begin()
        first = re.search(r"generation (\d+)\.(\d+) of", self.follower.said()).groups()
        equal(tuple(map(int, first)), kept, f"the generation served after kill {number} of seed {self.seed}")
        if away:
            self.dev = self.world.start("dev", "dev", "-C", self.world.root, "--json", "--heads-port",
                                        self.heads.rpartition(":")[2])

    def check_only_the_rest_is_fetched(self, number, large, left):
        self.follower.wait_said(f"changed large.bin {large} bytes")
        fetched = max(map(int, re.findall(r"fetched (\d+) bytes", self.follower.said())))
        check(fetched <= left + self.REFETCHED_MAX,
              f"kill {number} of seed {self.seed}: {fetched} bytes were fetched where {left} were not there")
        self.cut += 1

    def check_log(self, number):
        for word in ("is not", "corrupt", "damaged"):
            for text in (self.follower.said(), self.follower.log()):
                check(word not in text, f"kill {number} of seed {self.seed}: {text}")

    def check_end(self):
        self.world.write("end.txt", "the end")
        self.follower.wait_said("added end.txt 7 bytes", f"the newest generation after all kills (seed {self.seed})")
        self.follower.stop()
        self.check_log("all")
        found = self.world.work / "found"
        run("bundle", "extract", self.kept, found)
        equal(files_below(found), self.world.sources(), "what is kept at the end")


def killed_while_it_stages(kills):
    """SIGKILL at random points of a swap: each restart serves the verified generation that was kept, whether the
    publisher is there or not, and goes on with the one that was cut off; the last one has the newest."""
    with World() as world:
        test = Kills(world, int(os.environ.get("GRAPHITE_TEST_SEED", "20")))
        for number in range(kills):
            if number % 50 == 49:
                test.begin_anew()
            test.kill(number)
        test.check_end()
        print(f"        {test.met} of {kills} kills met an unfinished swap; {test.cut} of these cut off a large content, of which only"
              f" the rest was fetched; {test.alone} restarts without a publisher (seed {test.seed})", flush=True)
        check(test.met >= kills // 10 and test.cut >= kills // 20, "too few kills met an unfinished swap")


def killed_20_times_while_it_stages():
    killed_while_it_stages(20)


def killed_200_times_while_it_stages():
    killed_while_it_stages(200)


def a_full_disk_while_staging_leaves_the_old_generation():
    with World() as world, SmallDisk(world, 48) as disk:
        world.write("a.txt", "one")
        world.dev()
        follower = Follower(world, "disk", "--from", world.ready["heads"], disk.folder / "kept", "--check")
        follower.wait_said("verified")
        disk.fill()
        world.write("large.bin", os.urandom(3 << 20))
        wait_until(lambda: "space" in follower.log(), "the report of a full disk")
        check("large.bin" not in follower.said(), "nothing of it is shown")
        check(follower.child.poll() is None, "it goes on")
        disk.free()
        follower.wait_said("added large.bin 3145728 bytes", "the generation once there is room")
        follower.stop()


if __name__ == "__main__":
    main([follows_a_folder_and_a_channel, serves_what_it_kept_while_the_publisher_is_away_and_takes_another_lineage,
          two_programs_in_one_folder_are_refused, killed_20_times_while_it_stages,
          a_full_disk_while_staging_leaves_the_old_generation],
         when_named=[killed_200_times_while_it_stages])
