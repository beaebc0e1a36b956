"""A service with its domains, inside the virtual machine: threads run where pinned, pages lie where asked."""
import json
import pathlib
import queue
import signal
import subprocess
import threading
import time
from collections import defaultdict

from numa_vm import expect, project
from numa_vm.kernel_lists import cpu_text
from numa_vm.processes import action_processes, mappings_of, threads_of
from numa_vm.workers import Workers, check_places, check_work

DEV = " ".join(["graphite dev", *expect.PIN_ARGUMENTS])
BUILD = " ".join(["graphite build", *expect.PIN_ARGUMENTS])
STOP_S = 60


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
        self.workers = Workers()
        self.assets = 0


def watch(service, pid, seen, assets, seconds):
    """Looks again and again until so many are built, and once more."""
    deadline = time.monotonic() + seconds
    over = False
    while not over:
        over = seen.assets >= assets or time.monotonic() >= deadline
        threads = threads_of(pid)
        seen.threads = max(seen.threads, threads, key=len)
        seen.actions.update(action_processes(pid))
        seen.workers.look()
        event = None if over else service.next_event(0.1)
        if event is not None and event["event"] == "generation":
            seen.assets = event["assets"]


def nodes_of(pool, first, threads):
    """Node -> (name, processors allowed) of the pool's threads that belong there."""
    out = defaultdict(list)
    for name, cpus in threads:
        match = pool.pattern.fullmatch(name)
        if match:
            out[int(match.group(1)) if pool.domain == "node" else first].append((name, cpus))
    return out


def check_pool(report, layout, pool, threads):
    """Each domain that should has its threads, and they may run on its processors and nowhere else."""
    domains = layout.domains() if pool.domain == "node" else layout.domains()[:1]
    found = nodes_of(pool, domains[0], threads)
    faults = [f"threads of no domain: {name}" for node in found if node not in domains for name, _ in found[node]]
    for node in domains:
        wanted = cpu_text(layout.cpus_of(node))
        count = len(found[node])
        cpus = len(layout.cpus_of(node))
        if count == 0 or (pool.count == "cpus" and count != cpus):
            faults.append(f"{count} threads of node {node}, which has {cpus} CPUs")
        faults += [f"{name} may run on {cpus}, not {wanted}" for name, cpus in found[node] if cpus != wanted]
    words = ", ".join(f"{len(found[node])} on CPUs {cpu_text(layout.cpus_of(node))}" for node in domains)
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
    vacuous = "" if bound or faults else " (it binds none: those of numa_tests are checked)"
    report.verdict(f"service: bound pages lie where asked{vacuous}", faults, f"{bound} bound; of all pages {lie}")


def check_dev(report, layout, program, seconds):
    """Commands first; then pictures come, which are made by workers."""
    folder = project.make(pathlib.Path("/root/dev"))
    assets = project.INPUTS + project.PICTURES
    seen = Seen()
    service = Service(program, folder, expect.PIN_ARGUMENTS)
    try:
        ready = service.wait_ready(seconds)
        watch(service, ready["pid"], seen, project.INPUTS, seconds)
        before_s = seen.workers.used_s()
        project.add_pictures(folder)
        watch(service, ready["pid"], seen, assets, seconds)
        mappings = list(mappings_of(ready["pid"]))
        content_faults = project.faults_of(program, folder)
    finally:
        code = service.stop()
    faults = [] if seen.assets == assets else [f"{seen.assets} of {assets} assets within {seconds} s"]
    if code != 0:
        faults.append("had to be killed" if code is None else f"ended with {code}")
    report.verdict(DEV, faults + content_faults, f"built {seen.assets} assets as they should be, stopped when asked")
    for pool in expect.POOLS:
        check_pool(report, layout, pool, seen.threads)
    check_actions(report, layout, seen)
    check_places(report, layout, seen.workers)
    check_work(report, layout, seen.workers, before_s)
    check_pages(report, layout, mappings)


def check_build(report, program, seconds):
    """All at once, by a program that ends with it."""
    folder = project.add_pictures(project.make(pathlib.Path("/root/build")))
    actions = project.INPUTS + project.PICTURES
    done = subprocess.run([program, "build", "-C", folder, "--json", *expect.PIN_ARGUMENTS], stdout=subprocess.PIPE,
                          text=True, stdin=subprocess.DEVNULL, timeout=seconds)
    if done.returncode != 0:
        report.verdict(BUILD, [f"ended with {done.returncode}"], "")
        return
    result = json.loads(done.stdout.splitlines()[-1])
    faults = [] if result["ran"] == actions else [f"{result['ran']} actions ran, not {actions}"]
    report.verdict(BUILD, faults + project.faults_of(program, folder),
                   f"{result['ran']} actions in {result['seconds']:.1f} s, assets as they should be")
