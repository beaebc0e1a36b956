#!/usr/bin/env python3
"""Ports beyond loopback: the demo's two machines, and clients with certificates and tokens within their verbs."""
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys

from past import expired_client
from relay import Relay
from support import PROGRAM, World, ask_operators_port, check, equal, main, own_ports, run, skip, wait_until

DEMO = pathlib.Path(__file__).resolve().parents[2] / "scripts/demo_secure.py"


def the_demo_with_two_machines_ends_well():
    if os.geteuid() != 0 or not shutil.which("ip"):
        skip("a second network namespace needs root and `ip`")
    done = subprocess.run([sys.executable, DEMO, "--program", PROGRAM], capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, done.stdout + done.stderr)
    equal(done.stdout.count("  refused  "), 3, "intruders that were refused")


class Served:
    """A project that is served to clients, and how to ask."""

    def __init__(self, world):
        self.world = world
        self.keys = world.work / "keys"
        run("keygen", self.keys)
        world.write("a.txt", "one")
        self.dev = world.dev(None, "--keys", self.keys / "publisher", "--listen-clients", "127.0.0.1:0",
                             "--listen-tokens", "127.0.0.1:0")
        world.build()

    def client(self, name, verbs):
        issued = run("keys", "client", self.keys, name, "--verbs", verbs, "--json")
        return issued["serial"], ["--at", self.world.ready["clients"], "--keys", self.keys / "clients" / name]

    def expect_refused(self, who, asks, hears, writes, code=4):
        """Hears why and nothing of the project; the service writes it."""
        said = run("status", *asks, code=code)
        check(hears in said, f"{who} heard {said}")
        check("a.txt" not in said and "channel" not in said, f"{who} learned {said}")
        wait_until(lambda: writes in self.dev.log(), f"the service to write of {who}: {writes}")

    def token(self, name, verbs, *more):
        issued = run("keys", "token", self.keys, name, "--verbs", verbs, *more, "--json")
        return issued["serial"], ["--at", self.world.ready["tokens"], "--token", self.keys / "clients" / name / "token"]


def clients_ask_within_their_verbs():
    with World() as world:
        served = Served(world)
        _, reader = served.client("reader", "query")
        equal(run("status", *reader, "--json")["channels"][0]["name"], "main", "what a reader is told")
        said = run("rollback", "main", 1, *reader, code=4)
        check("publish" in said, f"the verb that is missing is not named: {said}")
        run("stop", *reader, code=4)
        world.write("a.txt", "two")
        world.build()
        serial, publisher = served.client("publisher", "query,publish")
        made = run("rollback", "main", 1, *publisher, "--json")
        check(made["generation"]["sequence"] > 2, "the rollback has a new number")
        record = run("audit", "-C", world.root, "--what", "rollback")
        check("publisher" in record and str(serial) in record, f"who rolled back is not in the record: {record}")
        check(f"main to generation 1: generation {made['generation']['sequence']}" in record, record)
        record = run("audit", "-C", world.root, "--what", "refused")
        check("reader" in record and "stop" in record, f"who was refused is not in the record: {record}")


def a_revoked_certificate_and_a_revoked_token_are_refused():
    with World() as world:
        served = Served(world)
        for kind, (serial, asks) in (("certificate", served.client("alice", "query")), ("token", served.token("bob", "query"))):
            run("status", *asks)
            run("keys", "revoke", served.keys, serial)
            wait_until(lambda: subprocess.run([PROGRAM, "status", *map(str, asks)], capture_output=True).returncode == 4,
                       "the revocation to count")
            name = "alice" if kind == "certificate" else "bob"
            why = f"{kind} {serial} of {name} was revoked: ask for a new one"
            served.expect_refused(name, asks, why, why)


