#!/usr/bin/env python3
"""Jobs from a build farm to a coordinator and its nodes, as processes: submitted, built, cancelled, survived."""
import collections
import json
import os
import pathlib
import subprocess

from clusters import RULE, UPPER, Cluster
from support import World, check, equal, files_below, main, run, wait_until

DRIVER = pathlib.Path(os.environ.get("GRAPHITE_BUILD", "")) / "tests/job_driver"

def files_in(folders, ending):
    """Of folders that come and go."""
    found = []
    for folder in folders:
        for at, _, names in os.walk(folder):
            found += [pathlib.Path(at, name) for name in names if name.endswith(ending)]
    return found


class Farm:
    """A coordinator, nodes, and a folder that jobs are submitted from."""

    def __init__(self, world, nodes=(("node-1", True), ("node-2", False)), copies=1, patience=60, node_options=()):
        self.world = world
        self.cluster = Cluster(world)
        self.options = ["--patience", patience]
        self.node_options = node_options
        self.start(copies=copies)
        for name, store in nodes:
            self.cluster.node(name, *node_options, store=store)
        for name, _ in nodes:
            self.cluster.joined(name)

    def start(self, port=0, copies=1):
        cluster, world = self.cluster, self.world
        cluster.coordinator = world.start("coordinator", "coordinator", "-C", world.root, "--json", "--control",
                                          f"127.0.0.1:{port}", "--control-keys", cluster.keys / "nodes/main", "--copies", copies,
                                          *self.options)
        world.ready = cluster.coordinator.event("ready")
        return cluster.port()

    def folder(self, name, files, command=UPPER, config=None):
        folder = self.world.work / name
        for path, text in {"graphite.toml": config or RULE.replace("COMMAND", command), **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    def texts(self, name, count, word="text", **kwargs):
        return self.folder(name, {f"t/{i}.txt": f"{word} {i}\n" for i in range(count)}, **kwargs)

    def begin(self, verb, *arguments):
        command = [DRIVER, self.world.root / ".graphite", verb, *arguments]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)

    def end(self, child, code=0):
        said = child.communicate(timeout=240)[0]
        equal(child.returncode, code, f"exit code of the client, which said {said}")
        return [json.loads(line) for line in said.splitlines()]

    def ask(self, verb, *arguments, code=0):
        return self.end(self.begin(verb, *arguments), code)

    def submit(self, folder, *arguments):
        """The job as it is in the end."""
        return self.ask("submit", folder, *arguments)[-1]

    def status(self, job):
        return self.ask("status", job)[-1]

    def wait(self, job):
        return self.ask("wait", job)[-1]


def expected(folder):
    return {f"{pathlib.Path(path).stem}.up": data.upper() for path, data in files_below(folder).items() if path.endswith(".txt")}


def a_job_is_built_from_what_is_uploaded():
    with World() as world:
        farm = Farm(world)
        folder = farm.texts("farm", 40)
        done = farm.submit(folder, "--into", world.work / "out")
        equal((done["state"], done["ran"], done["failed"], done["assets"]), ("done", 40, 0, 40), f"the end of the job {done}")
        equal(files_below(world.work / "out"), expected(folder), "what was made")
        again = farm.submit(folder)
        equal((again["state"], again["ran"], again["cached"]), ("done", 0, 40), "the same once more")
        equal(again["generation"], done["generation"], "equal assets have one name")
        (folder / "t/7.txt").write_text("another\n")
        changed = farm.submit(folder, "--into", world.work / "changed")
        equal((changed["ran"], changed["cached"]), (1, 39), "what a change costs")
        check(changed["generation"] != done["generation"], "other assets have another name")
        equal(files_below(world.work / "changed")["7.up"], b"ANOTHER\n", "the changed one")
        with World() as other:
            for path, data in files_below(folder).items():
                other.write(path, data)
            equal(other.build()["assets"], 40, "built alone")


