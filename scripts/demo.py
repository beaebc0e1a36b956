#!/usr/bin/env python3
"""Drives the main job: build, follow edits into two subscribers, check their bytes, print a table.

Every edit is timed from the moment its close, rename or unlink returned to the moment a subscriber's
`current/` shows it (the `swapped_at_ns` of its swap event); both clocks are CLOCK_MONOTONIC of this machine.
"""
import argparse
import collections
import gzip
import json
import os
import pathlib
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

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

    def wait_for(self, accept, what):
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                event = self.events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                fail(f"{self.name}: no {what} within {DEADLINE_S} s; see {self.log.name}")
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


class Editor:
    """Makes edits of several kinds; each returns (kind, changed path or None, removed path or None, clock)."""

    def __init__(self, project, seed):
        self.project = project
        self.random = random.Random(seed)
        files = [p for p in sorted(project.rglob("*")) if p.is_file() and not p.is_symlink() and
                 ".graphite" not in p.parts and p.name != "graphite.toml"]
        self.small = [p for p in files if p.suffix in (".png", ".glsl", ".frag", ".vert") and 0 < p.stat().st_size < 16384]
        self.large = [p for p in files if p.stat().st_size > 1 << 20]
        self.sprites = [p for p in files if p.suffix == ".sprite"]
        self.converted = [p for p in files if p.suffix == ".po"]
        self.added = []
        self.count = 0
        kinds = {"small, in place": self.small, "large, in place": self.large, "sprite": self.sprites,
                 "command input": self.converted}
        for kind, choice in kinds.items():
            if not choice:
                fail(f"the assets hold no file for the kind '{kind}'")

    def _bytes(self, path):
        self.count += 1
        return path.read_bytes() + f"\n;; edit {self.count}\n".encode()

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
            return "small, in place", path, None, self._in_place(path)
        if kind == 1:
            path = pick(self.large)
            return "large, in place", path, None, self._in_place(path)
        if kind == 2:
            path = pick(self.sprites)
            return "sprite", path, None, self._in_place(path)
        if kind == 3:
            path = pick(self.converted)
            return "command input", path, None, self._in_place(path)
        if kind == 4:
            path = pick(self.small)
            return "rename over", path, None, self._rename_over(path)
        if kind == 5 or not self.added:
            self.count += 1
            path = self.project / "images" / f"demo-{self.count}.png"
            path.parent.mkdir(exist_ok=True)
            shutil.copyfile(pick(self.small), path)
            self.added.append(path)
            return "add", path, None, time.monotonic_ns()
        path = self.added.pop(0)
        path.unlink()
        return "delete", None, path, time.monotonic_ns()


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def without_comments(data):
    """What the example's command makes of a translation before it is compressed."""
    return b"".join(line for line in data.splitlines(keepends=True)
                    if not re.match(rb"#[^,\n]", line) and line.rstrip(b"\n") != b"#")


def same_bytes(a, b):
    return a.exists() and a.read_bytes() == b.read_bytes()


def compare_tree(project, current, assets):
    """`current` shows so many assets, and each equals its source or what the rule makes of it."""
    shown = [p for p in current.resolve().rglob("*") if p.is_file()]
    for path in shown:
        source = project / path.relative_to(current.resolve())
        if source.exists():
            same = same_bytes(path, source)
        else:
            same = gzip.decompress(path.read_bytes()) == without_comments(source.with_suffix("").read_bytes())
        if not same:
            fail(f"{path} differs from its source")
    if len(shown) != assets:
        fail(f"{current} shows {len(shown)} assets of {assets}")


def follow_edit(editor, number, subscribers, project, folders, samples):
    kind, changed, removed, clock = editor.edit(number)
    name = str((changed or removed).relative_to(project))
    converted = kind == "command input"
    if converted:
        name += ".gz"

    def shows(event):
        return event.get("event") == "swap" and name in (event["changed"] if changed else event["removed"])

    for subscriber, folder in zip(subscribers, folders):
        event = subscriber.wait_for(shows, f"swap of {name} ({kind})")
        shown = folder / "current" / name
        if converted and gzip.decompress(shown.read_bytes()) != without_comments(changed.read_bytes()):
            fail(f"{shown} is not what {changed} is converted to")
        if changed and not converted and not same_bytes(shown, changed):
            fail(f"{shown} does not show the edit")
        if removed and shown.exists():
            fail(f"{shown} is still there")
        samples[kind].append((event["swapped_at_ns"] - clock) / 1e6)
        for stage, us in event["stages_us"].items():
            if us is not None:
                samples["stage " + stage].append(us / 1e3)
        samples["bytes"].append(event["bytes_fetched"])


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
        samples = collections.defaultdict(list)
        begin = time.monotonic()
        for number in range(EDITS):
            follow_edit(editor, number, subscribers, project, folders, samples)
        seconds = time.monotonic() - begin
        for folder in folders:
            compare_tree(project, folder / "current", built["assets"] + len(editor.added))
        print_table(built, again, cache, bytes_in, held, seconds, samples)
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
