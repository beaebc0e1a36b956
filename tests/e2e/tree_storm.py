#!/usr/bin/env python3
"""A storm of changes, with more of them than the kernel's queue holds, ends as a scan from nothing has it."""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess

from support import PROGRAM, World, bundle_contents, equal, main, run, verify


class RandomTree:
    """Every kind of change to a tree, folders included."""

    def __init__(self, root, outside, seed):
        self.root, self.outside, self.random = str(root), str(outside), random.Random(seed)
        self.folders, self.done, self.tried = [""], 0, 0
        os.makedirs(outside)

    def folder(self):
        return self.random.choice(self.folders)

    def at(self, *parts):
        return os.path.join(self.root, *parts)

    def file(self):
        return self.at(self.folder(), f"f{self.random.randrange(15)}")

    def forget(self, gone):
        self.folders = [f for f in self.folders if f != gone and not f.startswith(gone + "/")]

    def learn(self):
        self.folders = [""] + [os.path.relpath(at, self.root) for at, _, _ in os.walk(self.root)
                               if at != self.root and ".graphite" not in at]

    def work(self, operations):
        until = self.done + operations
        while self.done < until:
            self.done += self.step()

    def step(self):
        """Whether it changed anything."""
        self.tried += 1
        what = self.random.randrange(100)
        try:
            if what < 50:
                with open(self.file(), "w") as file:
                    file.write("x" * self.random.randrange(40) + str(self.tried))
            elif what < 65:
                os.unlink(self.file())
            elif what < 78:
                old, new = self.file(), self.file()
                os.replace(old, new)
                return old != new
            elif what < 86:
                path = os.path.join(self.folder(), f"d{self.random.randrange(6)}")
                if path.count("/") < 4 and len(self.folders) < 60:
                    os.mkdir(self.at(path))
                    self.folders.append(path)
                    return True
                return False
            elif what < 92:
                return self.move_folder()
            elif what < 96:
                return self.move_out_and_in()
            elif len(self.folders) > 30:
                path = self.folder()
                if not path:
                    return False
                shutil.rmtree(self.at(path))
                self.forget(path)
            else:
                return False
        except OSError:
            return False  # it was not there, or something else is
        return True

    def move_folder(self):
        old, new = self.folder(), os.path.join(self.folder(), f"r{self.random.randrange(6)}")
        if not old or new.count("/") >= 4 or (new + "/").startswith(old + "/"):
            return False
        os.rename(self.at(old), self.at(new))
        self.learn()
        return True

    def move_out_and_in(self):
        old, kept = self.folder(), os.path.join(self.outside, f"k{self.random.randrange(4)}")
        if old:
            shutil.rmtree(kept, ignore_errors=True)
            os.rename(self.at(old), kept)
        kept = os.path.join(self.outside, f"k{self.random.randrange(4)}")
        if os.path.isdir(kept):
            os.rename(kept, self.at(self.folder(), f"in{self.random.randrange(4)}"))
        self.learn()
        return bool(old)

    def more_events_than_the_queue_holds(self):
        path = self.at("burst")
        held = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        for i in range(held // 3):  # each makes four
            with open(path, "w") as file:
                file.write(str(i))
            os.unlink(path)


# No rescan heals what an event did not tell.
PROJECT = """[project]
name = "e2e"
[watch]
rescan_ms = 0
[[rule]]
name = "gather"
match = ["all.list"]
outputs = ["{dir}/{stem}.txt"]
[rule.command]
inputs = ["**/f3"]
argv = ["find . -name f3 | LC_ALL=C sort | while read -r f; do echo $f; cat $f; echo; done > \\"$1\\"", "{out}"]
shell = true
"""


def gathered(sources):
    """What the rule makes of these files."""
    parts = [b"./" + name.encode() + b"\n" + sources[name] + b"\n"
             for name in sorted(sources, key=lambda n: b"./" + n.encode()) if name.split("/")[-1] == "f3"]
    return b"".join(parts)


def assets_of(bundle):
    """Path, id, contents' digests, sizes and references of each asset, as the index has them."""
    lines = subprocess.run([PROGRAM, "bundle", "inspect", bundle, "--assets", "--json"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return {one["path"]: one for one in map(json.loads, lines) if one["event"] == "asset"}


def equals_a_scan_from_nothing(world, generation, status):
    """The same files in another project, built by a process that has seen none of it."""
    fresh = world.work / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(world.root, fresh, ignore=shutil.ignore_patterns(".graphite"))
    built = run("build", "-C", fresh, "--json")
    equal(assets_of(world.bundle), assets_of(fresh / ".graphite/bundles/main"), "assets and digests")
    equal(generation["root"], built["generation"]["root"], "root of the index")
    equal((status["sources"], status["assets"]), (built["changed_sources"], built["assets"]), "sources and assets")


def random_work_on_a_tree_with_overflow_ends_as_a_scan_from_nothing():
    with World(PROJECT) as world:
        world.write("all.list", "")
        dev = world.dev()
        tree = RandomTree(world.root, world.work / "outside", 11)
        overflows = 0
        while tree.done < 100_000:
            overflow = tree.done // 10_000 in (2, 5)
            if overflow:
                overflows += 1
                dev.child.send_signal(signal.SIGSTOP)
            tree.work(9_000)
            if overflow:
                tree.more_events_than_the_queue_holds()
            tree.work(1_000)
            if overflow:
                dev.child.send_signal(signal.SIGCONT)
            built = world.build()
            wanted = world.sources()
            del wanted["all.list"]
            equal(bundle_contents(world), {**wanted, "all.txt": gathered(wanted)},
                  f"bundle after {tree.done} operations")
        equals_a_scan_from_nothing(world, built["generation"], run("status", "-C", world.root, "--json"))
        dev.stop()
        verify(world)
        cold = world.build()
        equal((cold["generation"]["root"], cold["changed_sources"], cold["ran"]), (built["generation"]["root"], 0, 0),
              "a cold build of what the rows say")
    print(f"        {tree.done} operations and {overflows} overflows", flush=True)


if __name__ == "__main__":
    main([random_work_on_a_tree_with_overflow_ends_as_a_scan_from_nothing])
