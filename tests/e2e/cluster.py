#!/usr/bin/env python3
"""A coordinator and nodes as processes: keys made, joined, built on, killed."""
from clusters import RULE, UPPER, Cluster, built_alone, outputs, texts
from support import World, check, equal, main, no_core_file, run, wait_until


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


def status_shows_nodes_and_what_fits_none_and_orders_hold():
    picky = RULE + '''
[[rule]]
name = "bake"
match = ["*.scene"]
transform = "command"
outputs = ["{stem}.lit"]
[rule.needs]
resources = { gpu = 1 }
[rule.command]
shell = true
argv = "cat {in} > {out}"
'''
    with World() as world:
        world.write("graphite.toml", picky.replace("COMMAND", UPPER))
        world.write("a.txt", "a\n")
        world.write("room.scene", "light\n")
        cluster = Cluster(world)
        cluster.start()
        cluster.node("node-1", store=True)
        cluster.joined("node-1")

        def told():
            return run("status", "-C", world.root, "--json")["cluster"]

        build = world.start("build", "build", "-C", world.root, "--json")
        wait_until(lambda: told()["fit_no_node"], "an action that fits no node to be told")
        equal(told()["fit_no_node"], [{"rule": "bake", "needs": "gpu=1, tool sh as the coordinator has it", "count": 1}], "what fits no node")
        text = run("status", "-C", world.root)
        check("1 action of rule bake fits no node: gpu=1, tool sh" in text, f"not told: {text}")
        wait_until(lambda: "actions of rule bake wait (room.scene first): no node has gpu=1" in cluster.coordinator.log(),
                   "the coordinator's log to say so")
        check(build.child.poll() is None, "the build waits for such a node")
        cluster.node("node-2", "--resource", "gpu=1")
        equal((build.event("build")["failed"], told()["fit_no_node"]), (0, []), "once there is one")
        equal([(n["node"], n["here"], n["store"], n["service"]) for n in told()["nodes"]],
              [("node-1", True, True, "in"), ("node-2", True, False, "in")], "nodes")

        drained = run("drain", "node-1", "--within", "0", "-C", world.root, "--json")
        equal((drained["node"], drained["service"]), ("node-1", "draining"), "the order")
        wait_until(lambda: "node node-1 is drained" in cluster.coordinator.log(), "node-1 to be empty")
        world.write("b.txt", "b\n")
        equal(world.build()["ran"], 1, "what node-2 builds")
        run("cordon", "node-2", "-C", world.root)
        text = run("cordon", "node-3", "-C", world.root, code=2)
        check("no node node-3: did you mean 'node-1'?" in text, f"a name that is none: {text}")
        world.write("c.txt", "c\n")
        wait_until(lambda: sum(c["waiting"] for c in told()["classes"]) == 1, "an action that waits")
        port = cluster.port()
        cluster.coordinator.kill()
        cluster.start(port=port)
        cluster.joined("node-2", 2)
        equal([n["service"] for n in told()["nodes"]], ["draining", "cordoned"], "orders hold over a restart")
        run("uncordon", "node-1", "-C", world.root)
        wait_until(lambda: world.build()["behind"] == 0, "the rest")
        cluster.nodes["node-2"].kill()
        wait_until(lambda: [n["here"] for n in told()["nodes"]] == [True, False], "node-2 to be away")
        back = run("uncordon", "node-2", "-C", world.root, "--json")
        equal((back["node"], back["here"], back["service"]), ("node-2", False, "in"), "an order about one that is away")


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
        serial = cluster.make_part("node-1")["serial"]  # as it is printed
        node = cluster.node("node-1", store=True)
        cluster.joined("node-1")
        for process in (cluster.coordinator, node):
            no_core_file(process)
        run("keys", "revoke", cluster.keys, serial, "--json")
        wait_until(lambda: "of node-1 was revoked" in cluster.coordinator.log(), "the coordinator to shut it out")
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
    main([nodes_build_what_is_saved, status_shows_nodes_and_what_fits_none_and_orders_hold, a_killed_node_loses_nothing, a_killed_coordinator_goes_on,
          who_does_not_belong_is_refused_and_told_why, a_node_whose_key_is_revoked_is_shut_out, a_node_that_is_told_to_stop_hands_back])