def operators_are_met_with_the_keys_of_now():
    with World() as world:
        keys, others = world.work / "keys", world.work / "others"
        run("keygen", keys)
        run("keygen", others)
        serials = {}
        for where, name in ((keys, "olga"), (keys, "oscar"), (others, "eve")):
            serials[name] = run("keys", "operator", where, name, "--verbs", "query", "--json")["serial"]
        world.write("a.txt", "one")
        dev = world.dev(None, "--keys", keys / "publisher", "--listen-operators", "127.0.0.1:0")

        def ask(part, trusted=keys / "root/operators-ca.crt"):
            try:
                return ask_operators_port(world.ready["metrics"], part, "/metrics", trusted)
            except OSError as refused:
                return str(refused), None

        olga, oscar, eve = keys / "operators/olga", keys / "operators/oscar", others / "operators/eve"
        answer, certificate = ask(olga)
        check("graphite_sources" in answer, answer)
        check("graphite_sources" not in ask(eve)[0], "who has the key of another authority is shown something")
        wait_until(lambda: "its certificate is not of this authority" in dev.log(), "the service to say whom it refused")
        run("keys", "revoke", keys, serials["oscar"])
        wait_until(lambda: "was revoked" in ask(oscar)[0], "the revocation to count")
        run("keys", "rotate", keys, "--server")
        wait_until(lambda: ask(olga)[1] != certificate, "the new certificate")
        check("graphite_sources" in ask(olga)[0], "who was not revoked is shown nothing")
        for file in ("operators-ca.crt", "operators.crt", "operators.key"):
            shutil.copy(others / "publisher" / file, keys / "publisher" / file)
        wait_until(lambda: "graphite_sources" in ask(eve, others / "root/operators-ca.crt")[0], "the new authority")
        check("graphite_sources" not in ask(olga, others / "root/operators-ca.crt")[0], "the old authority counts")


def strangers_learn_nothing():
    with World() as world:
        served = Served(world)
        others = world.work / "others"
        run("keygen", others)
        run("keys", "client", others, "eve", "--verbs", "query,operate")
        asks = ["--at", world.ready["clients"], "--keys"]
        # Who comes from another installation does not believe the service, either.
        served.expect_refused("eve", [*asks, others / "clients/eve"], "its certificate is not of this authority",
                              "its certificate is not of this authority", code=(3, 4))
        forged = world.work / "forged"
        shutil.copytree(others / "clients/eve", forged)
        shutil.copy(served.keys / "root/clients-ca.crt", forged / "clients-ca.crt")
        served.expect_refused("eve who knows better", [*asks, forged],
                              "the other side does not know the authority of this certificate",
                              "its certificate is not of this authority")
        # The token of another root, shown to the right server.
        run("keys", "token", others, "eve", "--verbs", "query")
        shutil.copy(others / "clients/eve/token", forged / "token")
        served.expect_refused("eve's token", ["--at", world.ready["tokens"], "--token", forged / "token"],
                              "no root that this service trusts has signed this token", "no root that this service trusts")
        _, tenant = served.token("carol", "query", "--tenant", "elsewhere")
        served.expect_refused("carol", tenant, "this token is for tenant elsewhere", "this token is for tenant elsewhere")
        # A runtime's part opens no client's port.
        run("keys", "ticket", served.keys, "game")
        run("status", *asks, served.keys / "runtimes/game", code=(2, 4))
        served.expect_refused("an expired one", [*asks, expired_client(served.keys, world.work / "expired")],
                              "the other side says that this certificate has expired", "its certificate has expired")


def an_address_beyond_loopback():
    """Of this machine, in a network of this program's own."""
    SIOCSIFADDR, address = 0x8916, "10.219.74.1"
    if not own_ports.alone:
        skip("a network of its own needs root")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(any_socket, SIOCSIFADDR, asked)
    return address


def a_runtime_without_keys_is_told_that_they_are_wanted():
    """Through a forwarded port of loopback, where it may go without."""
    address = an_address_beyond_loopback()
    with World() as world:
        keys = world.work / "keys"
        run("keygen", keys)
        world.write("a.txt", "one")
        dev = world.dev(None, "--keys", keys / "publisher", "--listen", address)
        forwarded = Relay(world.ready["heads"])
        world.ready = {**world.ready, "heads": forwarded.address}
        reader = world.subscribe("reader")
        wait_until(lambda: f"{forwarded.address} ends connections without keys" in reader.log(), "the runtime to say so")
        check("--keys DIR" in reader.log(), reader.log())
        wait_until(lambda: "heads port: refused a peer at" in dev.log(), "the service to write of it")
        wait_until(lambda: len(forwarded.links) > 3, "another try")
        equal(reader.log().count("without keys"), 1, "how often it is said")
        check(not world.shown("reader"), "something was shown")
        forwarded.close()


def ports_beyond_loopback_want_keys():
    with World() as world:
        world.write("a.txt", "one")
        for option in ("--listen", "--listen-clients", "--listen-tokens", "--listen-operators"):
            address = "0.0.0.0" if option == "--listen" else "0.0.0.0:0"
            said = run("dev", "-C", world.root, option, address, code=4)
            check("graphite keygen" in said, f"{option}: {said}")


if __name__ == "__main__":
    main([the_demo_with_two_machines_ends_well, clients_ask_within_their_verbs,
          a_revoked_certificate_and_a_revoked_token_are_refused, operators_are_met_with_the_keys_of_now,
          a_runtime_without_keys_is_told_that_they_are_wanted, strangers_learn_nothing, ports_beyond_loopback_want_keys])
