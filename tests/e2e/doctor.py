#!/usr/bin/env python3
"""`graphite doctor` on this machine, and in children that may do less."""
import ctypes
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import xml.etree.ElementTree

from support import PROGRAM, Skipped, World, check, equal, main, run

STATES = ("ok", "note", "warning", "bad")
IO_URING_SETUP, IO_URING_ENTER, IO_URING_REGISTER = 425, 426, 427  # of every architecture since Linux 5.1


def findings(*arguments, **how):
    """The object, and its checks by name."""
    event = run("doctor", "--json", *arguments, **how)
    equal(event["event"], "doctor", "event")
    return event, {one["name"]: one for one in event["checks"]}


def state(checks, name):
    return checks[name]["state"]


def text_and_json_say_the_same():
    with World() as world:
        event, checks = findings("-C", world.root)
        text = run("doctor", "-C", world.root)
        for one in event["checks"]:
            check(re.search(rf"^{one['state']} +{one['name']} ", text, re.M), f"{one['name']} is not in\n{text}")
            check(one["state"] in STATES, one)
            equal(one["advice"] == "", one["state"] == "ok", f"whether {one['name']} has no advice")
        equal(len(checks), len(event["checks"]), "names")
        check("node 0" in text, "no drawing")
        topology = event["topology"]
        usable = sorted(cpu for node in topology["nodes"] for cpu in node["processors"])
        equal(usable, sorted(os.sched_getaffinity(0)), "processors that may be used")
        equal(checks["project"]["found"], str(world.root / "graphite.toml"), "project")
        check(str(world.root) in checks["project_folder"]["found"], "the project's folder")
        equal(event["affinity"]["pin"], "auto", "pin")


def it_changes_nothing():
    with World() as world:
        world.write("a/b.txt", "x")
        before = sorted(world.work.rglob("*"))
        findings("-C", world.root)
        equal(sorted(world.work.rglob("*")), before, "files")


def outside_a_project_its_checks_are_left_out():
    with World() as world:
        _, checks = findings("-C", world.work)
        equal(state(checks, "project"), "note", "project")
        check("project_folder" not in checks and "state_folder" not in checks, "checks of no project")


def folders_are_counted_but_ignored_ones():
    with World() as world:
        for name in ("a", "b/c", ".graphite/deep/er"):
            world.write(f"{name}/file", "x")
        _, checks = findings("-C", world.root)
        check(", 4 folders to watch" in checks["inotify_watches"]["found"], checks["inotify_watches"])


def a_mistake_in_the_project_file_is_bad():
    with World("[project]\nname = 5\n") as world:
        _, checks = findings("-C", world.root)
        equal(state(checks, "project"), "bad", "project")
        run("doctor", "-C", world.root, "--strict", code=1)


def the_picture_is_an_svg():
    with World() as world:
        file = world.work / "machine.svg"
        file.write_text("old")
        event, _ = findings("--picture", file)
        equal(event["picture"], str(file), "picture")
        svg = xml.etree.ElementTree.parse(file).getroot()
        equal(svg.tag, "{http://www.w3.org/2000/svg}svg", "root element")
        cells = [one for one in svg.iter() if one.get("class") == "usable"]
        equal(len(cells), len(os.sched_getaffinity(0)) + 1, "cells and the legend's")
        run("doctor", "--picture", world.work, code=2)


def limits_of_a_child_are_seen():
    _, checks = findings("--strict", prefix=("prlimit", "--nofile=64:64", "--core=0:0"), code=1)
    equal(state(checks, "open_files"), "bad", "open_files")
    check("64" in checks["open_files"]["found"], checks["open_files"])
    check("--ulimit nofile" in checks["open_files"]["advice"], checks["open_files"])
    findings(prefix=("prlimit", "--nofile=64:64"))


def processors_that_are_taken_away_are_seen():
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Skipped("one processor")
    event, checks = findings(prefix=("taskset", "-c", str(cpus[1])))
    equal(state(checks, "processors"), "note", "processors")
    equal([node["processors"] for node in event["topology"]["nodes"] if node["processors"]], [[cpus[1]]], "usable")
    forbidden = [cpu for node in event["topology"]["nodes"] for cpu in node["forbidden"]]
    check(cpus[0] in forbidden, f"{cpus[0]} is not forbidden: {forbidden}")
    check(f"({cpus[0]})" in run("doctor", prefix=("taskset", "-c", str(cpus[1]))), "not in the drawing")


def a_port_of_somebody_else_is_named():
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 7403))
        except OSError as why:
            raise Skipped(f"port 7403: {why}") from None
        taken.listen()
        _, checks = findings()
        equal(state(checks, "port_7403"), "warning", "port_7403")
        check(f"({os.getpid()})" in checks["port_7403"]["found"], checks["port_7403"])


def a_running_service_is_no_trouble():
    with World() as world:
        dev = world.dev()
        _, checks = findings("-C", world.root)
        for port in (7402, 7403, 7404):
            equal(state(checks, f"port_{port}"), "ok", f"port {port} ({checks[f'port_{port}']})")
            check(f"taken by graphite-engine ({dev.child.pid})" in checks[f"port_{port}"]["found"], checks)


