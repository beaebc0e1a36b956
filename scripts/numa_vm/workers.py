"""Processes of built-in transforms inside the virtual machine: each domain has its own, which keep to it."""
from collections import Counter
from dataclasses import dataclass, field

from numa_vm import expect
from numa_vm.kernel_lists import cpu_text
from numa_vm.processes import name_of, parents, private_pages_of, seconds_used, threads_of


@dataclass
class Process:
    """What was seen of one at all looks together."""
    server: int = 0  # that forked it; 0: it is a server itself
    cpus: set = field(default_factory=set)  # lists of processors that any of its threads might use
    threads: int = 0  # at most
    used_s: float = 0  # of processors, at the last look
    pages: dict = field(default_factory=dict)  # node -> private ones, at the last look

    def kind(self):
        return "worker" if self.server else "server"

    def node(self, layout):
        """The one to whose processors it keeps; none where it does to none's."""
        return next((node for node in layout.domains() if self.cpus == {cpu_text(layout.cpus_of(node))}), None)


class Workers:
    """The servers of workers below a service, and the workers, by their process numbers."""

    def __init__(self):
        self.processes = {}

    def look(self):
        tree = parents()
        named = {pid for pid in tree if name_of(pid) == expect.WORKER_NAME}
        for pid in sorted(named):
            one = self.processes.setdefault(pid, Process(tree[pid] if tree[pid] in named else 0))
            threads = threads_of(pid)
            one.cpus.update(cpus for _, cpus in threads)
            one.threads = max(one.threads, len(threads))
            one.used_s = max(one.used_s, seconds_used(pid))
            one.pages = private_pages_of(pid) or one.pages

    def used_s(self):
        return {pid: one.used_s for pid, one in self.processes.items()}

    def of_node(self, layout, node):
        """Servers and workers that keep to a node's processors."""
        here = {pid: one for pid, one in self.processes.items() if one.node(layout) == node}
        return ({pid: one for pid, one in here.items() if not one.server},
                {pid: one for pid, one in here.items() if one.server})


def check_places(report, layout, workers):
    """No server or worker may leave its domain; each domain has a server, and workers with a thread a processor."""
    faults = [f"a {one.kind()} may run on {' and '.join(sorted(one.cpus))}, which is no domain"
              for one in workers.processes.values() if one.node(layout) is None]
    words = []
    for node in layout.domains():
        servers, found = workers.of_node(layout, node)
        cpus = layout.cpus_of(node)
        if len(servers) != 1:
            faults.append(f"{len(servers)} servers of node {node}")
        if not found:
            faults.append(f"no worker of node {node}")
        faults += [f"a worker of node {node} is of another's server" for one in found.values()
                   if one.server not in servers]
        faults += [f"a worker of node {node} has {one.threads} threads, not {len(cpus)}" for one in found.values()
                   if one.threads != len(cpus)]
        words.append(f"{len(found)} on CPUs {cpu_text(cpus)}")
    report.verdict("service: workers run where pinned", faults, ", ".join(words))


def check_work(report, layout, workers, before_s):
    """Each domain's workers have made textures since `before_s`, what each had used before."""
    faults, words = [], []
    pages = Counter()
    all_s = sum(one.used_s - before_s.get(pid, 0) for pid, one in workers.processes.items() if one.server)
    for node in layout.domains():
        _, found = workers.of_node(layout, node)
        used_s = sum(one.used_s - before_s.get(pid, 0) for pid, one in found.items())
        if used_s <= all_s * expect.WORK_SHARE_MIN:
            faults.append(f"those of node {node} used {used_s:.3f} of {all_s:.3f} s")
        words.append(f"{used_s:.1f} s on CPUs {cpu_text(layout.cpus_of(node))}")
        for one in found.values():
            pages["all"] += sum(one.pages.values())
            pages["own"] += one.pages.get(node, 0)
    own = f"{100 * pages['own'] / pages['all']:.0f} %" if pages["all"] else "none seen"
    report.verdict("service: workers of each domain make textures", faults,
                   f"{', '.join(words)}; of their private pages on their node: {own}")
