#!/usr/bin/env python3
"""A coordinator and nodes as processes: keys made, joined, built on, killed."""
import json
import re
import subprocess

from support import PROGRAM, World, check, equal, files_below, main, run, wait_until

RULE = """[project]
name = "e2e"
[[rule]]
name = "upper"
match = ["*.txt"]
transform = "command"
outputs = ["{stem}.up"]
[rule.command]
shell = true
argv = "sleep PAUSE; tr a-z A-Z < {in} > {out}"
"""


class Cluster:
    """Keys, a coordinator, and nodes by their names."""

    def __init__(self, world):
        self.world = world
        self.keys = world.work / "cluster-keys"
        self.nodes = {}
        self.coordinator = None
        run("keygen", self.keys, "--json")
        self.make_part("main", "coordinator")

    def make_part(self, name, role="node", keys=None):
        run("keys", "node", keys or self.keys, name, "--role", role, "--json")

    def start(self, port=0, copies=1, *extra):
        self.coordinator = self.world.start("coordinator", "coordinator", "-C", self.world.root, "--json", "--control",
                                            f"127.0.0.1:{port}", "--control-keys", self.keys / "nodes/main", "--copies", copies,
                                            *extra)
        self.world.ready = self.coordinator.event("ready")
        return self.port()

    def port(self):
        return int(self.world.ready["control"].rsplit(":", 1)[1])

    def node(self, name, *extra, store=False, keys=None, state=None, tools=True):
        if not (self.keys / "nodes" / name).exists() and keys is None:
            self.make_part(name)
        options = ["--store", "--listen-store", "127.0.0.1:0"] if store else []
        if tools:
            options += ["--tools", self.world.root / "graphite.toml"]
        self.nodes[name] = self.world.start(
            name, "node", "--coordinator", f"127.0.0.1:{self.port()}", "--keys", keys or self.keys / "nodes" / name,
            "--state", state or self.world.work / name, *options, *extra, "--json")
        return self.nodes[name]

    def joined(self, name, times=1):
        wait_until(lambda: self.coordinator.log().count(f"node {name} has joined") >= times, f"{name} to join")


def texts(world, count, pause="0"):
    world.write("graphite.toml", RULE.replace("PAUSE", pause))
    for i in range(count):
        world.write(f"t/{i}.txt", f"text {i}\n")


def outputs(world):
    """What the bundle says: each asset with its content."""
    listed = subprocess.run([PROGRAM, "bundle", "inspect", world.bundle, "--assets", "--json"], capture_output=True,
                            text=True, check=True)
    return sorted(re.findall(r'"path":"([^"]+)".*?"content":"([0-9a-f]+)"', listed.stdout))


def built_alone(world):
    """The same by one process without a cluster, from nothing."""
    with World() as other:
        for path, data in files_below(world.root, without=".graphite").items():
            other.write(path, data)
        other.build()
        return outputs(other)


def nodes_build_what_is_saved():
    with World() as world:
        texts(world, 40)
        cluster = Cluster(world)
        cluster.start()
        cluster.node("node-1", store=True)
        cluster.node("node-2")
        cluster.joined("node-1")
        cluster.joined("node-2")
        done = world.build()
        equal((done["ran"], done["failed"]), (40, 0), "what ran")
        equal(outputs(world), built_alone(world), "what the cluster made")
        reader = world.subscribe("reader")
        reader.swap_with(changed="7.up")
        world.write("t/7.txt", "another\n")
        reader.swap_with(changed="7.up")
        equal((world.current("reader") / "7.up").read_text(), "ANOTHER\n", "what the subscriber has")