def views_with_the_same_paths_do_not_disturb_each_other():
    with World() as world:
        farm = Farm(world)
        folders = [farm.texts(f"farm-{word}", 12, word, command="sleep 0.05; " + UPPER) for word in ("one", "two", "three")]
        rounds = 3
        for turn in range(rounds):
            for folder in folders:
                (folder / "t/0.txt").write_text(f"{folder.name} in round {turn}\n")
            # All of one view, and at the same time.
            clients = [farm.begin("submit", folder, "--into", world.work / f"out-{turn}-{folder.name}") for folder in folders]
            for folder, client in zip(folders, clients):
                done = farm.end(client)[-1]
                equal((done["state"], done["failed"]), ("done", 0), f"{folder.name} in round {turn}")
                equal(files_below(world.work / f"out-{turn}-{folder.name}"), expected(folder), f"{folder.name} in round {turn}")
                equal(done["ran"], 12 if turn == 0 else 1, f"what {folder.name} ran in round {turn}")


def what_is_not_uploaded_is_waited_for():
    with World() as world:
        farm = Farm(world)
        folder = farm.texts("farm", 5)
        key = "k" * 32
        before = farm.submit(folder, "--key", key, "--no-upload", "--no-wait")
        wait_until(lambda: farm.status(before["job"])["state"] == "waiting for blobs", "the job to wait for its contents")
        check(farm.status(before["job"])["missing"] > 0, "it says how many")
        said = farm.ask("submit", folder, "--key", key)
        equal((said[0]["job"], said[0]["known"]), (before["job"], True), "the same key is the same job")
        equal((said[-1]["state"], said[-1]["ran"]), ("done", 5), "the job once all is there")


def mistakes_end_the_job_and_say_what_to_do():
    with World() as world:
        farm = Farm(world, patience=2)
        mistaken = farm.folder("mistaken", {"a.txt": "a"}, config=RULE.replace("match", "mach"))
        done = farm.ask("submit", mistaken, code=1)[-1]
        check("mach" in done["text"], f"the client says it before anything is submitted: {done}")

        tools = RULE.replace("shell = true\nargv = \"COMMAND\"", 'argv = ["nowhere", "{in}", "{out}"]')
        done = farm.submit(farm.folder("tools", {"a.txt": "a"}, config=tools))
        equal(done["state"], "failed", "a job whose tool no node has")
        check("no node has the tool 'nowhere'" in done["message"], done["message"])

        cyclic = """[project]
name = "farm"
[[rule]]
name = "one"
match = ["one.a"]
transform = "command"
outputs = ["{stem}.b"]
[rule.command]
inputs = ["two.b"]
shell = true
argv = "cp {in} {out}"
[[rule]]
name = "two"
match = ["two.a"]
transform = "command"
outputs = ["{stem}.b"]
[rule.command]
inputs = ["one.b"]
shell = true
argv = "cp {in} {out}"
"""
        done = farm.submit(farm.folder("cyclic", {"one.a": "1", "two.a": "2"}, config=cyclic))
        equal(done["state"], "failed", "a cycle")
        check("cycle" in json.dumps(done.get("failures")), f"it is told: {done}")


def a_failure_is_told_with_what_the_tool_said():
    with World() as world:
        farm = Farm(world)
        folder = farm.texts("farm", 6, command="grep -q 'text 3' {in} && { echo not this one >&2; exit 1; }; " + UPPER)
        done = farm.submit(folder, "--keep-going")
        equal((done["state"], done["failed"], done["ran"]), ("failed", 1, 5), "the end of the job")
        check("not this one" in done["failures"]["t/3.txt"], done["failures"])
        check("graphite logs" in done["message"], done["message"])
        said = farm.ask("logs", done["job"])
        check(any(one["path"] == "3.up" and "not this one" in one["text"] for one in said), f"the log: {said}")
        (folder / "t/3.txt").write_text("mended\n")
        done = farm.submit(folder, "--keep-going", "--into", world.work / "out")
        equal((done["state"], done["failed"], done["ran"]), ("done", 0, 1), "the mended one")


def deadlines_and_cancelling_end_what_runs():
    with World() as world:
        farm = Farm(world, node_options=("--scratch", "disk"))
        slow = farm.texts("slow", 3, command="sleep 100; " + UPPER)
        scratch = [world.work / name / "scratch" for name in ("node-1", "node-2")]
        runs = lambda: files_in(scratch, ".txt")
        late = farm.submit(slow, "--deadline", 1500)
        equal(late["state"], "deadline exceeded", "a job that is late")
        wait_until(lambda: not runs(), "the attempts to end")
        job = farm.submit(slow, "--no-wait")["job"]
        wait_until(runs, "attempts to begin")
        equal(farm.ask("cancel", job)[-1]["state"], "cancelled", "the job")
        wait_until(lambda: not runs(), "the attempts to end")
        done = farm.submit(farm.texts("quick", 3))
        equal((done["state"], done["ran"]), ("done", 3), "what comes after it")


