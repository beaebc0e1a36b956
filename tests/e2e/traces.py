#!/usr/bin/env python3
"""Traces of builds as `graphite trace` writes them, and the figures of nodes."""
import json
import subprocess
import urllib.request

from clusters import UPPER, Cluster
from job_commands import Farm
from support import PROGRAM, World, check, equal, main, wait_until

CHAIN = """[project]
name = "e2e"
[[rule]]
name = "upper"
match = ["*.txt"]
transform = "command"
outputs = ["{stem}.up"]
[rule.command]
shell = true
argv = "sleep 0.05; tr a-z A-Z < {in} > {out}"
[[rule]]
name = "twice"
match = ["*.up"]
transform = "command"
outputs = ["{stem}.two"]
[rule.command]
shell = true
argv = "cat {in} {in} > {out}"
"""


def traced(*words, code=0, output=None):
    done = subprocess.run([PROGRAM, "trace", *map(str, words)], capture_output=True, text=True, timeout=120)
    equal(done.returncode, code, f"exit code of trace {words}:\n{done.stderr[-1500:]}\n")
    if code:
        return done.stderr
    return json.loads(output.read_text() if output else done.stdout), done.stderr


class Trace:
    def __init__(self, document):
        self.events = document["traceEvents"]
        self.about = document["otherData"]
        self.names = {e["pid"]: e["args"]["name"] for e in self.events if e["name"] == "process_name"}
        self.runs = [e for e in self.events if e["ph"] == "X" and e["cat"].startswith("run")]
        self.critical = [e for e in self.events if e["ph"] == "X" and e["cat"] == "critical"]

    def holds_together(self):
        """Spans within the build; slots run one thing at a time; the critical path has no gap."""
        wall, tolerance = self.about["wall_us"], 0.01
        for event in self.events:
            if event["ph"] == "X":
                check(event["ts"] >= 0 and event["ts"] + event["dur"] <= wall + tolerance, f"within the build: {event}")
        last = 0
        for event in self.critical:
            check(abs(event["ts"] - last) < tolerance, f"the critical path goes on at {last}: {event}")
            last = event["ts"] + event["dur"]
        check(abs(last - wall) < tolerance, f"the critical path ends with the build: {last} of {wall}")
        slots = {}
        for event in self.events:
            if event["ph"] == "X" and event["pid"] != 1:
                slots.setdefault((event["pid"], event["tid"]), []).append(event)
        for spans in slots.values():
            spans.sort(key=lambda e: e["ts"])
            for one, other in zip(spans, spans[1:]):
                check(one["ts"] + one["dur"] <= other["ts"] + tolerance, f"one after the other: {one} {other}")
        begins = sorted((e["cat"], e["id"]) for e in self.events if e["ph"] == "b")
        equal(begins, sorted((e["cat"], e["id"]) for e in self.events if e["ph"] == "e"), "what waits begins and ends")


def a_job_is_traced_over_its_nodes():
    with World() as world:
        farm = Farm(world, nodes=2)
        folder = farm.texts("farm", 30, command="sleep 0.1; " + UPPER)
        job = farm.submit(folder, "--wait")[-1]["job"]
        document, said = traced(job, *farm.where())
        trace = Trace(document)
        trace.holds_together()
        equal(sorted(e["args"]["path"] for e in trace.runs), sorted(f"t/{i}.txt" for i in range(30)), "each action once")
        equal({e["args"]["rule"] for e in trace.runs}, {"upper"}, "their rule")
        equal({trace.names[e["pid"]] for e in trace.runs}, {"node node-0", "node node-1"}, "where they ran")
        equal(trace.about["build"], f"job {job}", "the build")
        check(any("critical" in e["cat"] for e in trace.runs), "what is critical is marked")
        check(all(e["args"]["cause"].startswith("never built") for e in trace.runs), "why they ran")
        check(all(e["dur"] > 0 for e in trace.runs), "they ran for some time")
        check(any(e["args"]["store_us"] > 0 for e in trace.runs), "what they made was stored")
        check("critical path:" in said and "30 actions" in said, f"the summary: {said}")
        output = world.work / "trace.json"
        again, _ = traced("job", job, *farm.where(), "-o", output, output=output)
        equal(again, document, "the same, to a file")
        (folder / "t/7.txt").write_text("another\n")
        after = farm.submit(folder, "--wait")[-1]["job"]
        edited = Trace(traced(after, *farm.where())[0])
        edited.holds_together()
        equal([e["args"]["cause"] for e in edited.runs], ["changed: t/7.txt"], "the cause of an edit")
        check("99" in traced(99, *farm.where(), code=2), "a job that is none")


def a_chain_of_one_machine_is_critical():
    with World() as world:
        world.write("graphite.toml", CHAIN)
        for name in "ab":
            world.write(f"{name}.txt", name)
        world.dev()
        world.build()
        trace = Trace(traced("latest", "-C", world.root)[0])
        trace.holds_together()
        equal(sorted(e["args"]["path"] for e in trace.runs), ["a.txt", "a.up", "b.txt", "b.up"], "each action once")
        chain = [e["args"]["path"] for e in trace.runs if "critical" in e["cat"]]
        equal(len(chain), 2, f"two after each other determine the end: {chain}")
        equal(chain[1], chain[0].replace(".txt", ".up"), "the second reads what the first made")
        equal({trace.names[e["pid"]] for e in trace.runs}, {"this machine"}, "where")
        first = trace.about["build"]
        world.write("a.txt", "other")
        world.build()
        edited = Trace(traced("latest", "-C", world.root)[0])
        equal(edited.about["cause"], "edit: a.txt", "what began the build")
        equal([e["args"]["path"] for e in edited.runs], ["a.txt", "a.up"], "what ran")
        number = first.split()[-1]
        equal(Trace(traced(number, "-C", world.root)[0]).about["build"], first, "an older one by its generation")
        check("latest" in traced("what", "-C", world.root, code=2), "what a build may be called")
        check("no trace of 999" in traced(999, "-C", world.root, code=2), "one that is not known")


if __name__ == "__main__":
    main([a_job_is_traced_over_its_nodes, a_chain_of_one_machine_is_critical])