def a_killed_node_loses_nothing():
    with World() as world:
        texts(world, 60, "0.1")
        cluster = Cluster(world)
        cluster.start()
        cluster.node("keeper", "--jobs", 1, store=True)
        cluster.joined("keeper")
        cluster.node("victim", "--jobs", 4, "--scratch", "disk")
        cluster.joined("victim")
        build = world.start("build", "build", "-C", world.root, "--json")
        wait_until(lambda: list((world.work / "victim/scratch").rglob("*.txt")), "attempts at the node")
        cluster.nodes["victim"].kill()
        done = build.event("build")
        equal((done["ran"], done["failed"]), (60, 0), "what ran")
        check("node victim is gone" in cluster.coordinator.log(), "the coordinator says that a node is gone")
        equal(outputs(world), built_alone(world), "what the cluster made")


def a_killed_coordinator_goes_on():
    with World() as world:
        texts(world, 40, "0.2")
        cluster = Cluster(world)
        port = cluster.start()
        cluster.node("node-1", "--jobs", 4, store=True)
        cluster.joined("node-1")
        wait_until(lambda: (world.work / "node-1/store/segments").exists(), "the store")
        cluster.coordinator.kill()
        cluster.start(port)
        cluster.joined("node-1")
        done = world.build()
        equal(done["failed"], 0, "failures")
        equal(outputs(world), built_alone(world), "what the cluster made")


def who_does_not_belong_is_refused_and_told_why():
    with World() as world:
        texts(world, 1)
        cluster = Cluster(world)
        cluster.start()
        others = world.work / "other-keys"
        run("keygen", others, "--json")
        cluster.make_part("stranger", keys=others)
        stranger = cluster.node("stranger", keys=others / "nodes/stranger")
        wait_until(lambda: "control connection: " in stranger.log(), "the refusal of another installation's keys")
        wait_until(lambda: "control port: refused 127.0.0.1:" in cluster.coordinator.log(), "the coordinator to say so")
        check("certificate" in cluster.coordinator.log(), "the coordinator says why")
        cluster.make_part("relay-1", "relay")
        relay = world.start("relay", "node", "--coordinator", f"127.0.0.1:{cluster.port()}", "--keys",
                            cluster.keys / "nodes/relay-1", "--state", world.work / "relay-1")
        wait_until(lambda: "is the part of a relay" in relay.log(), "the refusal of another role's part")
        check("has joined" not in cluster.coordinator.log(), "nobody joined")


def a_node_whose_key_is_revoked_is_shut_out():
    with World() as world:
        texts(world, 1)
        cluster = Cluster(world)
        cluster.start()
        node = cluster.node("node-1", store=True)
        cluster.joined("node-1")
        listed = subprocess.run([PROGRAM, "keys", "list", cluster.keys, "--json"], capture_output=True, text=True, check=True)
        serial = next(row["serial"] for row in map(json.loads, listed.stdout.splitlines())
                      if row.get("kind") == "role-key" and row.get("name") == "node-1")
        run("keys", "revoke", cluster.keys, str(serial), "--json")
        wait_until(lambda: f"key {serial} of node-1 was revoked" in cluster.coordinator.log(), "the coordinator to shut it out")
        wait_until(lambda: "revoked" in node.log(), "the node to be told why")


def a_node_that_is_told_to_stop_hands_back():
    with World() as world:
        texts(world, 30, "0.1")
        cluster = Cluster(world)
        cluster.start()
        cluster.node("keeper", "--jobs", 1, store=True)
        leaver = cluster.node("leaver", "--jobs", 2)
        cluster.joined("keeper")
        cluster.joined("leaver")
        build = world.start("build", "build", "-C", world.root, "--json")
        leaver.child.terminate()
        wait_until(lambda: leaver.child.poll() is not None, "the node to end")
        equal(leaver.child.returncode, 0, "its exit code")
        done = build.event("build")
        equal((done["ran"], done["failed"]), (30, 0), "what ran")


if __name__ == "__main__":
    main([nodes_build_what_is_saved, a_killed_node_loses_nothing, a_killed_coordinator_goes_on,
          who_does_not_belong_is_refused_and_told_why, a_node_whose_key_is_revoked_is_shut_out, a_node_that_is_told_to_stop_hands_back])
