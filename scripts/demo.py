#!/usr/bin/env python3
"""Drives the main job: build, follow edits into two subscribers, check their bytes, print a table.

Every edit is timed from the moment its close, rename or unlink returned to the moment a subscriber's
`current/` shows it (the `swapped_at_ns` of its swap event); both clocks are CLOCK_MONOTONIC of this machine.
"""
import argparse
import collections
import gzip
import io
import json
import math
import os
import pathlib
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import struct
import tempfile
import threading
import time
import zlib

EDITS = 300
UNDONE = 50
DEADLINE_S = 60


def fail(text):
    raise SystemExit(f"demo: {text}")


class Process:
    """A child that prints one JSON object a line; its events are kept in a queue."""

    def __init__(self, name, command, log_folder):
        self.name = name
        self.log = open(log_folder / f"{name}.log", "w")
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                      start_new_session=True)
        self.events = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def wait_for(self, accept, what, deadline_s=DEADLINE_S):
        deadline = time.monotonic() + deadline_s
        while True:
            try:
                event = self.events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                fail(f"{self.name}: no {what} within {deadline_s} s; see {self.log.name}")
            if event is None:
                fail(f"{self.name} ended while waiting for {what}; see {self.log.name}")
            if accept(event):
                return event

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                fail(f"{self.name} did not end on SIGTERM")


