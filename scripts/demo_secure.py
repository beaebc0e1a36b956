#!/usr/bin/env python3
"""Two machines and an intruder: keys are made, a second network namespace follows across a veth pair, others are refused.

Needs root, `ip` and a built `graphite`. Removes what it made.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE, THERE = "10.219.73.1", "10.219.73.2"
DEADLINE_S = 30


def fail(text):
    raise SystemExit(f"demo: {text}")


def sh(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


class Network:
    """A namespace that stands for another machine, joined by a veth pair."""

    def __init__(self):
        self.name = f"graphite-demo-{os.getpid()}"
        self.inner, self.outer = f"gi{os.getpid()}", f"go{os.getpid()}"

    def __enter__(self):
        sh("ip", "netns", "add", self.name)
        sh("ip", "link", "add", self.outer, "type", "veth", "peer", "name", self.inner, "netns", self.name)
        sh("ip", "addr", "add", f"{HERE}/24", "dev", self.outer)
        sh("ip", "link", "set", self.outer, "up")
        for words in (["addr", "add", f"{THERE}/24", "dev", self.inner], ["link", "set", self.inner, "up"],
                      ["link", "set", "lo", "up"]):
            sh("ip", "-n", self.name, *words)
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], check=False)
        subprocess.run(["ip", "link", "del", self.outer], check=False, stderr=subprocess.DEVNULL)

    def inside(self, *words):
        return ["ip", "netns", "exec", self.name, *map(str, words)]


class Running:
    """A process whose lines are kept."""

    def __init__(self, words):
        self.lines = []
        self.child = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.rstrip())

    def wait_for(self, part, what):
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            for line in list(self.lines):
                if part in line:
                    return line
            if self.child.poll() is not None:
                time.sleep(0.1)
                fail(f"{what}: it ended: {self.lines[-3:]}")
            time.sleep(0.01)
        fail(f"no {what} in {DEADLINE_S} s: {self.lines[-5:]}")

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait(timeout=20)


def refused(network, program, work, name, what, expected, *arguments):
    """Somebody who may not: shows nothing, and says why."""
    into = work / name
    process = Running(network.inside(program, "subscribe", "--from", f"{HERE}:7402", "--into", into, *arguments))
    try:
        line = process.wait_for(expected, f"refusal of {what}")
        shown = into / "current"
        if shown.exists() and any(shown.iterdir()):
            fail(f"{what} was shown something")
        print(f"  refused  {what}: {line.removeprefix('warning: ')[:110]}")
    finally:
        process.stop()


def demo(program, work, network):
    project, keys = work / "project", work / "keys"
    project.mkdir()
    (project / "graphite.toml").write_text('[project]\nname = "secure"\n')
    (project / "note.txt").write_text("one")
    without = subprocess.run([program, "dev", "-C", project, "--listen", HERE], capture_output=True, text=True)
    if without.returncode != 4 or "graphite keygen" not in without.stderr:
        fail(f"a listener without keys was not refused: {without.stderr}")
    print(f"without keys, --listen {HERE} is refused: {without.stderr.strip()[:110]}")
    sh(program, "keygen", keys)
    sh(program, "keys", "ticket", keys, "game-1")
    sh(program, "keys", "ticket", keys, "game-2")
    print(f"keys made in {keys}: a root, a channel key, three authorities, tickets for two runtimes")
    dev = Running([program, "dev", "-C", project, "--keys", keys / "publisher", "--listen", HERE, "--json"])
    game = None
    try:
        ready = json.loads(dev.wait_for('"event":"ready"', "service"))
        print(f"service on {ready['heads']}; a runtime in network namespace {network.name} ({THERE})")
        mine = work / "game-1"
        shutil.copytree(keys / "runtimes/game-1", mine)
        game = Running(network.inside(program, "subscribe", "--from", ready["heads"], "--into", work / "shown", "--keys",
                                      mine, "--json"))
        game.wait_for('"event":"swap"', "first swap")
        begin = time.monotonic()
        edits = 100
        for i in range(edits):
            (project / "note.txt").write_text(f"edit {i}")
            while (work / "shown/current/note.txt").read_text() != f"edit {i}":
                if time.monotonic() - begin > DEADLINE_S:
                    fail("an edit was not shown")
                time.sleep(0.0005)
        print(f"  followed {edits} edits across the network, {(time.monotonic() - begin) / edits * 1e3:.1f} ms each")
        others = work / "others"
        sh(program, "keygen", others)
        sh(program, "keys", "ticket", others, "intruder")
        refused(network, program, work, "no-keys", "no keys at all", "nothing leaves it without keys")
        refused(network, program, work, "intruder", "keys of another root", "did not prove the server's key", "--keys",
                others / "runtimes/intruder")
        dev.wait_for("it does not have this server's key", "the service's line of it")
        stolen = work / "stolen"
        shutil.copytree(keys / "runtimes/game-2", stolen)
        shutil.copy(others / "runtimes/intruder/curve.key", stolen / "curve.key")
        refused(network, program, work, "stolen", "a stolen ticket with another key", "no ticket for any channel", "--keys",
                stolen)
        listed = sh(program, "keys", "list", keys, "--json")
        serial = next(row["serial"] for row in map(json.loads, listed.splitlines())
                      if row["kind"] == "ticket" and row["name"] == "game-1")
        sh(program, "keys", "revoke", keys, serial)
        dev.wait_for("count from now on", "revocation")
        seen = (work / "shown/current/note.txt").read_text()
        (project / "note.txt").write_text("after the revocation")
        game.wait_for("revoked", "word of the revocation")
        dev.wait_for("was revoked", "the service's line of it")
        if (work / "shown/current/note.txt").read_text() != seen:
            fail("a revoked runtime was shown another generation")
        print("  revoked  the runtime's ticket while it ran: it keeps what it has and gets nothing more")
    finally:
        if game:
            game.stop()
        dev.stop()
    audit = sh(program, "audit", "-C", project).strip().splitlines()
    print(f"audit record: {len(audit)} lines, whole; the last: {audit[-1][:120]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("ip"):
        fail("--secure needs root and `ip` for the second network namespace")
    program = str(pathlib.Path(options.program).resolve())
    work = pathlib.Path(tempfile.mkdtemp(prefix="graphite-secure-"))
    try:
        with Network() as network:
            demo(program, work, network)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print("demo: done")


if __name__ == "__main__":
    sys.exit(main())
