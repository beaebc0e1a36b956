"""A service with its domains, inside the virtual machine: threads run where pinned, pages lie where asked."""
import json
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import defaultdict

from numa_vm import expect
from numa_vm.kernel_lists import cpu_text
from numa_vm.processes import action_processes, mappings_of, threads_of

INPUTS = 8
STOP_S = 60

PROJECT = '''[project]
name = "numa"

[[rule]]
name = "slow"
match = "src/*.txt"
outputs = "{dir}/{name}.out"
[rule.command]
shell = true
argv = "sleep 2; cat {in} > {out}"
'''


def make_project(folder):
    """Actions that take two seconds, so that they are seen while they run."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "src").mkdir(parents=True)
    (folder / "graphite.toml").write_text(PROJECT)
    for number in range(INPUTS):
        (folder / "src" / f"{number}.txt").write_text(f"input {number}\n")
    return folder


class Service:
    """`graphite dev --json`; its events are kept in a queue."""

    def __init__(self, program, project, arguments):
        self.child = subprocess.Popen([program, "dev", "-C", project, "--json", *arguments], stdout=subprocess.PIPE,
                                      stdin=subprocess.DEVNULL, text=True)
        self.events = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.events.put(json.loads(line))
        self.events.put({"event": "gone"})

    def next_event(self, wait_s):
        """None where none came."""
        try:
            event = self.events.get(timeout=wait_s)
        except queue.Empty:
            return None
        if event["event"] == "gone":
            raise RuntimeError(f"graphite dev ended with {self.child.wait()}")
        return event

    def wait_ready(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            event = self.next_event(1)
            if event is not None and event["event"] == "ready":
                return event
        raise RuntimeError(f"graphite dev was not ready within {seconds} s")

    def stop(self):
        """Its exit code; none where it had to be killed."""
        self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            return None


class Seen:
    """What was seen of the service while it built."""

    def __init__(self):
        self.threads = []  # of the moment at which most ran
        self.actions = set()
        self.assets = 0


def watch(service, pid, seconds):
    """Looks again and again until all is built."""
    seen = Seen()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and seen.assets < INPUTS:
        threads = threads_of(pid)
        seen.threads = max(seen.threads, threads, key=len)
        seen.actions.update(action_processes(pid))
        event = service.next_event(0.1)
        if event is not None and event["event"] == "generation":
            seen.assets = event["assets"]
    return seen


def check_pool(report, layout, pool, threads):
    """Each domain has its threads, and they may run on its processors and nowhere else."""
    domains = layout.domains()
    found = defaultdict(list)
    for name, cpus in threads:
        match = pool.pattern.fullmatch(name)
        if match:
            found[int(match.group(1))].append((name, cpus))
    numbers = range(len(domains)) if pool.numbered_by == "domain" else domains
    faults = [f"threads of no domain: {name}" for number in found if number not in numbers for name, _ in found[number]]
    for number, node in zip(numbers, domains):
        wanted = cpu_text(layout.cpus_of(node))
        count = len(found[number])
        cpus = len(layout.cpus_of(node))
        if count == 0 or (pool.count == "cpus" and count != cpus):
            faults.append(f"{count} threads of node {node}, which has {cpus} CPUs")
        faults += [f"{name} may run on {cpus}, not {wanted}" for name, cpus in found[number] if cpus != wanted]
    words = ", ".join(f"{len(found[number])} on CPUs {cpu_text(layout.cpus_of(node))}"
                      for number, node in zip(numbers, domains))
    report.verdict(f"service: {pool.what} run where pinned", faults, words)


def check_actions(report, layout, seen):
    domains = {cpu_text(layout.cpus_of(node)) for node in layout.domains()}
    faults = [f"{name} may run on {cpus}, which is no domain" for name, cpus in sorted(seen.actions)
              if cpus not in domains]
    if not seen.actions:
        faults = ["no process of an action was seen"]
    report.verdict("service: actions stay in a domain", faults,
                   f"seen on CPUs {' and '.join(sorted({cpus for _, cpus in seen.actions}))}")


def check_pages(report, layout, mappings):
    """Pages of bound mappings lie on the nodes that these name; each domain has as many placed ones as promised."""
    faults = []
    placed = defaultdict(int)
    total = defaultdict(int)
    bound = 0
    for policy, nodes, pages in mappings:
        for node, count in pages.items():
            total[node] += count
        if policy.startswith("bind"):
            bound += sum(pages.values())
            faults += [f"{count} pages bound to {sorted(nodes)} lie on node {node}" for node, count in pages.items()
                       if node not in nodes]
        if policy.startswith(("bind", "prefer")) and len(nodes) == 1:
            placed[min(nodes)] += 1
    for node in layout.domains():
        if placed[node] < expect.PLACED_MAPPINGS_PER_DOMAIN_MIN:
            faults.append(f"{placed[node]} mappings for node {node}")
    lie = ", ".join(f"{total[node]} on node {node}" for node in sorted(total))
    report.verdict("service: bound pages lie where asked", faults, f"{bound} bound pages; of all pages {lie}")


def check_promises(report, layout, seen, mappings, pinned):
    if not pinned:
        why = f"graphite dev has no {expect.PIN_OPTION} yet: not checked"
        for pool in expect.POOLS:
            report.check(f"service: {pool.what} run where pinned", "SKIP", why)
        report.check("service: actions stay in a domain", "SKIP", why)
        report.check("service: bound pages lie where asked", "SKIP", why)
        names = [name for name, _ in seen.threads if expect.UNBOUND_THREADS.fullmatch(name)]
        faults = [] if names else ["no build threads seen"]
        if not seen.actions:
            faults.append("no process of an action was seen")
        actions = " and ".join(sorted({f"{name} on {cpus}" for name, cpus in seen.actions}))
        report.verdict("service: threads and actions are seen", faults, f"{len(names)} threads, not bound; {actions}")
        return
    for pool in expect.POOLS:
        check_pool(report, layout, pool, seen.threads)
    if expect.ACTIONS_STAY_IN_A_DOMAIN:
        check_actions(report, layout, seen)
    check_pages(report, layout, mappings)


def check_dev(report, layout, program, arguments, seconds):
    service = Service(program, make_project(pathlib.Path("/root/dev")), arguments)
    try:
        ready = service.wait_ready(seconds)
        seen = watch(service, ready["pid"], seconds)
        mappings = list(mappings_of(ready["pid"]))
    finally:
        code = service.stop()
    faults = [] if seen.assets == INPUTS else [f"{seen.assets} of {INPUTS} assets within {seconds} s"]
    if code != 0:
        faults.append("had to be killed" if code is None else f"ended with {code}")
    report.verdict(" ".join(["graphite dev", *arguments]), faults, f"built {seen.assets} assets, stopped when asked")
    check_promises(report, layout, seen, mappings, bool(arguments))


def check_build(report, program, arguments, seconds):
    name = " ".join(["graphite build", *arguments])
    project = make_project(pathlib.Path("/root/build"))
    done = subprocess.run([program, "build", "-C", project, "--json", *arguments], stdout=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, timeout=seconds)
    faults = [f"ended with {done.returncode}"] if done.returncode else []
    result = json.loads(done.stdout.splitlines()[-1])
    if result["ran"] != INPUTS:
        faults.append(f"{result['ran']} actions ran, not {INPUTS}")
    report.verdict(name, faults, f"{result['ran']} actions in {result['seconds']:.1f} s")


def pin_arguments(program, command):
    """How threads are bound; nothing where the program cannot."""
    words = subprocess.run([program, command, "--help"], capture_output=True, text=True, timeout=60).stdout
    return expect.PIN_ARGUMENTS if re.search(rf"^\s*{expect.PIN_OPTION}\b", words, re.MULTILINE) else []


def check(report, layout, program, seconds):
    check_dev(report, layout, program, pin_arguments(program, "dev"), seconds)
    check_build(report, program, pin_arguments(program, "build"), seconds)
