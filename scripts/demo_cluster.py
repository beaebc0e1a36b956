#!/usr/bin/env python3
"""A cluster on one machine: a coordinator, three nodes that keep contents, each in two of them, a client that submits the project from a copy of its
own, two subscribers; a node is killed in the middle of the job, and another one while edits go on. Everything is a process of its
own, with keys. Removes what it made.
"""
import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

from demo import Editor, Process, compare_tree, fail, follow_edit, percentile, prepare

EDITS = 60


def ask(program, *words, code=0):
    done = subprocess.run([program, *map(str, words), "--json"], capture_output=True, text=True)
    if done.returncode != code:
        fail(f"graphite {words[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else {}


class Site:
    """The processes, by name."""

    def __init__(self, program, project, work):
        self.program, self.project, self.work = program, project, work
        self.keys = work / "keys"
        self.all = {}
        ask(program, "keygen", self.keys)
        ask(program, "keys", "node", self.keys, "main", "--role", "coordinator")
        for number in (1, 2, 3):
            ask(program, "keys", "node", self.keys, f"node-{number}")

    def start(self, name, *words):
        self.all[name] = Process(name, [self.program, *map(str, words), "--json"], self.work)
        return self.all[name]

    def coordinator(self):
        started = self.start("coordinator", "coordinator", "-C", self.project, "--control", "127.0.0.1:0", "--control-keys",
                             self.keys / "nodes/main", "--copies", 2, "--listen-tokens", "127.0.0.1:0")
        self.ready = started.wait_for(lambda e: e.get("event") == "ready", "ready event")

    def node(self, number, jobs):
        self.start(f"node-{number}", "node", "--coordinator", self.ready["control"], "--keys",
                   self.keys / f"nodes/node-{number}", "--state", self.work / f"node-{number}", "--tools",
                   self.project / "graphite.toml", "--jobs", jobs, "--store", "--listen-store", "127.0.0.1:0")

    def status(self):
        return ask(self.program, "status", "-C", self.project)["cluster"]

    def kill(self, name):
        self.all[name].child.kill()
        self.all[name].child.wait()

    def stop(self):
        for process in reversed(self.all.values()):
            process.stop()


def wait_until(condition, what, deadline_s=60):
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            fail(f"waited {deadline_s} s for {what}")
        time.sleep(0.05)


def submit_and_kill(site, project):
    """The job of a build farm: from another folder, without a file of the coordinator's. A node dies meanwhile."""
    begin = time.monotonic()
    job = site.start("submit", "submit", "-C", project, "--state", site.work / "client-state", "--coordinator",
                     site.ready["tokens"], "--token", site.ready["token_file"], "--wait")
    wait_until(lambda: any(one["node"] == "node-3" for one in site.status()["running"]), "actions at node-3", 300)
    site.kill("node-3")
    print("demo: node-3 was killed while it ran actions of the job")
    end = job.wait_for(lambda e: e.get("event") == "job" and e["over"], "end of the job", 900)
    if end["state"] != "done" or end["failed"]:
        fail(f"the job ended as {end['state']}: {end['message']}")
    return end, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--assets", required=True)
    parser.add_argument("--config", required=True)
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    work = pathlib.Path(tempfile.mkdtemp(prefix="graphite-demo-"))
    site = None
    try:
        project = prepare(options, work)
        farm = work / "farm"
        shutil.copytree(project, farm, symlinks=True)
        site = Site(program, project, work)
        site.coordinator()
        for number in (1, 2, 3):
            site.node(number, 1)
        wait_until(lambda: len(site.status()["nodes"]) == 3, "three nodes")
        print(f"demo: a coordinator and three nodes, each a store; a job of {farm} follows")
        job, seconds = submit_and_kill(site, farm)
        site.node(3, 1)
        wait_until(lambda: site.status()["stores"] == 3, "node-3 to be back")
        built = ask(program, "build", "-C", project)
        folders = [work / "a", work / "b"]
        readers = [site.start(f"subscribe-{f.name}", "subscribe", "--from", site.ready["heads"], "--into", f) for f in folders]
        for reader in readers:
            reader.wait_for(lambda e: e.get("event") == "swap", "first swap")
        for folder in folders:
            compare_tree(project, folder / "current", built["assets"])
        print(f"demo: both subscribers show {built['assets']} assets; {EDITS} edits follow, and node-1 dies among them")
        editor, samples = Editor(project, seed=1), collections.defaultdict(list)
        for number in range(EDITS):
            if number == EDITS // 2:
                site.kill("node-1")
            follow_edit(editor, number, readers, project, folders, samples)
        for folder in folders:
            compare_tree(project, folder / "current", built["assets"] + len(editor.added))
        times = [v for kind, values in samples.items() if not kind.startswith("stage ") and kind != "bytes" for v in values]
        print(f"\njob        {job['ran']} actions ran, {job['cached']} were known, {seconds:.1f} s with a node killed")
        print(f"build      {built['ran']} ran, {built['cached']} were known")
        print(f"edits      {EDITS}, seen by 2 subscribers: p50 {percentile(times, .5):.1f} ms, max {max(times):.1f} ms")
    finally:
        if site:
            site.stop()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
