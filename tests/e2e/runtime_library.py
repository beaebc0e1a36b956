#!/usr/bin/env python3
"""Programs that link libgraphite and follow what `graphite dev` publishes: the C example, killed, on a full disk, away
from the publisher."""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

from support import SmallDisk, World, check, equal, files_below, main, run, wait_until

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


def killed_while_it_stages(kills):
    """SIGKILL at random points of a swap: each restart serves a verified generation, and the last one the newest."""
    seed = int(os.environ.get("GRAPHITE_TEST_SEED", "20"))
    chance = random.Random(seed)
    with World() as world:
        large = chance.randbytes(4 << 20)
        for i in range(40):
            world.write(f"{i}.bin", chance.randbytes(20_000))
        world.write("large.bin", large)
        world.dev()
        kept = world.work / "kept"
        arguments = ("--from", world.ready["heads"], kept, "--check")
        for kill in range(kills):
            follower = Follower(world, "killed", *arguments)
            follower.wait_said("verified")
            # An edit of several assets and of a part of the large one is on its way when it dies.
            for i in chance.sample(range(40), 8):
                world.write(f"{i}.bin", chance.randbytes(20_000))
            at = chance.randrange(len(large) - 100_000)
            large = large[:at] + chance.randbytes(100_000) + large[at + 100_000:]
            world.write("large.bin", large)
            time.sleep(chance.random() * 0.08)  # the point of the kill, and no wait for anything
            follower.kill()
            world.processes.remove(follower)
            check("is not" not in follower.said() and "corrupt" not in follower.said(),
                  f"kill {kill} of seed {seed}: {follower.said()}")
        last = Follower(world, "last", *arguments)
        last.wait_said("verified")
        world.write("end.txt", "the end")
        last.wait_said("added end.txt 7 bytes", f"the newest generation after {kills} kills (seed {seed})")
        last.stop()
        found = world.work / "found"
        run("bundle", "extract", kept, found)
        equal(files_below(found), world.sources(), "what is kept at the end")


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
