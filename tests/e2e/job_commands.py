#!/usr/bin/env python3
"""The commands about jobs, as a build farm runs them: from elsewhere, with keys, over TLS, while processes die."""
import json
import signal
import subprocess

from clusters import RULE, UPPER, Cluster
from support import PROGRAM, World, check, equal, main, run


class Farm:
    """A coordinator with its ports for clients, a node with a store, and clients with keys of their own."""

    def __init__(self, world, nodes=1):
        self.world = world
        self.cluster = Cluster(world)
        self.start()
        for i in range(nodes):
            self.cluster.node(f"node-{i}", store=i == 0)
        for i in range(nodes):
            self.cluster.joined(f"node-{i}")
        self.client("ci", "query,build")

    def start(self, control=0, clients=0):
        cluster = self.cluster
        self.coordinator = cluster.coordinator = self.world.start(
            "coordinator", "coordinator", "-C", self.world.root, "--json", "--control", f"127.0.0.1:{control}", "--control-keys",
            cluster.keys / "nodes/main", "--keys", cluster.keys, "--listen-clients", f"127.0.0.1:{clients}")
        self.world.ready = self.coordinator.event("ready")
        self.at = self.world.ready["clients"]

    def restart(self):
        """In the same place, as by `kill -9` and a service manager."""
        self.coordinator.kill()
        self.start(self.cluster.port(), int(self.at.rsplit(":", 1)[1]))

    def client(self, name, verbs):
        run("keys", "client", self.cluster.keys, name, "--verbs", verbs, "--json")

    def where(self, client="ci"):
        return ["--coordinator", self.at, "--keys", self.cluster.keys / "clients" / client]

    def folder(self, name, files, command=UPPER):
        folder = self.world.work / name
        for path, text in {"graphite.toml": RULE.replace("COMMAND", command), **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    def texts(self, name, count, word="text", **kwargs):
        return self.folder(name, {f"t/{i}.txt": f"{word} {i}\n" for i in range(count)}, **kwargs)

    def submit(self, folder, *extra, code=0):
        """What was printed, each line an object."""
        return objects("submit", "-C", folder, *self.where(), *extra, code=code)

    def ask(self, *words, client="ci", code=0):
        return objects(*words, *self.where(client), code=code)


def objects(*words, code=0):
    done = subprocess.run([PROGRAM, *map(str, words), "--json"], capture_output=True, text=True, timeout=300)
    equal(done.returncode, code, f"exit code of {words}:\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}\n")
    return [json.loads(line) for line in done.stdout.splitlines()]


def a_project_is_submitted_waited_for_and_looked_at():
    with World() as world:
        farm = Farm(world, nodes=2)
        folder = farm.texts("farm", 30)
        said = farm.submit(folder, "--wait", "--label", "nightly", "--priority", "high", "--deadline", "10min")
        events = [one["event"] for one in said]
        equal((events[0], events[1], events[-1]), ("submitted", "uploaded", "job"), "the first and the last objects")
        check("progress" in events and "state" in events, f"what is told meanwhile: {events}")
        job = said[-1]
        equal((job["state"], job["ran"], job["failed"], job["label"], job["owner"]), ("done", 30, 0, "nightly", "ci"), "the job")
        check(job["deadline_unix_ns"] > job["accepted_unix_ns"], "its deadline")
        equal(farm.ask("job", job["job"])[-1], job, "the same, asked for later")
        listed = farm.ask("jobs")
        equal([(one["job"], one["state"]) for one in listed], [(job["job"], "done")], "all jobs")
        equal(farm.ask("jobs", "--open"), [], "those that go on")
        check(not (folder / ".graphite").exists(), "nothing is left in the project")
        (folder / "t/7.txt").write_text("another\n")
        again = farm.submit(folder, "--wait")
        equal((again[1]["contents"], again[-1]["ran"], again[-1]["cached"]), (3, 1, 29), "what a change costs")
        why = farm.ask("why", "--job", again[-1]["job"], "7.up")[-1]
        equal((why["rule"], why["state"]), ("upper", "up to date"), "why of the job's view")


def what_a_job_has_made_is_fetched_whole_or_not_at_all():
    with World() as world:
        farm = Farm(world)
        folder = farm.texts("farm", 20, command="cat {in} {in} | tr a-z A-Z > {out}")
        for name in ("same-1.txt", "same-2.txt", "deep/er/same-3.txt"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("equal\n")
        (folder / "none.txt").write_text("")
        (folder / "large.txt").write_text("large" * 400_000)
        out = world.work / "out"
        said = farm.submit(folder, "--wait", "--into", out)
        made = {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("*") if path.is_file()}
        wanted = {path.with_suffix(".up").name: 2 * path.read_text().upper() for path in folder.rglob("*.txt")}
        equal(made, wanted, "what was made")
        equal((said[-1]["event"], said[-1]["files"], said[-1]["bytes"]),
              ("fetched", 25, sum(len(text) for text in wanted.values())), "what is said of it")
        job = said[-2]["job"]
        (world.work / "empty").mkdir()
        again = farm.ask("fetch", job, world.work / "empty")
        equal((again[0]["files"], len(list((world.work / "empty").rglob("*.up")))), (25, 25), "fetched again")
        said = farm.ask("fetch", job, out, code=2)[-1]["message"]
        check("not empty" in said, f"a folder with something in it: {said}")
        farm.ask("fetch", 999, world.work / "no", code=2)
        built = farm.folder("built", {"a.txt": "one\n"})
        done = objects("build", "-C", built, *farm.where(), "--into", world.work / "build-out")
        equal([one["event"] for one in done[-2:]], ["fetched", "build"], "of a build there")
        equal((world.work / "build-out/a.up").read_text(), "ONE\n", "what it made")
        bad = farm.folder("bad", {"a.txt": "one\n"}, command="false")
        failed = farm.submit(bad, "--wait", "--into", world.work / "no", code=1)
        check("failed" in farm.ask("fetch", failed[-1]["job"], world.work / "no", code=1)[-1]["message"], "one that failed")
        # Where the stores lose it meanwhile, nothing is half there.
        farm.cluster.nodes["node-0"].kill()
        said = farm.ask("fetch", job, world.work / "no", code=3)[-1]["message"]
        equal([path.name for path in world.work.glob("no*") if not path.name.startswith("node")], [], f"what is left: {said}")


def a_git_revision_is_submitted_as_it_was():
    with World() as world:
        farm = Farm(world)
        folder = farm.texts("farm", 5)
        git = lambda *words: subprocess.run(["git", "-C", folder, "-c", "user.name=n", "-c", "user.email=e@x", *words],
                                            check=True, capture_output=True)
        git("init", "-q")
        git("add", "-A")
        git("commit", "-q", "-m", "one")
        git("tag", "v1")
        for i in range(5):
            (folder / f"t/{i}.txt").write_text("not committed\n")
        done = farm.submit(folder, "--rev", "v1", "--wait")
        equal((done[-1]["state"], done[-1]["ran"]), ("done", 5), "the job")
        equal(len(done[0]["commit"]), 40, "its commit")
        before = done[-1]["generation"]
        check(farm.submit(folder, "--wait")[-1]["generation"] != before, "the working tree is another")
        equal(farm.submit(folder, "--rev", "HEAD", "--wait")[-1]["generation"], before, "the commit is the same")
        equal((folder / "t/3.txt").read_text(), "not committed\n", "the working tree")
        said = farm.submit(folder, "--rev", "nowhere", code=2)
        check("nowhere" in said[-1]["message"], said)


def one_key_is_one_job_over_restarts_of_both_sides():
    with World() as world:
        farm = Farm(world)
        folder = farm.texts("farm", 3, command="sleep 2; " + UPPER)
        first = farm.submit(folder, "--key", "pipeline 4711")
        farm.restart()
        again = farm.submit(folder, "--key", "pipeline 4711", "--wait")
        equal((again[0]["job"], again[0]["known"]), (first[0]["job"], True), "the job")
        equal((again[-1]["state"], again[-1]["failed"]), ("done", 0), "its end")
        (folder / "t/0.txt").write_text("other\n")
        refused = farm.submit(folder, "--key", "pipeline 4711", code=2)
        equal(refused[-1]["code"], "already_exists", "the key for another tree")


def cancelling_and_giving_up_a_wait():
    with World() as world:
        farm = Farm(world)
        folder = farm.texts("farm", 2, command="echo begun; sleep 60; " + UPPER)
        waits = world.start("submit", "submit", "-C", folder, *farm.where(), "--wait", "--json")
        job = waits.event("submitted")["job"]
        waits.wait_for(lambda e: e.get("event") == "progress" and e["running"] > 0, "what runs")
        waits.child.send_signal(signal.SIGINT)
        equal(waits.child.wait(timeout=20), -signal.SIGINT, "how the client ends")
        check(f"graphite cancel {job}" in waits.log(), f"it says how to end the job: {waits.log()}")
        equal(farm.ask("job", job)[-1]["over"], False, "the job goes on")
        follows = world.start("logs", "logs", "-f", job, *farm.where(), "--json")
        equal(farm.ask("cancel", job)[-1]["state"], "cancelled", "the job")
        equal(follows.child.wait(timeout=20), 0, "who follows its log ends with it")
        equal(farm.ask("job", job, "--wait", code=1)[-1]["state"], "cancelled", "who waits hears of it")


def logs_are_shown_and_followed():
    with World() as world:
        farm = Farm(world)
        folder = farm.folder("farm", {"a.txt": "a\n"}, command="echo one thing; echo broken >&2; exit 3")
        done = farm.submit(folder, "--wait", code=1)
        equal((done[-1]["state"], done[-1]["failed"]), ("failed", 1), "the job")
        check(any(one["event"] == "failure" and "broken" in one["message"] for one in done), f"it is told at once: {done}")
        said = farm.ask("logs", done[-1]["job"])
        check("one thing" in "".join(one["text"] for one in said), f"the log: {said}")
        equal(farm.ask("logs", "-f", done[-1]["job"]), said, "followed, of one that is over")
        equal(farm.ask("logs", done[-1]["job"], "--path", "nothing"), [], "of another asset")


def clients_with_the_same_paths_and_other_bytes_do_not_disturb_each_other():
    with World() as world:
        farm = Farm(world)
        folders = [farm.texts(f"farm-{word}", 10, word, command="sleep 0.05; " + UPPER) for word in ("one", "two", "three")]
        alone = [farm.submit(folder, "--view", folder.name, "--wait")[-1]["generation"] for folder in folders]
        equal(len(set(alone)), 3, "other bytes")
        for turn in range(3):
            clients = [world.start(f"{folder.name}-{turn}", "submit", "-C", folder, *farm.where(), "--wait", "--json") for folder in folders]
            for client, generation in zip(clients, alone):
                equal(client.event("job")["generation"], generation, f"{client.name}")
                equal(client.child.wait(timeout=20), 0, "its exit code")


def build_on_the_cluster_or_here_where_that_is_away():
    with World() as world:
        farm = Farm(world)
        folder = farm.texts("farm", 8)
        build = lambda *extra, code=0: objects("build", "-C", folder, *farm.where(), *extra, code=code)
        done = build()
        equal((done[-1]["event"], done[-1]["ran"], done[-1]["failed"]), ("build", 8, 0), "the last object")
        check(not (folder / ".graphite").exists(), "nothing was built here")
        bad = farm.folder("bad", {"a.txt": "a"}, command="exit 1")
        failed = objects("build", "-C", bad, *farm.where(), "--local-fallback", code=1)
        equal((failed[-1]["event"], failed[-1]["failed"]), ("build", 1), "a failure there is none of the cluster's")
        farm.coordinator.kill()
        away = build(code=3)
        check("--local-fallback" in away[-1]["message"] and farm.at in away[-1]["message"], f"it says what to do: {away}")
        here = build("--local-fallback")
        equal([one["event"] for one in here][-2:], ["fallback", "build"], "it is said")
        equal((here[-1]["ran"], here[-1]["assets"]), (8, 8), "what was built here")


def what_is_wrong_is_said_with_its_exit_code():
    with World() as world:
        farm = Farm(world)
        empty = world.work / "empty"
        empty.mkdir()
        equal(farm.submit(empty, code=2)[-1]["code"], "not_found", "no project")
        broken = farm.folder("broken", {})
        (broken / "graphite.toml").write_text("[project\n")
        farm.submit(broken, code=2)
        for words in (("job", 77), ("cancel", 77), ("logs", 77), ("why", "--job", 77, "a")):
            equal(farm.ask(*words, code=2)[-1]["code"], "not_found", f"{words}")
        folder = farm.texts("farm", 1, command="sleep 30; " + UPPER)
        late = farm.submit(folder, "--deadline", "1s", "--wait", code=1)
        equal(late[-1]["state"], "deadline exceeded", "a deadline that is over")
        farm.client("reader", "query")
        equal(farm.ask("jobs", client="reader")[0]["state"], "deadline exceeded", "who may look")
        denied = objects("submit", "-C", folder, *farm.where("reader"), code=4)
        equal(denied[-1]["code"], "permission_denied", "who may not submit")
        equal(farm.ask("cancel", 1, client="reader", code=4)[-1]["code"], "permission_denied", "nor cancel")
        others = world.work / "other-keys"
        run("keygen", others, "--json")
        run("keys", "client", others, "ci", "--verbs", "query,build", "--json")
        strange = objects("submit", "-C", folder, "--coordinator", farm.at, "--keys", others / "clients/ci", code=4)
        equal(strange[-1]["code"], "permission_denied", "keys of another installation")
        control = objects("jobs", "--coordinator", f"127.0.0.1:{farm.cluster.port()}", "--keys", farm.cluster.keys / "clients/ci", code=4)
        equal(control[-1]["event"], "error", "the port of the nodes")
        farm.coordinator.kill()
        away = farm.ask("jobs", code=3)
        check("graphite coordinator" in away[-1]["message"], f"it says what to do: {away}")


if __name__ == "__main__":
    main([a_project_is_submitted_waited_for_and_looked_at, what_a_job_has_made_is_fetched_whole_or_not_at_all, a_git_revision_is_submitted_as_it_was,
          one_key_is_one_job_over_restarts_of_both_sides, cancelling_and_giving_up_a_wait, logs_are_shown_and_followed,
          clients_with_the_same_paths_and_other_bytes_do_not_disturb_each_other, build_on_the_cluster_or_here_where_that_is_away,
          what_is_wrong_is_said_with_its_exit_code])
