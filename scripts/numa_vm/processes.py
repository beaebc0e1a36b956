"""What /proc says of a process: where its threads may run, where its pages lie, how much it has computed."""
import pathlib
import re
import time
from collections import Counter

from numa_vm.kernel_lists import numbers_of


def cpus_allowed(task):
    return re.search(r"^Cpus_allowed_list:\s*(\S*)", (task / "status").read_text(), re.MULTILINE).group(1)


def threads_of(pid):
    """(name, processors allowed) of each thread; those that end meanwhile are left out."""
    out = []
    for task in pathlib.Path(f"/proc/{pid}").glob("task/*"):
        try:
            out.append(((task / "comm").read_text().strip(), cpus_allowed(task)))
        except (OSError, AttributeError):
            continue
    return out


def parents():
    """Process -> its parent, of all that run."""
    out = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            out[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    return out


def name_of(pid):
    """Empty where it has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def seconds_used(pid):
    """Of processors, by all its threads, to the nanosecond; 0 where it has ended."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid() makes of it
    except OSError:
        return 0


def action_processes(service_pid):
    """(name, processors allowed) of the processes that actions started."""
    tree = parents()
    out = []
    for pid in tree:
        above = pid
        while above in tree and above != service_pid:
            above = tree[above]
        if above == service_pid and pid != service_pid:
            out += [(name, cpus) for name, cpus in threads_of(pid) if not name.startswith("graphite")]
    return out


def mappings_of(pid):
    """(policy, nodes that it names, {node: pages}) of each mapping."""
    return mappings_in(pathlib.Path(f"/proc/{pid}/numa_maps").read_text())


def mappings_in(text):
    for line in text.splitlines():
        words = line.split()
        policy, _, nodes = words[1].partition(":")
        pages = {int(node): int(count) for node, count in re.findall(r"\bN(\d+)=(\d+)", line)}
        yield policy, set(numbers_of(nodes)), pages


def private_pages_of(pid):
    """{node: pages} of memory that is no file's; empty where the process has ended."""
    try:
        return private_pages_in(pathlib.Path(f"/proc/{pid}/numa_maps").read_text())
    except OSError:
        return {}


def private_pages_in(text):
    out = Counter()
    for _, _, pages in mappings_in("\n".join(line for line in text.splitlines() if " file=" not in line)):
        out.update(pages)
    return dict(out)
