"""A coordinator and nodes as processes, for tests."""
import re
import subprocess

from support import PROGRAM, World, files_below, run, wait_until

RULE = """[project]
name = "e2e"
[[rule]]
name = "upper"
match = ["*.txt"]
transform = "command"
outputs = ["{stem}.up"]
[rule.command]
shell = true
argv = "COMMAND"
"""
UPPER = "tr a-z A-Z < {in} > {out}"


class Cluster:
    """Keys, a coordinator, and nodes by their names."""

    def __init__(self, world, machines=None):
        self.world = world
        self.machines = machines  # None: all on this one
        self.keys = world.work / "cluster-keys"
        self.nodes = {}
        self.coordinator = None
        run("keygen", self.keys, "--json")
        self.make_part("main", "coordinator")

    def make_part(self, name, role="node", keys=None):
        return run("keys", "node", keys or self.keys, name, "--role", role, "--json")

    def start(self, port=0, copies=1, *extra):
        self.coordinator = self.world.start(
            "coordinator", "coordinator", "-C", self.world.root, "--json", "--control", f"{self.address('main')}:{port}",
            "--control-keys", self.keys / "nodes/main", "--copies", copies, *extra,
            prefix=self.inside("main"))
        self.world.ready = self.coordinator.event("ready")
        return self.port()

    def address(self, name):
        return self.machines.address(name) if self.machines else "127.0.0.1"

    def inside(self, name):
        return self.machines.inside(name) if self.machines else ()

    def port(self):
        return int(self.world.ready["control"].rsplit(":", 1)[1])

    def node(self, name, *extra, store=False, store_port=0, keys=None, state=None, tools=True):
        if not (self.keys / "nodes" / name).exists() and keys is None:
            self.make_part(name)
        options = ["--store", "--listen-store", f"{self.address(name)}:{store_port}"] if store else []
        if tools:
            options += ["--tools", self.world.root / "graphite.toml"]
        self.nodes[name] = self.world.start(
            name, "node", "--coordinator", f"{self.address('main')}:{self.port()}", "--keys", keys or self.keys / "nodes" / name,
            "--state", state or self.world.work / name, *options, *extra, "--json",
            prefix=self.inside(name))
        return self.nodes[name]

    def joined(self, name, times=1):
        wait_until(lambda: self.coordinator.log().count(f"node {name} has joined") >= times, f"{name} to join")


def texts(world, count, pause="0"):
    world.write("graphite.toml", RULE.replace("COMMAND", f"sleep {pause}; {UPPER}"))
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
