#!/usr/bin/env python3
"""The viewer of examples/viewer without a screen: what it draws is what was published, changed while it runs."""
import json
import os
import pathlib
import random
import re
import signal
import subprocess

import png
from support import World, check, equal, main, skip, wait_until

BUILD = pathlib.Path(os.environ["GRAPHITE_BUILD"])
VIEWER = BUILD / "bin/graphite-viewer"
SOURCE = pathlib.Path(__file__).resolve().parents[2] / "examples/viewer"
SCREENLESS = dict(os.environ, SDL_VIDEODRIVER="dummy")

COLOURS = [(200, 30, 40), (40, 180, 60), (50, 80, 220), (220, 200, 50), (180, 60, 200), (60, 200, 210)]


class Viewer:
    """A viewer that runs until it is stopped; what it showed is read from its log."""

    def __init__(self, world, *arguments, name="viewer"):
        if not VIEWER.exists():
            skip(f"{VIEWER} IS NOT BUILT: SDL2 or libpng was not found at configure time (scripts/setup --dev)")
        self.name, self.log_path, self.picture = name, world.work / f"{name}.log", world.work / f"{name}.png"
        self.child = subprocess.Popen([VIEWER, "--verbose", "--report", "--screenshot", self.picture, *map(str, arguments)],
                                      stdout=subprocess.PIPE, stderr=open(self.log_path, "w"), text=True, env=SCREENLESS)
        world.processes.append(self)

    def log(self):
        return self.log_path.read_text()

    def wait_shown(self, **wanted):
        """Until the counts of a generation that is shown whole are these."""
        def there():
            counts = [{name: int(count) for count, name in re.findall(r"(\d+) (\w+)", line.partition(":")[2])}
                      for line in self.log().splitlines() if line.startswith("shown ")]
            if any(wanted.items() <= found.items() for found in counts):
                return True
            check(self.child.poll() is None, f"{self.name} ended with {self.child.returncode}\n{self.log()}")
            return False
        wait_until(there, f"{wanted} of {self.name}")

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self):
        """Its report, and its last frame."""
        said, _ = self.child.communicate(timeout=60)
        equal(self.child.returncode, 0, f"exit code of {self.name}; {self.log()}")
        return json.loads(said), png.decode(self.picture.read_bytes())


def publish(world, name, data):
    """Written aside and moved in: one change, and never half of it."""
    aside = world.work / "aside.png"
    aside.write_bytes(data)
    (world.root / name).parent.mkdir(parents=True, exist_ok=True)
    os.replace(aside, world.root / name)


def picture_of(frame, report, path):
    """The pixels where the report says that the picture is."""
    at = next((one for one in report["visible"] if one["path"] == path), None)
    check(at is not None, f"{path} is not in {[one['path'] for one in report['visible']]}")
    return {pixel for row in frame[at["y"]:at["y"] + at["height"]] for pixel in row[at["x"]:at["x"] + at["width"]]}


def shows_images_and_what_becomes_of_them():
    with World() as world:
        for i in range(8):
            world.write(f"images/{i}.png", png.plain(COLOURS[i % 3]))
        world.write("note.txt", "no image")
        world.write("damaged.png", b"\x89PNG\r\n\x1a\n but no more of one")
        world.dev()
        viewer = Viewer(world, world.bundle)
        viewer.wait_shown(loaded=9, broken=1)
        publish(world, "images/3.png", png.plain(COLOURS[4]))
        viewer.wait_shown(reloaded=1)
        publish(world, "damaged.png", png.plain(COLOURS[5]))
        viewer.wait_shown(reloaded=2, broken=1)
        publish(world, "images/new.png", png.plain(COLOURS[3]))
        viewer.wait_shown(loaded=10)
        (world.root / "images/0.png").unlink()
        viewer.wait_shown(removed=1)
        publish(world, "other.txt", b"nothing to draw")
        publish(world, "images/1.png", png.plain(COLOURS[3]))
        viewer.wait_shown(reloaded=3)
        report, frame = viewer.stop()
        equal(report["textures"], {"loaded": 10, "reloaded": 3, "removed": 1, "broken": 1}, "textures")
        equal(report["pictures"], 9, "pictures")
        check(6 <= report["generations"] <= report["swaps"] <= 7, f"generations and swaps: {report}")
        shown = {f"images/{i}.png": COLOURS[i % 3] for i in range(2, 8)}
        shown |= {"images/3.png": COLOURS[4], "images/1.png": COLOURS[3], "images/new.png": COLOURS[3],
                  "damaged.png": COLOURS[5]}
        equal({one["path"] for one in report["visible"]}, set(shown), "what is to be seen")
        for path, colour in shown.items():
            equal(picture_of(frame, report, path), {colour}, f"colours of {path}")
        equal(report["frames"] > 0 and report["frame_ms"]["worst"] >= report["frame_ms"]["median"] > 0, True, f"{report}")


