#!/usr/bin/env python3
"""What is noticed, and when: tools, the project file, checkouts, limits of the system, names that are twins."""
import ctypes
import itertools
import mmap
import os
import queue
import random
import shutil
import subprocess
import time

from support import (PROGRAM, World, bundle_contents, check, equal, main, run, skip, wait_until)

PROJECT = '[project]\nname = "e2e"\n'


def rule(name, match, output, argv, more="", command=""):
    return f'''
[[rule]]
name = "{name}"
match = ["{match}"]
outputs = ["{output}"]
{more}
[rule.command]
argv = {argv}
{command}
'''


CONVERT = PROJECT + '[sources]\nignore = ["tools"]\n' + rule(
    "conv", "*.low", "{dir}/{stem}.up", '["{tool:conv}", "{in}", "{out}"]', command='tools = ["conv"]') + '''
[tools.conv]
paths = ["tools/conv.sh"]
'''


def tool(path, word, before=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\n{before}\n(echo {word}; cat "$1") > "$2"\n')
    path.chmod(0o755)


def generations(process, quiet_s):
    """Those that come until none has come for so long."""
    out = []
    while True:
        try:
            event = process.events.get(timeout=quiet_s)
        except queue.Empty:
            return out
        check(event is not None, f"{process.name} ended\n{process.log()}")
        if event.get("event") == "generation":
            out.append((event["changed"], event["removed"]))


def in_a_user_namespace(limit, value):
    """A prefix for a command that is to run under another limit of the system."""
    prefix = ["unshare", "-Ur", "sh", "-c", f'echo {value} > /proc/sys/user/{limit} && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        skip("user namespaces are not allowed here")
    return prefix


# ---- tools

def a_cold_dry_run_runs_nothing():
    with World() as world:
        trace = world.work / "trace"
        world.write("graphite.toml", PROJECT + rule("up", "*.low", "{stem}.up",
                                                    f'["echo ran >> {trace}; cp $1 $2", "{{in}}", "{{out}}"]',
                                                    command="shell = true"))
        world.write("copy.txt", "copied")
        equal(world.build("--dry-run")["diagnostics"], [], "actions listed where everything is copied")
        check(not (world.bundle / "head").exists(), "a dry run published")
        for i in range(6):
            world.write(f"{i}.low", "abc")
        equal(len(world.build("--dry-run")["diagnostics"]), 6, "actions listed")
        check(not trace.exists(), "a dry run ran a tool")
        check(not (world.bundle / "head").exists(), "a dry run published")
        equal(world.build()["ran"], 6, "actions left to a real build")
        equal(bundle_contents(world)["copy.txt"], b"copied", "what the dry runs read")


def a_changed_tool_is_another_key():
    with World(CONVERT) as world:
        script = world.root / "tools/conv.sh"
        tool(script, "v1")
        world.write("a.low", "a")
        dev = world.dev()
        world.build()
        tool(script, "v2")
        dev.event("ready")  # noticed by itself, though the folder is ignored
        world.write("b.low", "b")
        world.build()
        equal(bundle_contents(world), {"a.up": b"v2\na", "b.up": b"v2\nb"}, "made by the second tool")
        tool(script, "v1")
        equal(world.build()["cached"], 1, "results of the first tool, found again at once")
        equal(bundle_contents(world), {"a.up": b"v1\na", "b.up": b"v1\nb"}, "made by the first tool")
        dev.stop()
        again = world.build()
        equal((again["ran"], again["cached"]), (0, 0), "what a cold build finds to do")


def a_tool_outside_the_project_is_looked_at_with_every_build():
    with World() as world:
        script = world.work / "outside/conv"
        tool(script, "v1")
        world.write("graphite.toml", PROJECT + rule("conv", "*.low", "{stem}.up", f'["{script}", "{{in}}", "{{out}}"]'))
        world.write("a.low", "a")
        world.dev()
        world.build()
        tool(script, "v2")
        equal(world.build()["ran"], 1, "actions that ran with the new tool")
        equal(bundle_contents(world), {"a.up": b"v2\na"}, "bundle")


def a_tool_that_changes_while_it_runs_poisons_nothing():
    # What tells of it lies outside of the project.
    with World(CONVERT.replace(PROJECT, PROJECT + 'sandbox = "off"\n')) as world:
        script, trace = world.root / "tools/conv.sh", world.work / "began"
        wait = f'touch {trace}; while ! test -e {world.work}/go; do sleep 0.01; done'
        tool(script, "v1", wait)
        world.write("a.low", "a")
        building = subprocess.Popen([PROGRAM, "build", "-C", world.root], stdout=subprocess.PIPE, text=True,
                                    stderr=subprocess.STDOUT)
        wait_until(trace.exists, "the tool to run")
        tool(script, "v2", wait)
        (world.work / "go").touch()
        said = building.communicate(timeout=60)[0]
        equal(building.returncode, 1, "exit code of the build")
        check("changed while the build ran" in said, f"no word of the tool: {said}")
        trace.unlink()
        (world.work / "go").unlink()
        world.dev()
        wait_until(trace.exists, "the second tool to run")
        tool(script, "v1", wait)
        (world.work / "go").touch()
        world.build()
        equal(bundle_contents(world), {"a.up": b"v1\na"}, "made by the tool there is")


def the_program_that_runs_is_the_one_that_was_digested():
    with World(PROJECT + rule("own", "*.low", "{stem}.up", '["mytool", "{in}", "{out}"]') +
               rule("shadow", "*.lo2", "{stem}.u2", '["cp", "{in}", "{out}"]')) as world:
        bin_folder = world.work / "bin"
        tool(bin_folder / "mytool", "mine")
        tool(bin_folder / "cp", "shadowed")
        world.write("a.low", "a")
        world.write("b.lo2", "b")
        run("build", "-C", world.root, environment={"PATH": f"{bin_folder}:{os.environ['PATH']}"})
        equal(bundle_contents(world), {"a.up": b"mine\na", "b.u2": b"shadowed\nb"}, "made by the caller's programs")


# ---- the project file

def numbered(number, more=""):
    return PROJECT + more + rule("up", "*.low", f"{{stem}}.{number}", '["cp", "{in}", "{out}"]')


def link_unnamed(folder, path, text):
    unnamed = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o644)
    os.write(unnamed, text.encode())
    path.unlink(missing_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    check(libc.linkat(-100, f"/proc/self/fd/{unnamed}".encode(), -100, str(path).encode(), 0x400) == 0, "linkat")
    os.close(unnamed)


def ways_to_save(path):
    beside, backup = path.with_name(path.name + ".new"), path.with_name(path.name + ".bak")

    def rename_over(text):
        beside.write_text(text)
        beside.rename(path)

    def backup_and_rename(text):
        path.rename(backup)
        path.write_text(text)
        backup.unlink()

    def delete_and_create(text):
        path.unlink()
        path.write_text(text)

    def in_place(text):
        with open(path, "r+") as file:
            file.write(text)
            file.truncate()

    return {"truncate and write": path.write_text, "in place": in_place, "rename over": rename_over,
            "backup and rename": backup_and_rename, "delete and create": delete_and_create,
            "unnamed and linked": lambda text: link_unnamed(path.parent, path, text)}


def every_save_is_noticed(world, more):
    dev = world.dev(prefix=world.prefix)
    for number, (how, save) in enumerate(ways_to_save(world.root / "graphite.toml").items(), 1):
        save(numbered(number, more))
        dev.wait_for(lambda e: e.get("event") == "ready", f"start with the project file saved by: {how}", 20)
        world.build()
        equal(sorted(bundle_contents(world)), [f"a.{number}"], f"assets after: {how}")


def a_project_file_is_noticed_however_it_is_saved():
    with World(numbered(0)) as world:
        world.prefix = ()
        world.write("a.low", "a")
        every_save_is_noticed(world, "")


def an_asset_is_swapped_however_it_is_saved_three_times_in_a_row():
    with World(PROJECT + '[sources]\nignore = ["*.bak", "*.new"]\n') as world:
        world.write("a/asset.txt", "first")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="a/asset.txt")
        for how, save in ways_to_save(world.root / "a/asset.txt").items():
            for waits in (True, False):
                for i in range(3):
                    text = f"{how}, {waits}, {i}"
                    save(text)
                    if waits or i == 2:
                        world.wait_shown("reader", {"a/asset.txt": text.encode()}, f"saved by: {text}")


def a_project_file_outside_the_root_is_noticed():
    more = '[sources]\nroot = "assets"\n'
    with World(numbered(0, more)) as world:
        world.prefix = ()
        world.write("assets/a.low", "a")
        every_save_is_noticed(world, more)


def a_project_file_is_noticed_by_polling():
    more = '[watch]\npoll = "50 ms"\n'
    with World(numbered(0, more)) as world:
        world.prefix = in_a_user_namespace("max_inotify_instances", 0)
        world.write("a.low", "a")
        every_save_is_noticed(world, more)


def a_build_right_after_the_project_file_was_saved_uses_it():
    with World(numbered(0)) as world:
        world.write("a.low", "a")
        world.dev()
        for number in range(1, 6):
            world.write("graphite.toml", numbered(number))
            world.build()
            equal(sorted(bundle_contents(world)), [f"a.{number}"], "assets")


# ---- limits of the system

def status_of(world):
    return run("status", "-C", world.root, "--json")


def without_an_inotify_instance_everything_is_polled():
    with World(PROJECT + '[watch]\npoll = "50 ms"\n') as world:
        world.write("a.txt", "1")
        world.dev(prefix=in_a_user_namespace("max_inotify_instances", 0))
        status = status_of(world)
        equal(status["watch_mode"], "polling", "mode")
        check("max_user_instances" in status["watch_reason"], f"no reason: {status['watch_reason']}")
        world.write("a.txt", "22")
        world.write("deep/b.txt", "b")
        world.build()
        equal(bundle_contents(world), {"a.txt": b"22", "deep/b.txt": b"b"}, "bundle")


def without_enough_watches_everything_is_polled():
    with World(PROJECT + '[watch]\npoll = "50 ms"\n') as world:
        for i in range(20):
            world.write(f"d{i}/a.txt", "1")
        world.dev(prefix=in_a_user_namespace("max_inotify_watches", 8))
        status = status_of(world)
        equal(status["watch_mode"], "polling", "mode")
        check("max_user_watches" in status["watch_reason"], f"no reason: {status['watch_reason']}")
        world.write("d3/a.txt", "22")
        world.build()
        equal(bundle_contents(world), world.sources(), "bundle")


def watches_that_run_out_later_lose_nothing():
    with World(PROJECT + '[watch]\npoll = "50 ms"\n') as world:
        world.write("a.txt", "1")
        world.dev(prefix=in_a_user_namespace("max_inotify_watches", 12))
        equal(status_of(world)["watch_mode"], "events", "mode at first")
        for i in range(20):
            world.write(f"d{i}/a.txt", str(i))
        world.build()
        equal(bundle_contents(world), world.sources(), "bundle")
        equal(status_of(world)["watch_mode"], "polling", "mode")


def a_file_system_mounted_below_the_root_is_watched():
    prefix = ["unshare", "-Urm", "sh", "-c"]
    if subprocess.run([*prefix, "mount -t tmpfs x /mnt"], capture_output=True).returncode != 0:
        skip("mounts are not allowed here")
    with World() as world:
        world.write("m/hidden.txt", "below the mount")
        world.write("a.txt", "a")
        script = f'''set -e
mount -t tmpfs x {world.root}/m; echo 1 > {world.root}/m/in.txt
{PROGRAM} dev -C {world.root} --json > {world.work}/out & dev=$!
while ! grep -q ready {world.work}/out; do sleep 0.05; done
echo 22 > {world.root}/m/in.txt
{PROGRAM} build -C {world.root} --json; kill $dev; wait $dev'''
        done = subprocess.run([*prefix, script], capture_output=True, text=True, timeout=60)
        equal(done.returncode, 0, f"the script: {done.stderr}")
        equal(bundle_contents(world), {"a.txt": b"a", "m/in.txt": b"22\n"}, "bundle")


# ---- names that differ only in case

def warned(built):
    return sorted(d["path"] for d in built["diagnostics"] if "differs only in case" in d["text"])


def folders_that_are_twins_are_left_out_in_every_order():
    steps = {"dir": ("dir/a.txt", "1"), "DIR": ("DIR/b.txt", "2"), "rest": ("rest", "r")}
    for live, order in itertools.product((False, True), (("dir", "rest", "DIR"), ("DIR", "rest", "dir"))):
        with World() as world:
            process = world.dev() if live else None
            for step in order:
                world.write(*steps[step])
                built = world.build()
            equal((sorted(bundle_contents(world)), warned(built)), (["rest"], ["DIR", "dir"]), f"{order}, live {live}")
            shutil.rmtree(world.root / "DIR")
            built = world.build()
            equal((sorted(bundle_contents(world)), warned(built)), (["dir/a.txt", "rest"], []), "one of them gone")
            if process:
                process.stop()
            equal(sorted(bundle_contents(world)), ["dir/a.txt", "rest"], "as a cold build has it")


def twins_that_come_and_go_end_as_a_cold_scan_has_them():
    choose = random.Random(7)
    names = ["a", "A", "x/b", "x/B", "X/b", "X/c", "y/Z/q", "y/z/q", "Y/z/q"]
    with World() as world:
        world.write("rest", "r")
        world.dev()
        for i in range(60):
            path = world.root / choose.choice(names)
            if path.exists():
                path.unlink()
                if path.parent != world.root and not any(path.parent.iterdir()):
                    path.parent.rmdir()
            else:
                world.write(path.relative_to(world.root), f"content {i}")
            if i % 6 == 5:
                built = world.build()
                copy = shutil.copytree(world.root, world.work / f"cold{i}", ignore=shutil.ignore_patterns(".graphite"))
                cold = run("build", "-C", copy, "--json")
                equal(bundle_contents(world), bundle_contents(world, cold["bundle"]), f"bundle after {i + 1} changes")
                equal(warned(built), warned(cold), f"warnings after {i + 1} changes")


# ---- many changes

def git(world, *words):
    identity = ["-c", "user.name=e2e", "-c", "user.email=e2e@localhost", "-c", "core.autocrlf=false"]
    subprocess.run(["git", "-C", world.root, *identity, *words], check=True, capture_output=True)


def a_checkout_of_5000_files_is_one_generation():
    with World() as world:
        git(world, "init", "-q", "-b", "one")
        world.write(".gitignore", ".graphite\n")
        for branch in ("one", "two"):
            if branch == "two":
                git(world, "checkout", "-qb", "two")
            for i in range(5000):
                world.write(f"d{i % 50}/{i}.txt", f"{branch} {i}")
            git(world, "add", ".")
            git(world, "commit", "-qm", branch)
        dev = world.dev()
        world.build()
        generations(dev, 0.5)
        for branch in ("one", "two", "one"):
            began = time.monotonic()
            git(world, "checkout", "-q", branch)
            took = time.monotonic() - began
            seen = generations(dev, 3)
            world.build()
            # Nothing waits longer than max_delay (2 s): a slow disk's checkout may be shown in more steps.
            check(1 <= len(seen) <= 1 + took / 2, f"{len(seen)} generations of a checkout that took {took:.1f} s: {seen}")
            equal(bundle_contents(world)["d7/7.txt"], f"{branch} 7".encode(), "a file of the branch")


def ignored_files_are_no_assets_until_they_are_ignored_no_more():
    with World() as world:
        world.write(".gitignore", "*.tmp\n/build/\n")
        world.write("a.txt", "a")
        world.write("a.tmp", "no")
        world.write("build/out.txt", "no")
        world.write("deep/build/in.txt", "yes")
        world.write("deep/.gitignore", "!kept.tmp\nb.txt\n")
        world.write("deep/kept.tmp", "yes")
        world.write("deep/b.txt", "no")
        shown = lambda: world.build() and sorted(n for n in bundle_contents(world) if not n.endswith(".gitignore"))
        first = ["a.txt", "deep/build/in.txt", "deep/kept.tmp"]
        equal(shown(), first, "what is not ignored")
        world.write("deep/.gitignore", "!kept.tmp\nb.txt\nbuild\n")
        equal(shown(), ["a.txt", "deep/kept.tmp"], "a folder that is ignored by the next build")
        world.write("deep/.gitignore", "!kept.tmp\nb.txt\n")
        world.dev()
        equal(shown(), first, "and by the next no more")
        world.write(".gitignore", "a.txt\n")
        equal(shown(), ["a.tmp", "build/out.txt", "deep/build/in.txt", "deep/kept.tmp"], "after another .gitignore")
        os.unlink(world.root / "deep/.gitignore")
        equal(shown(), ["a.tmp", "build/out.txt", "deep/b.txt", "deep/build/in.txt", "deep/kept.tmp"], "without one")


def without_recursion_no_folder_counts():
    with World(PROJECT + "[watch]\nrecursive = false\n") as world:
        world.write("a.txt", "1")
        world.write("deep/b.txt", "b")
        dev = world.dev()
        world.build()
        equal(status_of(world)["watched_folders"], 1, "folders watched")
        world.write("a.txt", "22")
        world.write("deep/b.txt", "bb")
        world.build()
        equal(bundle_contents(world), {"a.txt": b"22"}, "bundle")
        world.write("graphite.toml", PROJECT)
        dev.event("ready")
        world.build()
        equal(bundle_contents(world), {"a.txt": b"22", "deep/b.txt": b"bb"}, "bundle with recursion")


def a_write_that_no_event_tells_is_found_by_the_rescan():
    with World(PROJECT + '[watch]\nrescan = "1 s"\n') as world:
        world.write("a.bin", b"x" * 4096)
        dev = world.dev()
        world.build()
        generations(dev, 0.3)
        with open(world.root / "a.bin", "r+b") as file, mmap.mmap(file.fileno(), 4096) as mapped:
            mapped[0:3] = b"new"
            mapped.flush()
            dev.event("generation")
        equal(bundle_contents_after(world)["a.bin"][:4], b"newx", "bundle")


def bundle_contents_after(world):
    world.build()
    return bundle_contents(world)


def a_gltf_saved_before_its_buffer_is_one_generation():
    with World('[project]\nname = "e2e"\n\n[[rule]]\nname = "gltf"\nmatch = "*.gltf"\nsettle_ms = 100\n'
               'references = { scanner = "gltf" }\n') as world:
        model = '{"asset":{"version":"2.0"},"buffers":[{"uri":"a.bin","byteLength":1}],"extras":%d}'
        world.write("m/a.gltf", model % 0)
        world.write("m/a.bin", "0")
        dev = world.dev()
        world.build()
        generations(dev, 0.5)
        for i in range(1, 4):
            began = time.monotonic()
            world.write("m/a.gltf", model % i)
            time.sleep(0.05)
            world.write("m/a.bin", str(i))
            late = time.monotonic() - began > 0.09  # the machine stood still: nothing can be said
            seen = generations(dev, 1)
            check(late or seen == [(2, 0)], f"generations of save {i}: {seen}")
        equal(bundle_contents_after(world)["m/a.bin"], b"3", "the buffer")


if __name__ == "__main__":
    main([a_cold_dry_run_runs_nothing, a_changed_tool_is_another_key,
          a_tool_outside_the_project_is_looked_at_with_every_build, a_tool_that_changes_while_it_runs_poisons_nothing,
          the_program_that_runs_is_the_one_that_was_digested, a_project_file_is_noticed_however_it_is_saved,
          a_project_file_outside_the_root_is_noticed, a_project_file_is_noticed_by_polling,
          a_build_right_after_the_project_file_was_saved_uses_it, without_an_inotify_instance_everything_is_polled,
          without_enough_watches_everything_is_polled, watches_that_run_out_later_lose_nothing,
          a_file_system_mounted_below_the_root_is_watched, folders_that_are_twins_are_left_out_in_every_order,
          twins_that_come_and_go_end_as_a_cold_scan_has_them, a_checkout_of_5000_files_is_one_generation,
          ignored_files_are_no_assets_until_they_are_ignored_no_more, without_recursion_no_folder_counts,
          a_write_that_no_event_tells_is_found_by_the_rescan,
          a_gltf_saved_before_its_buffer_is_one_generation,
          an_asset_is_swapped_however_it_is_saved_three_times_in_a_row])
