#!/usr/bin/env python3
"""Stores of a cluster as processes: within their bound, replaced when they die, damaged, full, told of revoked keys."""
import json
import os
import shutil
import subprocess
import time
import urllib.request

from clusters import Cluster, built_alone, outputs
from support import PROGRAM, SmallDisk, World, check, disk_bytes, equal, main, run, wait_until

# A tool that only nodes with the project's tools offer: a store beside which none are runs nothing.
PROJECT = """[project]
name = "e2e"
[tools.shell]
paths = ["/bin/sh"]
"""
UPPER = """[[rule]]
name = "upper"
match = ["*.txt"]
transform = "command"
outputs = ["{stem}.mid"]
publish = false
[rule.command]
tools = ["shell"]
argv = ["{tool:shell}", "-c", "tr a-z A-Z < {in} > {out}"]
"""
TWICE = """[[rule]]
name = "twice"
match = ["*.mid"]
transform = "command"
outputs = ["{stem}.out"]
[rule.command]
tools = ["shell"]
argv = ["{tool:shell}", "-c", "sleep PAUSE; cat {in} {in} > {out}"]
"""
COUNT = """[[rule]]
name = "count"
match = ["*.bin"]
transform = "command"
outputs = ["{stem}.size"]
[rule.command]
tools = ["shell"]
argv = ["{tool:shell}", "-c", "wc -c < {in} > {out}; cksum < {in} >> {out}"]
"""


def rules(world, *texts, pause="0"):
    world.write("graphite.toml", PROJECT + "".join(texts).replace("PAUSE", pause))


def texts(world, count, bytes_each=3000):
    for i in range(count):
        world.write(f"t/{i}.txt", (f"text {i} " * bytes_each)[:bytes_each])


def figure(world, name, store):
    """What /metrics of the coordinator says of a store; None: nothing yet."""
    with urllib.request.urlopen(f"http://{world.ready['metrics']}/metrics", timeout=20) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f'graphite_store_{name}{{store="{store}"}}'):
                return float(line.rsplit(" ", 1)[1])
    return None


def settled(world, stores):
    """All of these stores have what they should."""
    return all(figure(world, "to_check", one) == 0 and figure(world, "up", one) == 1 for one in stores)


def flip(folder):
    """Each byte of each content below is another one from now on; what heads the files stays."""
    for path in folder.glob("segment-*"):
        with open(path, "r+b") as file:
            data = bytearray(file.read())
            for i in range(4096, len(data)):
                data[i] ^= 1
            file.seek(0)
            file.write(data)


def what_nobody_needs_goes_and_no_build_breaks():
    with World() as world:
        rules(world, COUNT)
        world.write("a.bin", b"first")
        cluster = Cluster(world)
        cluster.start()
        cluster.node("keeper", "--store-bytes", "32 MiB", "--store-keep", 1, store=True, tools=False)
        cluster.joined("keeper")
        cluster.node("worker")
        cluster.joined("worker")
        for i in range(50):  # slower than a coordinator that has just begun waits before it says what is needed
            world.write("a.bin", os.urandom(700_000))
            equal(world.build()["failed"], 0, f"failures of build {i}")
            time.sleep(0.4)
        wait_until(lambda: (figure(world, "dropped_bytes", "keeper") or 0) > 10_000_000, "old contents to go")
        wait_until(lambda: disk_bytes(world.work / "keeper/store/segments") < 32 << 20, "the store's files to be within bounds")
        equal(outputs(world), built_alone(world), "what the cluster made")
        # A node that has nothing yet finds all that it needs.
        cluster.nodes["worker"].stop()
        rules(world, COUNT.replace("cksum", "cksum -"))
        cluster.node("other")
        wait_until(lambda: "node other has joined" in cluster.coordinator.log(), "another node")
        equal(world.build()["failed"], 0, "failures of a node that has nothing yet")
        equal(outputs(world), built_alone(world), "what it made")