def never_mixes_two_generations():
    """Stopped in the middle of a storm of changes, again and again: each picture is one of those that were written."""
    seed = int(os.environ.get("GRAPHITE_TEST_SEED", "7"))
    chance = random.Random(seed)
    with World() as world:
        names = [f"{i:02}.png" for i in range(24)]
        for name in names:
            world.write(name, png.plain(COLOURS[0], 300, 300))
        world.dev()
        images = [png.plain(colour, 300, 300) for colour in COLOURS]
        for run in range(4):
            viewer = Viewer(world, "--uploads", 1, world.bundle, name=f"storm-{run}")
            viewer.wait_shown(loaded=24)
            for _ in range(chance.randrange(10, 60)):
                publish(world, chance.choice(names), chance.choice(images))
            report, frame = viewer.stop()
            for name in names:
                found = picture_of(frame, report, name)
                check(len(found) == 1 and found <= set(COLOURS), f"{name} in run {run} of seed {seed} is {found}")


def subscribes_by_itself_and_ends_after_so_many_frames():
    with World() as world:
        world.write("a.png", png.encode(64, 32, lambda x, y: COLOURS[x * 2 // 64]))
        world.dev()
        viewer = Viewer(world, "--from", world.ready["heads"], "--size", "400x300", world.work / "kept")
        viewer.wait_shown(loaded=1)
        publish(world, "a.png", png.plain(COLOURS[2], 96, 96))
        viewer.wait_shown(reloaded=1)
        report, frame = viewer.stop()
        equal((len(frame[0]), len(frame)), (400, 300), "size")
        equal(picture_of(frame, report, "a.png"), {COLOURS[2]}, "colours")
        report, frame = Viewer(world, "--frames", 20, "--hz", 500, world.bundle, name="short").ended()
        equal(report["frames"], 20, "frames")


def mistakes_are_explained():
    if not VIEWER.exists():
        skip(f"{VIEWER} IS NOT BUILT: SDL2 or libpng was not found at configure time (scripts/setup --dev)")

    def run(*arguments):
        done = subprocess.run([VIEWER, *arguments], capture_output=True, text=True, timeout=60, env=SCREENLESS)
        return done.returncode, done.stdout + done.stderr

    for arguments, code, text in [
            (["--help"], 0, "graphite dev"), ([], 2, "--help"), (["--frames", "many", "x"], 2, "'many'"),
            (["--size", "5", "x"], 2, "1280x720"), (["--shake", "x"], 2, "--shake"), (["--hz"], 2, "--hz"),
            (["a", "b"], 2, "'b'"), (["--from", "nowhere", "/tmp/graphite-viewer-none"], 1, "HOST:PORT")]:
        found, said = run(*arguments)
        equal(found, code, f"exit code of {arguments}: {said}")
        check(text in said, f"{arguments}: {text!r} is not in {said}")


def is_a_project_of_its_own():
    if not VIEWER.exists():
        skip(f"{VIEWER} IS NOT BUILT: SDL2 or libpng was not found at configure time (scripts/setup --dev)")

    def must(*command):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        check(done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
        return done.stdout

    with World() as world:
        prefix, build = world.work / "prefix", world.work / "build"
        must("cmake", "--install", BUILD, "--prefix", prefix, "--component", "runtime")
        must("cmake", "-S", SOURCE, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}")
        must("cmake", "--build", build)
        check("--screenshot" in must(build / "graphite-viewer", "--help"), "its help")


if __name__ == "__main__":
    main([shows_images_and_what_becomes_of_them, never_mixes_two_generations,
          subscribes_by_itself_and_ends_after_so_many_frames, mistakes_are_explained, is_a_project_of_its_own])
