#!/usr/bin/env python3
"""Machines die, stop and are cut off while a cluster builds: what it makes is what is made without faults.

Each machine is a network namespace with an address of its own. How often is asked of GRAPHITE_FAULTS, in percent of the
counts below (default 10); `scripts/soak` asks for all of them.
"""
import os
import random
import signal
import subprocess

from clusters import Cluster, built_alone, outputs, texts
from machines import Machines
from support import Failed, World, check, equal, main, run, wait_until

PERCENT = int(os.environ.get("GRAPHITE_FAULTS", "10"))
SEED = int(os.environ.get("GRAPHITE_FAULT_SEED", "1"))
NODE_KILLS, COORDINATOR_KILLS, STORE_KILLS, PARTITIONS, STOPS_OF_EACH_ROLE = 100, 100, 30, 50, 50
SOURCES = 24
CHANGED_EACH = 10
BUILD_S = 120


def times(count):
    return max(1, count * PERCENT // 100)


class Site:
    """A coordinator, two stores that have everything, and two nodes that keep nothing."""

    def __init__(self, world, machines, stores=("store-1", "store-2"), copies=1):
        self.world = world
        self.random = random.Random(SEED)
        self.written = self.ran = 0
        self.joins, self.store_ports = {}, {}
        texts(world, SOURCES, "0.2")
        self.cluster = Cluster(world, machines)
        self.copies = copies
        self.control = self.cluster.start(copies=copies)
        for name in stores:
            self.begin(name, "--jobs", 1, store=True)
        for name in ("node-1", "node-2"):
            self.begin(name, "--jobs", 2)
        self.build()

    def begin(self, name, *extra, store=False):
        """As often as asked: a killed one again, in the same place."""
        node = self.cluster.node(name, *extra, store=store, store_port=self.store_ports.get(name, 0))
        ready = node.event("ready")
        if store:
            self.store_ports[name] = int(ready["store"].rsplit(":", 1)[1])
        self.cluster.joined(name, self.joins.get(name, 0) + 1)
        self.joins[name] = self.cluster.coordinator.log().count(f"node {name} has joined")
        return node

    def change(self):
        """Other bytes in some sources: their actions have to run."""
        for i in self.random.sample(range(SOURCES), CHANGED_EACH):
            self.written += 1
            self.world.write(f"t/{i}.txt", f"text {i}, as it was written the {self.written}th time\n")

    def build(self):
        done = self.start_build().event("build", deadline_s=BUILD_S)
        return self.took(done)

    def took(self, done):
        equal(done["failed"], 0, "failures")
        self.ran += done["ran"]
        return done

    def start_build(self):
        return self.world.start("build", "build", "-C", self.world.root, "--json")

    def running(self):
        """What runs now, as the coordinator tells."""
        return run("status", "-C", self.world.root, "--json")["cluster"]["running"]

    def here(self):
        """Names of the nodes that are here."""
        nodes = run("status", "-C", self.world.root, "--json")["cluster"]["nodes"]
        return {one["node"] for one in nodes if one["here"]}

    def in_the_middle(self, act, at=None):
        """A build, and something that happens while its actions run, at this node where one is named. Where none is it
        happens to the coordinator: it builds what is saved by itself, and a client would be told that it is away."""
        wait_until(lambda: at is None or at in self.here(), f"{at} to be here")
        self.change()
        build = self.start_build() if at else None
        wait_until(lambda: [one for one in self.running() if at in (None, one["node"])], f"actions to run at {at or 'nodes'}")
        act()
        if build:
            self.took(build.event("build", deadline_s=BUILD_S))
        else:
            self.build()

    def same_as_without_faults(self):
        self.build()
        equal(outputs(self.world), built_alone(self.world), "what the cluster made")


def site(act, *, stores=("store-1", "store-2"), copies=1, once=True):
    """`once` false: of builds whose service is killed nobody hears what they took."""
    names = ["main", *stores, "node-1", "node-2"]
    with Machines(names) as machines, World() as world:
        here = Site(world, machines, stores, copies)
        counts = act(here, machines)
        here.same_as_without_faults()
        print(f"        {counts}; {here.written + SOURCES} contents written, {here.ran} results taken", flush=True)
        if once:
            equal(here.ran, here.written + SOURCES, "each result is taken once")


def nodes_are_killed():
    def act(here, _):
        for i in range(times(NODE_KILLS)):
            name = f"node-{i % 2 + 1}"

            def kill(victim=name):
                here.cluster.nodes[victim].kill()
                here.begin(victim, "--jobs", 2)

            here.in_the_middle(kill, at=name)
        return f"{times(NODE_KILLS)} nodes killed"

    site(act)


def coordinators_are_killed():
    def act(here, _):
        for _ in range(times(COORDINATOR_KILLS)):

            def kill():
                here.cluster.coordinator.kill()
                here.cluster.start(here.control, copies=here.copies)
                here.joins.clear()

            here.in_the_middle(kill)
        return f"{times(COORDINATOR_KILLS)} coordinators killed"

    site(act, once=False)


def stores_are_killed_and_come_back():
    def act(here, _):
        for i in range(times(STORE_KILLS)):
            name = f"store-{i % 2 + 1}"

            def kill(victim=name):
                here.cluster.nodes[victim].kill()
                here.begin(victim, "--jobs", 1, store=True)

            here.in_the_middle(kill, at=name)
        return f"{times(STORE_KILLS)} stores killed"

    site(act, copies=2)


def machines_are_cut_off():
    ways = [(True, True), (True, False), (False, True)]

    def act(here, machines):
        for i in range(times(PARTITIONS)):
            name, (says, hears) = f"node-{i % 2 + 1}", ways[i % len(ways)]

            def cut(victim=name, says=says, hears=hears):
                before = here.cluster.coordinator.log().count(f"node {victim} is gone")
                machines.cut(victim, says, hears)
                wait_until(lambda: here.cluster.coordinator.log().count(f"node {victim} is gone") > before,
                           f"{victim} to be given up", deadline_s=60)
                machines.heal(victim)
                here.cluster.joined(victim, here.joins[victim] + 1)
                here.joins[victim] = here.cluster.coordinator.log().count(f"node {victim} has joined")

            here.in_the_middle(cut, at=name)
        return f"{times(PARTITIONS)} partitions, two of three one way"

    site(act)


def everybody_is_stopped_for_a_while():
    def act(here, _):
        count = times(STOPS_OF_EACH_ROLE)
        for name in ("node-1", "store-1", "coordinator"):
            for _ in range(count):
                process = here.cluster.coordinator if name == "coordinator" else here.cluster.nodes[name]

                def stop(process=process):
                    process.child.send_signal(signal.SIGSTOP)
                    try:
                        # As long as others need to notice it, half of the times.
                        process.child.wait(timeout=here.random.choice([0.2, 6]))
                        raise Failed(f"{process.name} ended while it was stopped")
                    except subprocess.TimeoutExpired:
                        pass
                    finally:
                        process.child.send_signal(signal.SIGCONT)

                here.in_the_middle(stop, at=None if name == "coordinator" else name)
        return f"{count} stops of each: a node, a store, the coordinator"

    site(act)


if __name__ == "__main__":
    main([nodes_are_killed, coordinators_are_killed, stores_are_killed_and_come_back, machines_are_cut_off,
          everybody_is_stopped_for_a_while])