def a_store_that_dies_is_replaced_and_gets_what_it_missed():
    with World() as world:
        rules(world, UPPER, TWICE)
        texts(world, 60)
        world.write("t/large.txt", "large " * 500_000)
        cluster = Cluster(world)
        cluster.start(0, 2, "--store-away", 2)
        names = ["store-1", "store-2", "store-3"]
        for name in names:
            cluster.node(name, store=True, tools=False)
            cluster.joined(name)
        cluster.node("worker")
        cluster.joined("worker")
        equal(world.build()["failed"], 0, "failures")
        wait_until(lambda: settled(world, names), "the stores to be in order")
        made = 2 * 61  # what the action cache names; sources are the coordinator's to bring again
        cluster.nodes["store-2"].kill()
        left = ["store-1", "store-3"]
        wait_until(lambda: figure(world, "up", "store-2") == 0, "the coordinator to notice")
        wait_until(lambda: sum(figure(world, "copied", name) for name in left) > 0, "copies to be counted")
        wait_until(lambda: all(figure(world, "contents", name) >= made for name in left) and settled(world, left),
                   "two copies of each again")
        check("other stores have what they should" in cluster.nodes["store-1"].log(), "a store says that all is in place")
        # What is made meanwhile is in both; and then it comes back.
        world.write("t/meanwhile.txt", "meanwhile")
        equal(world.build()["failed"], 0, "failures with two stores")
        cluster.node("store-2", store=True, tools=False)
        cluster.joined("store-2", 2)
        wait_until(lambda: settled(world, names), "the one that came back to be in order")
        # Another one dies for good, and a node that has nothing builds all of it again from what is left.
        cluster.nodes["store-1"].kill()
        cluster.nodes["worker"].stop()
        wait_until(lambda: figure(world, "up", "store-1") == 0, "the coordinator to notice again")
        rules(world, UPPER, TWICE.replace("cat {in} {in}", "cat {in} {in} {in}"))
        cluster.node("fresh")
        wait_until(lambda: "node fresh has joined" in cluster.coordinator.log(), "a fresh node")
        equal(world.build()["failed"], 0, "failures of the fresh node")
        equal(outputs(world), built_alone(world), "what the cluster made")


def what_a_store_has_damaged_is_brought_again():
    with World() as world:
        rules(world, UPPER, TWICE, pause="0.2")
        texts(world, 30)
        cluster = Cluster(world)
        cluster.start()
        keeper = cluster.node("keeper", store=True, tools=False)
        cluster.joined("keeper")
        cluster.node("first", "--jobs", 1)
        cluster.joined("first")
        build = world.start("build", "build", "-C", world.root, "--json")
        wait_until(lambda: (figure(world, "contents", "keeper") or 0) > 45, "the build to be half done")
        flip(world.work / "keeper/store/segments")
        cluster.nodes["first"].kill()  # whose cache had all of it
        cluster.node("second", "--jobs", 2)
        done = build.event("build")
        equal(done["failed"], 0, "failures")
        equal(outputs(world), built_alone(world), "what the cluster made")
        check("is damaged here and was forgotten" in keeper.log(), "the store says what it found")
        check("no store has the bytes of" in cluster.coordinator.log(), "the coordinator says what was lost")


def what_is_lost_everywhere_is_made_again_by_its_action():
    with World() as world:
        rules(world, UPPER, TWICE, pause="0.2")
        texts(world, 30)
        cluster = Cluster(world)
        cluster.start()
        cluster.node("keeper", store=True, tools=False)
        cluster.joined("keeper")
        cluster.node("first", "--jobs", 1)
        cluster.joined("first")
        build = world.start("build", "build", "-C", world.root, "--json")
        wait_until(lambda: (figure(world, "contents", "keeper") or 0) > 45, "the build to be half done")
        flip(world.work / "keeper/store/segments")
        flip(world.root / ".graphite/segments")
        cluster.nodes["first"].kill()
        cluster.node("second", "--jobs", 2)
        done = build.event("build")
        equal(done["failed"], 0, "failures")
        check(done["ran"] > 60, f"{done['ran']} actions ran: some of them twice")
        equal(outputs(world), built_alone(world), "what the cluster made")


def the_coordinator_tells_stores_which_keys_are_revoked():
    with World() as world:
        rules(world, COUNT)
        world.write("a.bin", b"a")
        cluster = Cluster(world)
        cluster.start()
        parts = world.work / "parts"  # as on other machines: what changes in the keys' folder is not seen here
        for name in ("keeper", "worker"):
            cluster.make_part(name)
            shutil.copytree(cluster.keys / "nodes" / name, parts / name)
        keeper = cluster.node("keeper", store=True, tools=False, keys=parts / "keeper")
        cluster.joined("keeper")
        cluster.node("worker", keys=parts / "worker")
        cluster.joined("worker")
        equal(world.build()["failed"], 0, "failures")
        listed = subprocess.run([PROGRAM, "keys", "list", cluster.keys, "--json"], capture_output=True, text=True, check=True)
        serial = next(row["serial"] for row in map(json.loads, listed.stdout.splitlines())
                      if row.get("kind") == "role-key" and row.get("name") == "worker")
        run("keys", "revoke", cluster.keys, str(serial), "--json")
        wait_until(lambda: (parts / "keeper/revocations").exists(), "the store to hear of it")
        equal((parts / "keeper/revocations").read_bytes(), (cluster.keys / "nodes/main/revocations").read_bytes(), "the list")
        wait_until(lambda: "took list 1 of revoked keys" in keeper.log(), "the store to say so")
        wait_until(lambda: f"key {serial} of worker was revoked" in cluster.coordinator.log(), "the coordinator to shut it out")


