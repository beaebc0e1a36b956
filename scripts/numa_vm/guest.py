"""Runs inside the virtual machine: all checks, one JSON object a line on the port that the host reads.

usage: python3 -m numa_vm.guest PORT      in the folder of the payload, whose plan.json says what to run
"""
import fcntl
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import termios
import traceback
from xml.etree import ElementTree

from numa_vm import service
from numa_vm.kernel_lists import numbers_of
from numa_vm.layouts import LAYOUTS

NODES = pathlib.Path("/sys/devices/system/node")
MEMORY_LOST_MB_MAX = 64  # firmware and kernel keep some of each node


class Report:
    """Sends verdicts to the host. What was sent stays sent, however this program ends."""

    def __init__(self, port):
        self.port = open(port, "w")
        if os.isatty(self.port.fileno()):
            settings = termios.tcgetattr(self.port)
            settings[1] &= ~termios.ONLCR
            termios.tcsetattr(self.port, termios.TCSANOW, settings)
        self.stage = ""  # before each name

    def _send(self, **fields):
        self.port.write(json.dumps(fields) + "\n")
        self.port.flush()
        print(fields, flush=True)

    def hello(self):
        self._send(event="hello", kernel=os.uname().release)

    def check(self, name, verdict, detail=""):
        self._send(event="check", name=self.stage + name, verdict=verdict, detail=detail)

    def verdict(self, name, faults, detail):
        """PASS with `detail`, or FAIL with what is wrong."""
        self.check(name, "FAIL" if faults else "PASS", "; ".join(faults) or detail)

    def end(self):
        self._send(event="end")
        termios.tcdrain(self.port)


def node_faults(layout, number):
    folder = NODES / f"node{number}"
    if not folder.exists():
        return [f"no node {number}"]
    faults = []
    cpus = numbers_of((folder / "cpulist").read_text())
    if cpus != layout.cpus_of(number):
        faults.append(f"node {number} has CPUs {cpus}, not {layout.cpus_of(number)}")
    distances = [int(word) for word in (folder / "distance").read_text().split()]
    if distances != list(layout.distances[number]):
        faults.append(f"node {number} has distances {distances}")
    memory_mb = int(re.search(r"MemTotal:\s+(\d+) kB", (folder / "meminfo").read_text()).group(1)) // 1024
    asked_mb = layout.nodes[number].memory_mb
    if not asked_mb - MEMORY_LOST_MB_MAX <= memory_mb <= asked_mb:
        faults.append(f"node {number} has {memory_mb} MiB, not about {asked_mb}")
    return faults


def check_layout(report, layout):
    """The machine is the one that was asked for: else all that follows means nothing."""
    found = numbers_of((NODES / "online").read_text())
    faults = [] if found == list(range(len(layout.nodes))) else [f"nodes online: {found}"]
    for number in range(len(layout.nodes)):
        faults += node_faults(layout, number)
    siblings = sorted({path.read_text().strip() for path in pathlib.Path("/sys/devices/system/cpu").glob(
        "cpu*/topology/thread_siblings_list")})
    report.verdict("machine", faults, f"{layout.words()}; SMT siblings: {' | '.join(siblings)}")


def names_where(results, kind):
    """(test, element) of all tests that have an element of this kind: "failure" or "skipped"."""
    return [(f"{test.get('classname')}.{test.get('name')}", test.find(kind)) for test in results.iter("testcase")
            if test.find(kind) is not None]


def count_tests(report, name, sources, results, code):
    """What a test program's XML says; skipped tests each by itself: on this machine there should be none."""
    skipped = names_where(results, "skipped")
    failed = names_where(results, "failure")
    for test, element in skipped:
        report.check(f"{name}: {test}", "SKIP", " ".join(element.get("message", "").split("\n")[1:]).strip())
    ran = sum(test.get("result") == "completed" for test in results.iter("testcase"))
    missing = set(sources) - {pathlib.Path(test.get("file", "")).name for test in results.iter("testcase")}
    faults = [f"failed: {', '.join(test for test, _ in failed)}"] if failed else []
    if code and not faults:
        faults = [f"ended with {code}"]
    if ran == 0 and not faults:
        faults = ["no test ran"]
    faults += [f"it has no test of {source}" for source in sorted(missing)]
    of_files = f" of {len(sources)} files" if sources else ""
    report.verdict(name, faults, f"{ran} tests{of_files} passed, {len(skipped)} skipped")


def check_test_program(report, build, name, sources, seconds):
    """A GoogleTest program of the build's folder tests, with tests of all `sources` in it."""
    output = pathlib.Path("/tmp") / f"{name}.xml"
    output.unlink(missing_ok=True)
    try:
        done = subprocess.run([build / "tests" / name, "--gtest_color=no", f"--gtest_output=xml:{output}"], cwd="/tmp",
                              timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        report.check(name, "FAIL", f"did not end within {seconds} s")
        return
    if not output.exists():
        report.check(name, "FAIL", f"ended with {done.returncode} and without results")
        return
    count_tests(report, name, sources, ElementTree.parse(output), done.returncode)


def loopback_up():
    """As `ip link set lo up`: the service listens there."""
    get_flags, set_flags, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = bytearray(struct.pack("16sH14x", b"lo", 0))
        fcntl.ioctl(any_socket, get_flags, request)
        flags = struct.unpack_from("16sH", request)[1]
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", flags | up))


def guarded(report, name, work):
    """A check that throws has failed; the others still run."""
    try:
        work()
    except Exception as error:  # whatever it is, the host must hear of it
        traceback.print_exc()
        report.check(name, "FAIL", f"{type(error).__name__}: {error}")


def turn_off(layout):
    for node in layout.off:
        for cpu in layout.places_of(node):
            pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/online").write_text("0")


def check_all(report, layout, plan):
    build = pathlib.Path(plan["build"])
    guarded(report, "machine", lambda: check_layout(report, layout))
    for name, sources in plan["tests"].items():
        guarded(report, name, lambda: check_test_program(report, build, name, sources, plan["seconds"]))
    if plan["service"]:
        program = build / "bin/graphite"
        guarded(report, service.DEV, lambda: service.check_dev(report, layout, program, plan["seconds"]))
        guarded(report, service.BUILD, lambda: service.check_build(report, program, plan["seconds"]))


def main():
    report = Report(sys.argv[1])
    report.hello()
    plan = json.loads(pathlib.Path("plan.json").read_text())
    layout = LAYOUTS[re.search(r"numa_vm\.layout=(\w+)", pathlib.Path("/proc/cmdline").read_text()).group(1)]
    guarded(report, "loopback", loopback_up)
    check_all(report, layout, plan)
    if layout.turned_off_later:
        layout = layout.turned_off()
        report.stage = f"CPUs of node {', '.join(map(str, layout.off))} off: "
        guarded(report, "turn off", lambda: turn_off(layout))
        check_all(report, layout, plan)
    report.end()


if __name__ == "__main__":
    main()
