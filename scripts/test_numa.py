#!/usr/bin/env python3
"""Boots virtual machines with several NUMA nodes; in them pages must lie where asked, threads run where pinned."""
import argparse
import datetime
import fcntl
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter

from numa_vm import images, machine
from numa_vm.layouts import LAYOUTS

TREE = pathlib.Path(__file__).resolve().parent.parent
SERVICE_PROGRAMS = ("bin/graphite", "bin/graphite-engine", "bin/graphite-worker")
# These programs must have tests of every *_test.cpp in the folder: one that is not built into them is told.
FOLDERS = {"numa_tests": "tests/numa"}
NEEDED = ("qemu-system-x86_64", "debootstrap", "mke2fs", "strip", "ldd")
# Limits of one machine, and of each program in it. Translated code is ten times slower, and two processors may carry
# five.
MACHINE_S = {"kvm": 400, "tcg": 1500}
PROGRAM_S = {"kvm": 120, "tcg": 400}

EPILOG = """\
The machines (sizes and distances: scripts/numa_vm/layouts.py):
{layouts}

In each: is the machine as asked; the test programs, whose skipped tests are listed; `graphite dev` and `graphite build`
on a small project of commands and textures with threads pinned (what is expected of them: scripts/numa_vm/expect.py).

The guest is a minimal Debian of this machine's release, made with debootstrap from the mirror in /etc/apt and kept,
with its kernel, below --cache: only the first run needs the network and root. It runs under KVM where a guest is seen to
start, else QEMU translates, about ten times slower; which of them is said. Logs stay in CACHE/logs.

Before the first run:
  scripts/setup --numa
  cmake --preset release && cmake --build --preset release --target graphite numa_tests

Exit codes: 0 nothing failed (look at SKIP), 1 a check failed or a guest did not report, 2 cannot start."""


def usage_error(text):
    print(f"test-numa: {text}", file=sys.stderr)
    raise SystemExit(2)


def parse():
    layouts = "\n".join(f"  {name} nodes: {layout.words()}" for name, layout in LAYOUTS.items())
    parser = argparse.ArgumentParser(prog="scripts/test-numa", description=__doc__,
                                     epilog=EPILOG.format(layouts=layouts),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", choices=[*LAYOUTS, "both"], default="both",
                        help="which machine (default: %(default)s)")
    parser.add_argument("--tests", nargs="*", default=["numa_tests"], metavar="NAME",
                        help="programs of build/release/tests to run (default: numa_tests)")
    parser.add_argument("--no-service", action="store_true", help="leave out graphite dev and graphite build")
    parser.add_argument("--build", type=pathlib.Path, default=TREE / "build/release", metavar="DIR",
                        help="where the programs were built (default: build/release)")
    parser.add_argument("--cache", type=pathlib.Path, default=TREE / "build/numa-vm", metavar="DIR",
                        help="what is kept for the next run (default: build/numa-vm)")
    parser.add_argument("--accel", choices=["auto", "kvm", "tcg"], default="auto",
                        help="auto: KVM, or translation where KVM does not start a guest")
    parser.add_argument("--markdown", action="store_true", help="print the result as the block of docs/machine.md too")
    parser.add_argument("--keep", action="store_true", help="keep the disk of programs and the raw reports, say where")
    parser.add_argument("--shell", action="store_true",
                        help="a shell in the machine instead of the checks; exit ends it")
    options = parser.parse_args()
    if options.shell and options.nodes == "both":
        parser.error("--shell needs --nodes 2 or --nodes 4")
    options.build = options.build.resolve()
    options.cache = options.cache.resolve()
    return options


def check_host():
    if platform.machine() != "x86_64":
        usage_error(f"the guest is for x86_64, this machine is {platform.machine()}")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        usage_error(f"missing: {', '.join(missing)}; scripts/setup --numa installs them")


def programs_of(options):
    """All files that go into the guest. Libraries that are loaded by name at run time are in lib."""
    service = [] if options.no_service else SERVICE_PROGRAMS
    wanted = [*service, *(f"tests/{name}" for name in options.tests)]
    missing = [name for name in wanted if not (options.build / name).exists()]
    if missing:
        targets = sorted({"graphite" if name.startswith("bin/") else pathlib.Path(name).name for name in missing})
        usage_error(f"{options.build} has no {', '.join(missing)}. Build them:\n"
                    f"  cmake --preset release && cmake --build --preset release --target {' '.join(targets)}")
    libraries = [path for path in sorted((options.build / "lib").glob("*.so*")) if path.is_file()]
    return [options.build / name for name in wanted] + libraries


def sources_of(name):
    """The files whose tests the program must have; none where that is not known."""
    return sorted(path.name for path in (TREE / FOLDERS[name]).glob("*_test.cpp")) if name in FOLDERS else []


class Results:
    """Verdicts of all machines; prints each as it comes."""

    def __init__(self):
        self.checks = []  # (machine, name, verdict, detail)
        self.machines = {}  # machine -> words on how it ran

    def check(self, name, what, verdict, detail):
        self.checks.append((name, what, verdict, detail))
        print(f"{verdict:<5} {name} nodes  {what}{': ' if detail else ''}{detail}", flush=True)

    def count(self, name=None):
        return Counter(verdict for of, _, verdict, _ in self.checks if name in (None, of))


class MachineRun:
    """What one guest reports, from its first word to its last."""

    def __init__(self, name, results):
        self.name = name
        self.results = results
        self.kernel = ""
        self.ended_well = False

    def accept(self, report):
        if report["event"] == "hello":
            self.kernel = report["kernel"]
        elif report["event"] == "check":
            self.results.check(self.name, report["name"], report["verdict"], report["detail"])
        elif report["event"] == "end":
            self.ended_well = True