def a_full_disk_at_a_node_is_said_and_over_when_there_is_room():
    with World() as world, SmallDisk(world, 64) as disk:
        rules(world, COUNT)
        cluster = Cluster(world)
        cluster.start()
        cluster.node("keeper", store=True, tools=False)
        cluster.joined("keeper")
        cluster.node("worker", "--scratch", "disk", "--cache-bytes", "24 MiB", state=disk.folder / "worker")
        cluster.joined("worker")
        disk.fill()
        for i in range(20):
            world.write(f"{i}.bin", os.urandom(1_500_000))
        build = world.start("build", "build", "-C", world.root, "--json", "-k")
        wait_until(lambda: "space" in (cluster.coordinator.log() + build.log()).lower(), "a word of the space")
        equal(cluster.nodes["worker"].child.poll(), None, "the node stays")
        disk.free()
        wait_until(lambda: world.build(code=(0, 1))["failed"] == 0, "the build on a disk with room")
        equal(outputs(world), built_alone(world), "what the cluster made")


def a_full_disk_at_a_store_is_said_and_over_when_there_is_room():
    with World() as world, SmallDisk(world, 64) as disk:
        rules(world, COUNT)
        cluster = Cluster(world)
        cluster.start()
        keeper = cluster.node("keeper", store=True, tools=False, state=disk.folder / "keeper")
        cluster.joined("keeper")
        cluster.node("worker")
        cluster.joined("worker")
        world.write("before.bin", os.urandom(400_000))
        equal(world.build()["failed"], 0, "failures before")
        disk.fill()
        for i in range(4):
            world.write(f"{i}.bin", os.urandom(400_000))
        build = world.start("build", "build", "-C", world.root, "--json", "-k")
        wait_until(lambda: "space" in cluster.coordinator.log() + build.log(), "a word of the space")
        equal(keeper.child.poll(), None, "the store stays")
        disk.free()
        wait_until(lambda: world.build(code=(0, 1))["failed"] == 0, "the build on a disk with room")
        equal(outputs(world), built_alone(world), "what the cluster made")


def a_full_disk_at_the_coordinator_is_said_and_over_when_there_is_room():
    with World() as world, SmallDisk(world, 64) as disk:
        rules(world, COUNT)
        state = disk.folder / "coordinator"
        cluster = Cluster(world)
        cluster.start(0, 1, "--state", state)
        cluster.node("keeper", store=True, tools=False)
        cluster.joined("keeper")
        cluster.node("worker")
        cluster.joined("worker")
        world.write("before.bin", b"before")
        equal(run("build", "-C", world.root, "--state", state, "--json")["failed"], 0, "failures before")
        disk.fill()
        for i in range(4):
            world.write(f"{i}.bin", os.urandom(400_000))
        build = world.start("build", "build", "-C", world.root, "--state", state, "--json", "-k")
        wait_until(lambda: "space" in (cluster.coordinator.log() + build.log()).lower(), "a word of the space")
        equal(cluster.coordinator.child.poll(), None, "the coordinator stays")
        disk.free()
        wait_until(lambda: run("build", "-C", world.root, "--state", state, "--json", code=(0, 1))["failed"] == 0,
                   "the build on a disk with room")
        found = subprocess.run([PROGRAM, "bundle", "inspect", state / "bundles/main", "--assets", "--json"],
                               capture_output=True, text=True, check=True).stdout
        for i in range(4):
            check(f'"{i}.size"' in found, f"{i}.size in the bundle")
        cluster.coordinator.kill()
        cluster.start(cluster.port(), 1, "--state", state)
        wait_until(lambda: run("build", "-C", world.root, "--state", state, "--json", code=(0, 1))["failed"] == 0,
                   "the state to be whole")


if __name__ == "__main__":
    main([what_nobody_needs_goes_and_no_build_breaks, a_store_that_dies_is_replaced_and_gets_what_it_missed,
          what_a_store_has_damaged_is_brought_again, what_is_lost_everywhere_is_made_again_by_its_action,
          the_coordinator_tells_stores_which_keys_are_revoked, a_full_disk_at_a_node_is_said_and_over_when_there_is_room,
          a_full_disk_at_a_store_is_said_and_over_when_there_is_room,
          a_full_disk_at_the_coordinator_is_said_and_over_when_there_is_room])