def a_worker_that_is_not_there_is_bad():
    _, checks = findings(environment={"GRAPHITE_WORKER": "/nowhere/graphite-worker"})
    equal(state(checks, "worker_program"), "bad", "worker_program")
    _, checks = findings(environment={"GRAPHITE_WORKER": "/bin/true"})
    equal(state(checks, "worker_program"), "bad", "worker_program that is another program")
    _, checks = findings()
    equal(state(checks, "worker_program"), "ok", f"worker_program ({checks['worker_program']})")


def forced_instructions_are_told():
    _, checks = findings(environment={"GRAPHITE_SIMD": "scalar"})
    equal(state(checks, "simd"), "note", "simd")


def deny(call):
    """From now on the system call fails with EPERM, in this process and what it becomes."""
    load, jump_if_equal, answer = 0x20, 0x15, 0x06
    with_eperm, allowed = 0x00050001, 0x7FFF0000
    program = b"".join(struct.pack("HBBI", *one) for one in [
        (load, 0, 0, 0), (jump_if_equal, 0, 1, call), (answer, 0, 0, with_eperm), (answer, 0, 0, allowed)])
    kept = ctypes.create_string_buffer(program, len(program))
    filter_of = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(kept))
    libc = ctypes.CDLL(None, use_errno=True)
    refused = libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.create_string_buffer(filter_of, len(filter_of)),
                                                      0, 0)
    if refused:
        sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")


def a_filter_of_system_calls_is_seen():
    _, checks = findings(prefix=(sys.executable, __file__, "--without", str(IO_URING_SETUP)))
    equal(state(checks, "io_uring"), "note", "io_uring")
    check("io_uring_setup" in checks["io_uring"]["advice"], checks["io_uring"])
    equal(state(checks, "seccomp"), "note", "seccomp")
    check("io_uring" in checks["seccomp"]["found"], checks["seccomp"])
    check("setuid" in checks["no_new_privs"]["found"], checks["no_new_privs"])
    equal(state(checks, "worker_sandbox"), "ok", "worker_sandbox")


def each_call_of_io_uring_counts():
    _, checks = findings()
    if state(checks, "io_uring") != "ok":
        raise Skipped("no io_uring here")
    for call, name in ((IO_URING_ENTER, "io_uring_enter"), (IO_URING_REGISTER, "io_uring_register")):
        _, checks = findings(prefix=(sys.executable, __file__, "--without", str(call)))
        equal(state(checks, "io_uring"), "note", f"io_uring without {name}")
        check(name in checks["io_uring"]["found"] and name in checks["io_uring"]["advice"], checks["io_uring"])


def little_locked_memory_is_noted():
    if os.geteuid() != 0:
        raise Skipped("to be another user takes root")
    with World() as world:
        folder = pathlib.Path(PROGRAM).parent
        reachable = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "test", "-x", folder], check=False)
        if reachable.returncode != 0:
            raise Skipped(f"another user cannot look into {folder}")
        _, checks = findings("-C", world.work, prefix=("prlimit", "--memlock=65536:65536", "setpriv", "--reuid=65534",
                                                       "--clear-groups"))
        if state(checks, "io_uring") != "ok":
            raise Skipped("no io_uring here")
        equal(state(checks, "locked_memory"), "note", f"locked_memory ({checks['locked_memory']})")
        check("64 KiB" in checks["locked_memory"]["found"], checks["locked_memory"])


def without_sysfs_it_says_so():
    prefix = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys && exec "$@"', "sh")
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        raise Skipped("no mount name space may be made")
    _, checks = findings(prefix=prefix)
    equal(state(checks, "processors"), "warning", f"processors ({checks['processors']})")
    equal(state(checks, "clock_source"), "note", "clock_source")


def capabilities_of_a_user_namespace_raise_no_limit():
    prefix = ("prlimit", "--memlock=65536:65536", "unshare", "--user", "--map-root-user")
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        raise Skipped("no user name space may be made")
    _, checks = findings(prefix=prefix)
    check("CAP_IPC_LOCK" not in checks["locked_memory"]["found"], checks["locked_memory"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--without"]:
        deny(int(sys.argv[2]))
        os.execv(sys.argv[3], sys.argv[3:])
    main([text_and_json_say_the_same, it_changes_nothing, outside_a_project_its_checks_are_left_out,
          folders_are_counted_but_ignored_ones, a_mistake_in_the_project_file_is_bad, the_picture_is_an_svg,
          limits_of_a_child_are_seen, processors_that_are_taken_away_are_seen, a_port_of_somebody_else_is_named,
          a_running_service_is_no_trouble, a_worker_that_is_not_there_is_bad, forced_instructions_are_told,
          a_filter_of_system_calls_is_seen, each_call_of_io_uring_counts, little_locked_memory_is_noted,
          without_sysfs_it_says_so, capabilities_of_a_user_namespace_raise_no_limit])