def run_build(program, project):
    done = subprocess.run([program, "build", "-C", project, "--json"], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        fail(f"build ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def change_and_undo(program, project):
    """Changes the inputs of some actions and takes it back; returns how many ran, then were found in the cache."""
    inputs = [p for p in sorted(project.rglob("*.po")) if ".graphite" not in p.parts][:UNDONE]
    before = {path: path.read_bytes() for path in inputs}
    for path, data in before.items():
        path.write_bytes(data + b"\nmsgid \"changed\"\n")
    changed = run_build(program, project)
    for path, data in before.items():
        path.write_bytes(data)
    undone = run_build(program, project)
    if changed["ran"] != len(inputs):
        fail(f"{changed['ran']} actions ran for {len(inputs)} changed inputs")
    if undone["ran"] != 0:
        fail(f"{undone['ran']} actions ran again although their inputs are as they were")
    return changed["ran"], undone["cached"]


def measure_bundle(program, bundle):
    """Verifies the whole bundle; returns what it holds."""
    done = subprocess.run([program, "bundle", "verify", bundle, "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"the bundle is damaged:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


IMAGES = (".png", ".jpg")
SOUNDS = (".wav", ".ogg")


def flat_png(side, color):
    """A picture of one color."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = b"\0" + bytes(color) * side
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(row * side)) + chunk(b"IEND", b""))


def asset_of(source):
    """What the example's rules call the asset made of a source."""
    if source.endswith(IMAGES):
        return source + ".ktx2"
    if source.endswith(SOUNDS):
        return source + ".opus"
    return source + ".gz" if source.endswith(".po") else source


class Editor:
    """Makes edits of several kinds; each returns (kind, changed path or None, removed path or None, clock)."""

    def __init__(self, project, seed):
        self.project = project
        self.random = random.Random(seed)
        files = [p for p in sorted(project.rglob("*")) if p.is_file() and not p.is_symlink() and
                 ".graphite" not in p.parts and p.name != "graphite.toml" and "added" not in p.parts]
        self.small = [p for p in files if p.suffix == ".png" and 0 < p.stat().st_size < 16384]
        self.large = [p for p in files if p.stat().st_size > 1 << 17 and asset_of(p.name) == p.name]
        self.sprites = [p for p in files if p.suffix == ".sprite"]
        self.converted = [p for p in files if p.suffix == ".po"]
        self.added = []
        self.colors = {}
        self.count = 0
        kinds = {"texture, in place": self.small, "large copy, in place": self.large, "sprite": self.sprites,
                 "command input": self.converted}
        for kind, choice in kinds.items():
            if not choice:
                fail(f"the assets hold no file for the kind '{kind}'")

    def _bytes(self, path):
        self.count += 1
        if path.suffix != ".png":
            return path.read_bytes() + f"\n;; edit {self.count}\n".encode()
        self.colors[path] = [self.random.randrange(256) for _ in range(3)]
        return flat_png(self.random.choice((8, 20, 32, 64)), self.colors[path])

    def _in_place(self, path):
        data = self._bytes(path)
        with open(path, "wb") as file:
            file.write(data)
        return time.monotonic_ns()

    def _rename_over(self, path):
        data = self._bytes(path)
        beside = path.with_name(f".{path.name}.tmp")
        beside.write_bytes(data)
        os.rename(beside, path)
        return time.monotonic_ns()

    def edit(self, number):
        kind = number % 7
        pick = self.random.choice
        if kind == 0:
            path = pick(self.small)
            return "texture, in place", path, None, self._in_place(path)
        if kind == 1:
            path = pick(self.large)
            return "large copy, in place", path, None, self._in_place(path)
        if kind == 2:
            path = pick(self.sprites)
            return "sprite", path, None, self._in_place(path)
        if kind == 3:
            path = pick(self.converted)
            return "command input", path, None, self._in_place(path)
        if kind == 4:
            path = pick(self.small)
            return "texture, rename over", path, None, self._rename_over(path)
        if kind == 5 or not self.added:
            path = self.project / "images" / f"demo-{self.count + 1}.png"
            path.parent.mkdir(exist_ok=True)
            clock = self._rename_over(path)
            self.added.append(path)
            return "texture, added", path, None, clock
        path = self.added.pop(0)
        path.unlink()
        return "texture, deleted", None, path, time.monotonic_ns()


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def without_comments(data):
    """What the example's command makes of a translation before it is compressed."""
    return b"".join(line for line in data.splitlines(keepends=True)
                    if not re.match(rb"#[^,\n]", line) and line.rstrip(b"\n") != b"#")


def shown_bytes(current, name):
    """An asset's bytes: those of its parts NAME, NAME~1 … one after the other; None where it is not shown."""
    if not (current / name).exists():
        return None
    out = [(current / name).read_bytes()]
    while (current / f"{name}~{len(out)}").exists():
        out.append((current / f"{name}~{len(out)}").read_bytes())
    return b"".join(out)


def asset_names(folder):
    """The assets that a folder shows."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")
            if path.is_file() and not re.search(r"~\d+$", path.name)}


def texture_size(ktx2):
    """Width and height as the header says; None where it is no KTX2 file whose first level lies in it."""
    if len(ktx2) < 104 or ktx2[:12] != b"\xabKTX 20\xbb\r\n\x1a\n":
        return None
    offset, length = struct.unpack_from("<QQ", ktx2, 80)
    return struct.unpack_from("<II", ktx2, 20) if length > 0 and offset + length <= len(ktx2) else None


def first_color(ktx2):
    """The color of the first pixel of the largest level, of blocks of BC1."""
    offset, = struct.unpack_from("<Q", ktx2, 80)
    first, second, choices = struct.unpack_from("<HHI", ktx2, offset)
    ends = [[(end >> 11) * 255 / 31, (end >> 5 & 63) * 255 / 63, (end & 31) * 255 / 31] for end in (first, second)]
    thirds = {0: (3, 0), 1: (0, 3), 2: (2, 1), 3: (1, 2)} if first > second else {0: (3, 0), 1: (0, 3), 2: (1.5, 1.5), 3: (0, 0)}
    shares = thirds[choices & 3]
    return [(a * shares[0] + b * shares[1]) / 3 for a, b in zip(*ends)]


def is_made_of(name, made, source, color=None):
    """Whether an asset is what the example's rules make of its source's bytes, as far as its own words tell."""
    if made is None:
        return False
    if name.endswith(".gz"):
        return gzip.decompress(made) == without_comments(source)
    if name.endswith(".ktx2"):
        size = texture_size(made)
        if size is None or (source[:4] == b"\x89PNG" and size != struct.unpack_from(">II", source, 16)):
            return False
        return color is None or all(abs(a - b) <= 9 for a, b in zip(first_color(made), color))
    if name.endswith(".opus"):
        return made[:4] == b"OggS" and b"OpusHead" in made[:64]
    return made == source


ADDED = {".spv": lambda made: made[:4] == b"\x03\x02\x23\x07", ".gmesh": lambda made: len(made) > 100,
         ".json": json.loads, ".stl": lambda made: b"supertux-level" in made}


def compare_tree(project, current, assets):
    """`current` shows so many assets, and each is what the rules make of its source."""
    folder = current.resolve()
    names = asset_names(folder)
    sources = {asset_of(str(path.relative_to(project))): path for path in project.rglob("*")
               if path.is_file() and ".graphite" not in path.parts}
    for name in names:
        made = shown_bytes(folder, name)
        if name in sources:
            good = is_made_of(name, made, sources[name].read_bytes())
        else:  # of the folder `added`: several of one source, or with another name
            good = name.startswith("added/") and ADDED[pathlib.Path(name).suffix](made)
        if not good:
            fail(f"{folder / name} is not what its source is made into")
    if len(names) != assets:
        fail(f"{current} shows {len(names)} assets of {assets}")


def follow_edit(editor, number, subscribers, project, folders, samples):
    kind, changed, removed, clock = editor.edit(number)
    name = asset_of(str((changed or removed).relative_to(project)))

    def shows(event):
        return event.get("event") == "swap" and name in (event["changed"] if changed else event["removed"])

    for subscriber, folder in zip(subscribers, folders):
        event = subscriber.wait_for(shows, f"swap of {name} ({kind})")
        made = shown_bytes(folder / "current", name)
        if changed and not is_made_of(name, made, changed.read_bytes(), editor.colors.get(changed)):
            fail(f"{folder / 'current' / name} does not show the edit")
        if removed and made is not None:
            fail(f"{folder / 'current' / name} is still there")
        samples[kind].append((event["swapped_at_ns"] - clock) / 1e6)
        for stage, us in event["stages_us"].items():
            if us is not None:
                samples["stage " + stage].append(us / 1e3)
        samples["bytes"].append(event["bytes_fetched"])


TYPES = {"textures": ".ktx2", "sounds": ".opus", "translations": ".gz"}


def psnr_of(ktx2, source):
    """Of the largest level of blocks of BC1 or BC3, decoded by another library; None where that is not there."""
    try:
        import numpy
        from PIL import Image
    except ImportError:
        return None
    width, height = texture_size(ktx2)
    offset, length = struct.unpack_from("<QQ", ktx2, 80)
    blocks = (width + 3) // 4 * ((height + 3) // 4)
    if length not in (8 * blocks, 16 * blocks):
        return None
    header = struct.pack("<4s7I44x", b"DDS ", 124, 0x81007, height, width, length, 0, 1)
    header += struct.pack("<2I4s10I", 32, 4, b"DXT1" if length == 8 * blocks else b"DXT5", 0, 0, 0, 0, 0, 0x1000, 0, 0, 0, 0)
    made = numpy.asarray(Image.open(io.BytesIO(header + ktx2[offset:offset + length])).convert("RGBA"), dtype=float)
    wanted = numpy.asarray(Image.open(io.BytesIO(source)).convert("RGBA"), dtype=float)
    seen = wanted[..., 3:] > 0  # nobody sees the colors of what is transparent
    if not seen.any():
        return None
    error = (((made - wanted) ** 2) * seen)[..., :3].sum() / (3 * seen.sum())
    return 99.0 if error == 0 else 10 * math.log10(255 * 255 / error)


def measure_types(project, current):
    """Files, bytes before and after, and what is known of the quality, by type."""
    folder = current.resolve()
    out = []
    for kind, end in TYPES.items():
        names = sorted(name for name in asset_names(folder) if name.endswith(end) and (project / name[:-len(end)]).exists())
        before = sum((project / name[:-len(end)]).stat().st_size for name in names)
        after = sum(len(shown_bytes(folder, name)) for name in names)
        quality = ""
        if kind == "textures":
            sample = random.Random(1).sample(names, min(100, len(names)))
            values = [psnr_of(shown_bytes(folder, name), (project / name[:-len(end)]).read_bytes()) for name in sample]
            values = sorted(value for value in values if value is not None)
            quality = (f"PSNR of {len(values)} of them: median {values[len(values) // 2]:.1f} dB, least {values[0]:.1f} dB"
                       if values else "PSNR not measured: python3-pil and python3-numpy are missing")
        out.append((kind, len(names), before, after, quality))
    return out


def print_types(types):
    print(f"\n{'made':<14}{'files':>7}{'MB before':>11}{'MB after':>10}")
    for kind, files, before, after, quality in types:
        print(f"{kind:<14}{files:>7}{before / 1e6:>11.1f}{after / 1e6:>10.1f}  {quality}")


def print_table(built, again, cache, bytes_in, held, edits_seconds, samples):
    kinds = [k for k in samples if not k.startswith("stage ") and k != "bytes"]
    everything = [v for k in kinds for v in samples[k]]
    print(f"\nassets     {held['assets']} in {held['contents']} contents and {held['chunks']} chunks, all verified")
    print(f"bytes      {bytes_in / 1e6:.1f} MB of sources in, {held['bytes'] / 1e6:.1f} MB of contents out")
    print(f"build      {built['ran']} actions ran in {built['seconds']:.2f} s; "
          f"again: {again['ran']} ran in {again['seconds']:.2f} s")
    print(f"cache      {cache[0]} actions ran for changed inputs; {cache[1]} hits when the change was undone")
    print(f"edits      {EDITS} in {edits_seconds:.1f} s, seen by 2 subscribers, {sum(samples['bytes']) / 1e6:.1f} MB fetched")
    print(f"\n{'edit to swap, ms':<26}{'n':>6}{'p50':>9}{'p99':>9}{'max':>9}")
    print(f"{'all':<26}{len(everything):>6}{percentile(everything, .5):>9.2f}{percentile(everything, .99):>9.2f}"
          f"{max(everything):>9.2f}")
    for kind in sorted(kinds):
        values = samples[kind]
        print(f"  {kind:<24}{len(values):>6}{percentile(values, .5):>9.2f}{'':>9}{max(values):>9.2f}")
    for stage in ("notice", "invalidate", "schedule", "build", "publish", "fetch", "swap"):
        values = samples.get("stage " + stage)
        if values:
            print(f"  stage {stage:<18}{len(values):>6}{percentile(values, .5):>9.2f}{percentile(values, .99):>9.2f}"
                  f"{max(values):>9.2f}")


def prepare(options, work):
    project = work / "project"
    shutil.copytree(options.assets, project, symlinks=True)
    shutil.copyfile(options.config, project / "graphite.toml")
    shutil.copytree(pathlib.Path(options.config).parent / "added", project / "added")
    return project


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--assets", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    work = pathlib.Path(tempfile.mkdtemp(prefix="graphite-demo-"))
    started = []
    try:
        project = prepare(options, work)
        print(f"demo: building {project}")
        built = run_build(program, project)
        again = run_build(program, project)
        cache = change_and_undo(program, project)
        bytes_in = sum(p.stat().st_size for p in project.rglob("*")
                       if p.is_file() and not p.is_symlink() and ".graphite" not in p.parts)
        held = measure_bundle(program, built["bundle"])
        dev = Process("dev", [program, "dev", "-C", str(project), "--json"], work)
        started.append(dev)
        ready = dev.wait_for(lambda e: e.get("event") == "ready", "ready event")
        folders = [work / "a", work / "b"]
        subscribers = []
        for folder in folders:
            subscribers.append(Process(f"subscribe-{folder.name}", [program, "subscribe", "--from", ready["heads"],
                                                                    "--into", str(folder), "--json"], work))
            started.append(subscribers[-1])
        for subscriber in subscribers:
            subscriber.wait_for(lambda e: e.get("event") == "swap", "first swap")
        editor = Editor(project, seed=1)
        for folder in folders:
            compare_tree(project, folder / "current", built["assets"])
        print(f"demo: both subscribers show {built['assets']} assets; {EDITS} edits follow")
        types = measure_types(project, folders[0] / "current")
        samples = collections.defaultdict(list)
        begin = time.monotonic()
        for number in range(EDITS):
            follow_edit(editor, number, subscribers, project, folders, samples)
        seconds = time.monotonic() - begin
        for folder in folders:
            compare_tree(project, folder / "current", built["assets"] + len(editor.added))
        print_table(built, again, cache, bytes_in, held, seconds, samples)
        print_types(types)
        if options.keep:
            print(f"\nstill running: project {project}, subscribers {folders[0]}/current and {folders[1]}/current; "
                  f"metrics http://{ready['metrics']}/metrics; end with: kill {' '.join(str(p.child.pid) for p in started)}")
            started.clear()
    finally:
        for process in reversed(started):
            process.stop()
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