def what_another_job_wants_too_goes_on():
    with World() as world:
        farm = Farm(world, nodes=(("node-1", True),), node_options=("--scratch", "disk", "--jobs", 2))
        folder = farm.texts("farm", 2, command="sleep 3; " + UPPER)
        scratch = world.work / "node-1/scratch"
        first = farm.submit(folder, "--no-wait")["job"]
        wait_until(lambda: files_in([scratch], ".txt"), "attempts to begin")
        other = farm.submit(folder, "--view", "other", "--no-wait")["job"]
        wait_until(lambda: farm.status(other)["state"] == "building", "the other job to build")
        wait_until(lambda: farm.status(other)["running"] == 2, "the other job to wait for the same attempts")
        farm.ask("cancel", first)
        done = farm.wait(other)
        equal((done["state"], done["failed"]), ("done", 0), "the other job")


def one_action_without_a_project_is_run():
    with World() as world:
        farm = Farm(world)
        folder = farm.folder("input", {"src/a.c": "int a;\n", "src/b.h": "// b\n"})
        said = farm.ask("action", folder, "out.txt", "--", "/bin/sh", "-c", "cat src/a.c src/b.h > out.txt")
        equal((said[-1]["state"], list(said[-1].get("outputs", []))), ("done", ["out.txt"]), f"the action {said}")
        failed = farm.ask("action", folder, "out.txt", "--", "/bin/sh", "-c", "echo {in} no >&2; exit 3")[-1]
        equal(failed["state"], "failed", "an action that fails")
        check("{in} no" in json.dumps(failed["failures"]), f"its words are taken as they are: {failed}")


def a_killed_coordinator_loses_no_job_and_repeats_no_attempt():
    with World() as world:
        counts = world.work / "ran"
        counts.mkdir()
        farm = Farm(world, node_options=("--sandbox", "off"))
        command = f"echo . >> {counts}/$(basename {{in}}); sleep 0.3; " + UPPER
        folders = [farm.texts(f"farm-{i}", 30, f"word{i}", command=command.replace("$(", f"{i}-$(")) for i in range(2)]
        jobs = [farm.submit(folder, "--no-wait", "--view", f"v{i}")["job"] for i, folder in enumerate(folders)]
        begun = lambda: sum(1 for _ in counts.iterdir())
        port = farm.cluster.port()
        for kills in range(1, 4):
            wait_until(lambda: begun() >= 12 * kills, "attempts to begin")
            farm.cluster.coordinator.kill()
            farm.start(port)
        ends = [farm.wait(job) for job in jobs]
        equal([(end["state"], end["failed"], end["assets"]) for end in ends], [("done", 0, 30)] * 2, "the jobs")
        ran = collections.Counter({path.name: len(path.read_text().split()) for path in counts.iterdir()})
        equal(len(ran), 60, "actions that ran")
        equal({name: times for name, times in ran.items() if times != 1}, {}, "what ran more than once")
        for i, folder in enumerate(folders):
            again = farm.submit(folder, "--view", f"v{i}", "--into", world.work / f"out-{i}")
            equal((again["ran"], again["generation"]), (0, ends[i]["generation"]), "the same once more")
            equal(files_below(world.work / f"out-{i}"), expected(folder), "what was made")


if __name__ == "__main__":
    main([a_job_is_built_from_what_is_uploaded, views_with_the_same_paths_do_not_disturb_each_other,
          what_is_not_uploaded_is_waited_for, mistakes_end_the_job_and_say_what_to_do,
          a_failure_is_told_with_what_the_tool_said, deadlines_and_cancelling_end_what_runs,
          what_another_job_wants_too_goes_on, one_action_without_a_project_is_run,
          a_killed_coordinator_loses_no_job_and_repeats_no_attempt])
