#!/usr/bin/env python3
"""What the service makes of its machine and says of it: domains, bound threads, calls that the kernel refuses."""
import os
import pathlib
import platform
import re
import shutil
import sys

import refuse_calls
from support import World, bundle_contents, check, equal, main, run, skip, wait_until, workers_of

ASKING = '''[project]
name = "e2e"

[[rule]]
name = "processors"
match = ["*.ask"]
outputs = ["{stem}.processors"]
[rule.command]
argv = ["taskset -cp $$ | sed 's/.*: //' > \\"$2\\"", "{in}", "{out}"]
shell = true
'''
TEXTS = '''[project]
name = "e2e"

[[rule]]
name = "texts"
match = ["*.json"]
transform = "text"
'''
UPPER = '''[project]
name = "e2e"

[[rule]]
name = "upper"
match = ["*.low"]
outputs = ["{stem}.up"]
[rule.command]
argv = ["tr a-z A-Z < \\"$1\\" > \\"$2\\"", "{in}", "{out}"]
shell = true
'''


def numbers_of(text):
    """The set that a list of processors names: 0-2,5."""
    parts = [part.partition("-") for part in text.strip().split(",")]
    return {number for first, _, last in parts for number in range(int(first), int(last or first) + 1)}


def start(world, *options, prefix=()):
    """A service; what its status says of the machine."""
    world.service = world.start("dev", "dev", "-C", world.root, "--json", *options, prefix=prefix)
    world.pid = world.service.event("ready")["pid"]
    return machine_of(world)


def machine_of(world):
    return run("status", "-C", world.root, "--json")["machine"]


def threads_of(pid, pattern):
    """(name, processors allowed) of the threads that are named so, ascending."""
    out = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            if re.fullmatch(pattern, name):
                out.append((name, frozenset(os.sched_getaffinity(int(task.name)))))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
    return sorted(out)


def names_now(pid):
    """Of all threads but the first, which has the program's name."""
    out = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            if task.name != str(pid):
                out.append((task / "comm").read_text().strip())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
    return out


def check_names(pid, *wanted, unnamed=0):
    """All threads but so many have names of their own, these among them."""
    program = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    # One that is just beginning has still its maker's.
    wait_until(lambda: names_now(pid).count(program) <= unnamed, f"names of {program}'s threads {names_now(pid)}", 10)
    names = names_now(pid)
    check(set(wanted) <= set(names), f"no {set(wanted) - set(names)} among {program}'s threads {names}")


def names_of(machine):
    """(name, processors) of the build threads that the domains promise where these are bound."""
    alone = len(machine["domains"]) == 1
    return sorted((f"build{'' if alone else one['node']}-{number}", frozenset(numbers_of(one["cpus"])))
                  for one in machine["domains"] for number in range(one["threads"]))


def asking_world():
    """With an action that says which processors it may use."""
    if not shutil.which("taskset"):
        skip("needs taskset")
    world = World(ASKING)
    world.write("one.ask", "")
    return world


def processors_of_an_action(world):
    world.build()
    return numbers_of(bundle_contents(world)["one.processors"].decode())


def check_io(machine):
    check(machine["io"] in ("io_uring", "threads"), f"io is {machine['io']}")
    equal(machine["io_reason"] == "", machine["io"] == "io_uring", "nothing better than the best, a reason for less")


def pinned_threads_keep_to_their_domains():
    with asking_world() as world:
        machine = start(world, "--pin", "on")
        domains = [numbers_of(one["cpus"]) for one in machine["domains"]]
        equal(sorted(cpu for one in domains for cpu in one), sorted(os.sched_getaffinity(0)), "processors of all domains")
        check(machine["pinned"], f"not pinned: {machine['pin_reason']}")
        check(machine["pin_reason"], "no reason for it")
        check_io(machine)
        equal(threads_of(world.pid, r"build\d*-\d+"), names_of(machine), "build threads")
        actors = threads_of(world.pid, r"caf\..*")
        check(actors, "no actors' threads seen")
        equal({cpus for _, cpus in actors}, {frozenset(domains[0])}, "processors of the actors' threads")
        seen = processors_of_an_action(world)
        check(seen in domains, f"the action may run on {seen}, which is no domain of {domains}")


def a_service_on_one_processor_has_one_thread():
    with asking_world() as world:
        cpu = max(os.sched_getaffinity(0))
        machine = start(world, prefix=["taskset", "-c", str(cpu)])
        equal([(one["cpus"], one["threads"]) for one in machine["domains"]], [(str(cpu), 1)], "domains")
        equal(threads_of(world.pid, r"build\d*-\d+"), [("build-0", frozenset([cpu]))], "build threads")
        equal(processors_of_an_action(world), {cpu}, "processors of the action")


def nothing_is_pinned_where_it_is_not_asked():
    with World() as world:
        machine = start(world, "--pin", "off")
        equal(machine["pinned"], False, "pinned with --pin off")
        asked = machine["pin_reason"]
        check(asked, "no reason for it")
        allowed = frozenset(os.sched_getaffinity(0))
        equal({cpus for _, cpus in threads_of(world.pid, r"build\d*-\d+|caf\..*")}, {allowed}, "processors of threads")
        world.service.stop()
        machine = start(world)
        if machine["pinned"]:
            skip(f"by default they are pinned here, {machine['pin_reason']}")
        check(machine["pin_reason"] not in ("", asked), f"the default says '{machine['pin_reason']}'")