class Runner:
    """Boots machines from the disks, with an accelerator that is seen to work; the verdicts go to `results`."""

    def __init__(self, options, work, root, payload, accelerators):
        self.options = options
        self.work = work
        self.disks = (root, payload)
        self.accelerators = accelerators
        self.results = Results()

    def run(self, name):
        console = self.options.cache / "logs" / f"{name}-nodes.console.log"
        kvm_refused = ""
        for accelerator in self.accelerators.choices()[0]:
            begin = time.monotonic()
            run = MachineRun(name, self.results)
            why = self._follow(name, accelerator, console, run)
            if run.kernel or accelerator == "tcg":
                break
            kvm_refused = why
            print(f"test-numa: KVM does not run the guest: {why}", flush=True)
        if not run.ended_well:
            self.results.check(name, "guest", "FAIL", f"{why or 'ended before its last check'}; its console: {console}")
        elif kvm_refused:
            self.accelerators.refused(kvm_refused)
        how = ["KVM" if accelerator == "kvm" else "TCG (translated)", f"Linux {run.kernel or 'not started'}",
               f"{time.monotonic() - begin:.0f} s"]
        self.results.machines[name] = ", ".join(how)
        print(f"test-numa: {name} nodes: {', '.join(how)}", flush=True)

    def _follow(self, name, accelerator, console, run):
        """One guest to its end. Empty, or why it was ended."""
        folder = self.work / f"{name}-{accelerator}"
        folder.mkdir()
        command = machine.arguments(name, LAYOUTS[name], accelerator, *self.disks, shell=False)
        guest = machine.Guest(command, folder, console)
        try:
            first_word_s = machine.FIRST_WORD_S if accelerator == "kvm" else MACHINE_S[accelerator]
            return guest.follow(MACHINE_S[accelerator], run.accept, first_word_s)
        finally:
            guest.end()

    def shell(self, name):
        accelerator = self.accelerators.choices()[0][0]
        command = machine.arguments(name, LAYOUTS[name], accelerator, *self.disks, shell=True)
        print(f"test-numa: a shell in {name} nodes, by {accelerator} (--accel); exit, or Ctrl-A X, ends it", flush=True)
        environment = {**os.environ, "TMPDIR": str(self.work)}
        return subprocess.run([*command, "-serial", "mon:stdio"], env=environment).returncode


def print_table(results, seconds):
    print(f"\n{'machine':<10}{'passed':>8}{'failed':>8}{'skipped':>9}  how")
    for name, how in results.machines.items():
        count = results.count(name)
        print(f"{name + ' nodes':<10}{count['PASS']:>8}{count['FAIL']:>8}{count['SKIP']:>9}  {how}")
    count = results.count()
    print(f"\ntest-numa: {count['PASS']} passed, {count['FAIL']} failed, {count['SKIP']} skipped in {seconds:.0f} s")


def commit():
    done = subprocess.run(["git", "-C", TREE, "describe", "--always", "--dirty", "--exclude=*"], capture_output=True,
                          text=True)
    return done.stdout.strip() or "unknown"


def markdown(results):
    """The block of docs/machine.md with the last result."""
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    out = [f"`scripts/test-numa`, {datetime.date.today()}, commit {commit()}, QEMU {machine.version()} on "
           f"{os.cpu_count()} processors ({model}):", "", "| machine | check | result | |", "|---|---|---|---|"]
    for name, how in results.machines.items():
        out.append(f"| {name} nodes | {LAYOUTS[name].words()} | | {how} |")
        out += [f"| {name} nodes | {what} | {verdict} | {detail.replace('|', '/')} |"
                for of, what, verdict, detail in results.checks
                if of == name and (verdict, what) != ("PASS", "machine")]
    return "\n".join(out)


def prepare_root(options):
    root = images.Root(options.cache)
    if not root.made():
        print(f"test-numa: making the guest's Debian {root.mirror.suite} from {root.mirror.uri}, once: a minute or two",
              flush=True)
        root.make()
    return root


def run_all(options, work):
    begin = time.monotonic()
    programs = programs_of(options)
    root = prepare_root(options)
    accelerators = machine.Accelerator(options.cache, options.accel)
    choices, why = accelerators.choices()
    if why:
        print(f"test-numa: without KVM: {why}")
    payload = work / "payload.img"
    plan = {"tests": {name: sources_of(name) for name in options.tests}, "service": not options.no_service,
            "seconds": PROGRAM_S[choices[-1]]}
    images.make_payload(payload, work, options.build, programs, plan)
    runner = Runner(options, work, root, payload, accelerators)
    if options.shell:
        return runner.shell(options.nodes)
    for name in LAYOUTS if options.nodes == "both" else [options.nodes]:
        runner.run(name)
    results = runner.results
    print_table(results, time.monotonic() - begin)
    (options.cache / "last.md").write_text(markdown(results) + "\n")
    if options.markdown:
        print(f"\n{markdown(results)}")
    return 1 if results.count()["FAIL"] else 0


def main():
    options = parse()
    check_host()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    (options.cache / "logs").mkdir(parents=True, exist_ok=True)
    with open(options.cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run: wait for its end
        work = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=options.cache))
        try:
            return run_all(options, work)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            usage_error(str(error))
        finally:
            if options.keep:
                print(f"test-numa: kept {work}")
            else:
                shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