def root_of(*options, prefix=()):
    """The root of what is built, and what the service says of its machine."""
    with World(UPPER) as world:
        for number in range(5):
            world.write(f"{number}.low", f"content {number}\n")
        machine = start(world, *options, prefix=prefix)
        result = world.build()
        equal((result["assets"], result["failed"]), (5, 0), "assets, and those that failed")
        return result["generation"]["root"], machine


def built_in_transforms_run_in_a_domain():
    with World(TEXTS) as world:
        for number in range(20):
            world.write(f"{number}.json", f"[{number}]")
        machine = start(world, "--pin", "on")
        equal(world.build()["failed"], 0, "failed")
        domains = {frozenset(numbers_of(one["cpus"])) for one in machine["domains"]}
        seen = [one for worker in workers_of(world.pid) for one in threads_of(worker, ".*")]
        check(seen, "no workers seen")
        check({cpus for _, cpus in seen} <= domains, f"workers' threads are {seen}, domains {domains}")


def binding_that_is_refused_is_told():
    if platform.machine() not in refuse_calls.MACHINES:
        skip(f"does not know the system calls of {platform.machine()}")
    with World(UPPER) as world:
        world.write("a.low", "a")
        machine = start(world, "--pin", "on",
                        prefix=[sys.executable, refuse_calls.__file__, "sched_setaffinity"])
        equal(machine["pinned"], False, "pinned where nothing can be bound")
        check("Operation not permitted" in machine["pin_reason"], f"the reason is '{machine['pin_reason']}'")
        text = run("status", "-C", world.root)
        check(f"not pinned: {machine['pin_reason']}" in text and ", bound" not in text, text)
        equal(world.build()["assets"], 1, "assets")
        allowed = frozenset(os.sched_getaffinity(0))
        equal({cpus for _, cpus in threads_of(world.pid, r"build\d*-\d+|caf\..*")}, {allowed}, "processors of threads")
        equal(world.service.log().count(machine["pin_reason"]), 1, "lines of the log that say so")


def every_thread_has_a_name():
    with World(TEXTS) as world:
        for number in range(20):
            world.write(f"{number}.json", f"[{number}]")
        world.dev()
        subscriber = world.subscribe("client", "--exec", "true")
        subscriber.event("swap")
        check_names(world.ready["pid"], "build-0" if len(machine_of(world)["domains"]) == 1 else "build0-0",
                    "collector", "chunk-server", "head-publisher", "inotify", unnamed=1)  # RocksDB's timer
        check_names(subscriber.child.pid, "exec-runner", unnamed=1)
        workers = workers_of(world.ready["pid"])
        check(workers, "no workers seen")
        for worker in workers:
            check_names(worker, *(["helper-1"] if len(os.sched_getaffinity(0)) > 1 else []))


def refused_calls_change_no_result():
    if platform.machine() not in refuse_calls.MACHINES:
        skip(f"does not know the system calls of {platform.machine()}")
    filtered = [sys.executable, refuse_calls.__file__, "mbind,move_pages,io_uring_setup"]
    wanted, _ = root_of()
    for options in ((), ("--pin", "on")):
        root, machine = root_of(*options, prefix=filtered)
        equal(root, wanted, f"root with {options}")
        check(machine["placement_reason"], "memory can be placed without mbind")
        equal(machine["io"], "threads", "io")
        check_io(machine)


def remote_access_is_a_part_of_something_or_has_a_reason():
    with World() as world:
        machine = start(world)
        part = machine["remote_access"]
        if part is None:
            check(machine["remote_reason"], "unknown, and no reason for it")
        else:
            check(0 <= part <= 1, f"{part} is no part")
            check(machine["remote_source"], "a part of nothing that was counted")


def a_build_cannot_pin_a_running_service():
    with World() as world:
        world.write("a.txt", "a")
        start(world)
        for options in (("--pin", "on"), ("--pin", "off"), ("--jobs", "2")):
            said = run("build", "-C", world.root, *options, code=2)
            check(f"{options[0]} cannot be used while process {world.pid}" in said, f"{options} says {said}")
        equal(run("build", "-C", world.root, "--json", "--pin", "auto")["assets"], 1, "assets")


def another_word_for_pin_is_a_usage_error():
    with World() as world:
        for command in ("build", "dev"):
            said = run(command, "-C", world.root, "--pin", "maybe", code=2)
            check("--pin" in said and "maybe" in said, f"{command} says {said}")


if __name__ == "__main__":
    main([pinned_threads_keep_to_their_domains, a_service_on_one_processor_has_one_thread,
          nothing_is_pinned_where_it_is_not_asked, built_in_transforms_run_in_a_domain, binding_that_is_refused_is_told,
          every_thread_has_a_name, refused_calls_change_no_result, remote_access_is_a_part_of_something_or_has_a_reason,
          a_build_cannot_pin_a_running_service,
          another_word_for_pin_is_a_usage_error])
