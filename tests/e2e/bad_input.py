#!/usr/bin/env python3
"""What users, disks and strangers do wrong: each is a clear error or a warning, nothing is lost, the rest goes on."""
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

from support import (NOBODY, PROGRAM, Peaks, SmallDisk, World, as_nobody, bundle_contents, check, equal, main,
                     private_bytes, run, skip, verify, wait_until)

GIB = 1 << 30


def warned(built, path):
    return [d["text"] for d in built["diagnostics"] if d["path"] == path]


def a_file_becomes_a_folder_and_a_folder_a_file():
    with World() as world:
        world.write("thing.txt", "a file")
        world.write("other/inner.txt", "in a folder")
        world.write("rest.txt", "rest")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="thing.txt")
        os.unlink(world.root / "thing.txt")
        world.write("thing.txt/inside.txt", "now a folder")
        shutil.rmtree(world.root / "other")
        world.write("other", "now a file")
        world.build()
        equal(bundle_contents(world), {"thing.txt/inside.txt": b"now a folder", "other": b"now a file", "rest.txt": b"rest"},
              "bundle")
        wait_until(lambda: world.shown("reader") == bundle_contents(world), "the subscriber to show the same")


def links_loops_fifos_and_sockets_are_passed_over():
    with World() as world:
        world.write("real.txt", "real")
        world.write("sub/real.txt", "sub")
        os.symlink("nothing-here", world.root / "dangling")
        os.symlink("/etc/hostname", world.root / "absolute")
        os.symlink("../../../../etc/hostname", world.root / "sub/escaping")
        os.symlink("loop-b", world.root / "loop-a")
        os.symlink("loop-a", world.root / "loop-b")
        os.symlink("..", world.root / "sub/up")
        os.symlink("/dev/zero", world.root / "zero")
        os.mkfifo(world.root / "pipe")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(world.root / "socket"))
        built = world.build()
        listener.close()
        equal(built["failed"], 0, "failed")
        shown = bundle_contents(world)
        for name in ("dangling", "absolute", "sub/escaping", "loop-a", "loop-b", "zero", "pipe", "socket"):
            check(name not in shown, f"{name} is shown")
            check(warned(built, name), f"no warning for {name}: {built['diagnostics']}")
        equal((shown["real.txt"], shown["sub/real.txt"]), (b"real", b"sub"), "the rest")
        check(not any(name.startswith("sub/up/sub/up") for name in shown), "went round a loop of folders")


def special_files_that_appear_while_watching_do_no_harm():
    with World() as world:
        world.write("real.txt", "1")
        dev = world.dev()
        os.mkfifo(world.root / "pipe")
        os.symlink("loop", world.root / "loop")
        os.symlink("/etc/passwd", world.root / "leak")
        os.symlink(".", world.root / "self")
        world.write("real.txt", "2")
        world.build()
        shown = bundle_contents(world)
        equal((shown["real.txt"], set(shown) & {"pipe", "loop", "leak"}), (b"2", set()), "bundle")
        equal(dev.child.poll(), None, "dev's exit code")


def names_that_are_not_utf8_are_warned_of():
    with World() as world:
        world.write("good.txt", "good")
        bad = os.fsencode(world.root) + b"/bad-\xff\xfe.txt"
        with open(bad, "wb") as file:
            file.write(b"bad")
        os.mkdir(os.fsencode(world.root) + b"/folder-\xc3")
        with open(os.fsencode(world.root) + b"/folder-\xc3/file", "wb") as file:
            file.write(b"in a bad folder")
        world.write("new\nline.txt", "control character")
        built = world.build()
        equal(bundle_contents(world), {"good.txt": b"good"}, "bundle")
        check(sum("UTF-8" in d["text"] for d in built["diagnostics"]) >= 2, f"warnings: {built['diagnostics']}")
        world.dev()
        with open(bad, "wb") as file:
            file.write(b"bad again")
        world.write("good.txt", "better")
        world.build()
        equal(bundle_contents(world), {"good.txt": b"better"}, "bundle after an edit")


def twins_by_case_are_both_left_out():
    with World() as world:
        world.write("Readme.txt", "upper")
        world.write("README.txt", "capitals")
        world.write("rest.txt", "rest")
        built = world.build()
        equal(bundle_contents(world), {"rest.txt": b"rest"}, "bundle")
        check(warned(built, "Readme.txt") and warned(built, "README.txt"), f"warnings: {built['diagnostics']}")
        world.dev()
        os.unlink(world.root / "Readme.txt")
        world.build()
        equal(bundle_contents(world), {"rest.txt": b"rest", "README.txt": b"capitals"}, "one twin left")
        world.write("rest.TXT", "a twin appears")
        world.build()
        equal(bundle_contents(world), {"README.txt": b"capitals"}, "a twin appeared")


def vanishing_files_leave_a_right_build():
    with World() as world:
        for i in range(200):
            world.write(f"steady/{i}.txt", f"steady {i}")
        stop = threading.Event()

        def churn():
            i = 0
            while not stop.is_set():
                path = world.write(f"churn/{i % 40}.txt", os.urandom(20_000))
                if i % 3:
                    path.unlink()
                if i % 41 == 40:
                    shutil.rmtree(world.root / "churn")
                i += 1
        for watched in (False, True):
            stop.clear()
            writer = threading.Thread(target=churn)
            writer.start()
            try:
                if watched:
                    world.dev()
                for _ in range(5):
                    run("build", "-C", world.root, "-k", "--json", code=(0, 1))
            finally:
                stop.set()
                writer.join()
            equal(world.build()["failed"], 0, "failed once nothing vanishes")
            equal(bundle_contents(world), world.sources(), "bundle")
        verify(world)


def unreadable_files_and_folders_keep_what_is_known():
    """A cold build: the change is not shown, what was there stays, and with -k the rest goes on."""
    nobody = as_nobody()
    with World() as world:
        for name in ("good.txt", "known.txt", "folder/inner.txt"):
            world.write(name, "old")
        world.give_to(NOBODY)
        build = lambda *extra, code=0: run("build", "-C", world.root, "--json", *extra, code=code, prefix=nobody)
        first = build()
        for name in ("good.txt", "known.txt", "secret.txt"):
            world.write(name, "new")
        hidden = [world.root / name for name in ("known.txt", "secret.txt", "folder")]
        for path in hidden:
            path.chmod(0)
        failed = build(code=1)
        equal(failed["generation"], first["generation"], "generation of a build that failed")
        for path in hidden:
            check(any("Permission denied" in text for text in warned(failed, path.name)),
                  f"no word of {path.name}: {failed['diagnostics']}")
        build("-k", code=1)
        equal(bundle_contents(world), {"good.txt": b"new", "known.txt": b"old", "folder/inner.txt": b"old"}, "with -k")
        for path in hidden:
            path.chmod(0o755)
        equal(build()["failed"], 0, "failed once all can be read")
        equal(bundle_contents(world), world.sources(), "bundle")


def unreadable_files_do_not_stop_dev():
    nobody = as_nobody()
    with World() as world:
        for name in ("good.txt", "known.txt", "folder/inner.txt"):
            world.write(name, "old")
        world.give_to(NOBODY)
        world.dev(prefix=nobody)
        reader = world.subscribe("reader")
        reader.swap_with(changed="good.txt")
        for name in ("known.txt", "folder"):
            (world.root / name).chmod(0)
        world.write("known.txt", "new")
        world.write("good.txt", "new")
        reader.swap_with(changed="good.txt")
        failed = run("build", "-C", world.root, "--json", "-k", code=1, prefix=nobody)
        check(warned(failed, "known.txt"), f"no word of known.txt: {failed['diagnostics']}")
        equal(world.shown("reader"), {"good.txt": b"new", "known.txt": b"old", "folder/inner.txt": b"old"}, "shown")
        for name in ("known.txt", "folder"):
            (world.root / name).chmod(0o755)
        run("build", "-C", world.root, "--json", prefix=nobody)
        wait_until(lambda: world.shown("reader") == world.sources(), "all of it once it can be read")


def a_growing_file_keeps_nobody_waiting():
    with World() as world:
        world.write("small.txt", "0")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="small.txt")
        with open(world.root / "growing.log", "wb") as growing:
            for i in range(1, 21):
                growing.write(os.urandom(100_000))
                growing.flush()
                world.write("small.txt", str(i))
                reader.swap_with(changed="small.txt")
        reader.swap_with(changed="growing.log")
        wait_until(lambda: world.shown("reader") == world.sources(), "the whole log")
        # A cold build reads what is still being written, too; the next one puts it right.
        stop = threading.Event()

        def grow():
            with open(world.root / "growing.log", "ab") as file:
                while not stop.is_set():
                    file.write(os.urandom(1_000_000))
                    if file.tell() > 300_000_000:
                        file.truncate(0)
        reader.stop()
        world.processes[0].stop()
        writer = threading.Thread(target=grow)
        writer.start()
        try:
            run("build", "-C", world.root, "-k", "--json", code=(0, 1))
        finally:
            stop.set()
            writer.join()
        equal(world.build()["failed"], 0, "failed once it has ended")
        equal(bundle_contents(world), world.sources(), "bundle")


def an_empty_file_is_an_asset():
    with World() as world:
        world.write("empty.bin", b"")
        world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="empty.bin")
        world.write("was-full.bin", b"x" * 100_000)
        reader.swap_with(changed="was-full.bin")
        world.write("was-full.bin", b"")
        reader.swap_with(changed="was-full.bin")
        equal(world.shown("reader"), {"empty.bin": b"", "was-full.bin": b""}, "shown")
        world.build()
        equal(bundle_contents(world), {"empty.bin": b"", "was-full.bin": b""}, "bundle")
        verify(world)


def five_gigabytes_are_read_with_little_memory():
    with World() as world:
        free = shutil.disk_usage(world.work).free
        if free < 12 * GIB:
            return skip(f"only {free // GIB} GiB of disk are free, 12 are wanted")
        with open(world.write("huge.bin", b"begin"), "r+b") as file:
            file.truncate(5 * GIB)
            file.seek(3 * GIB)
            file.write(os.urandom(1 << 20))
        world.write("small.txt", "small")
        build = subprocess.Popen([PROGRAM, "build", "-C", world.root, "--json"], stdout=subprocess.PIPE, text=True)
        began, peak = time.monotonic(), 0
        while build.poll() is None and time.monotonic() - began < 300:
            peak = max(peak, private_bytes(build.pid))
            time.sleep(0.02)
        seconds = time.monotonic() - began
        build.kill()
        equal(build.wait(), 0, "exit code")
        equal(json.loads(build.stdout.read().splitlines()[-1])["assets"], 2, "assets")
        check(peak < 256 << 20, f"{peak >> 20} MiB of memory")
        print(f"        5 GiB in {seconds:.1f} s with at most {peak >> 20} MiB", flush=True)


def five_gigabytes_reach_a_subscriber():
    with World() as world:
        free = shutil.disk_usage(world.work).free
        if free < 20 * GIB:
            return skip(f"only {free // GIB} GiB of disk are free, 20 are wanted")
        world.write("small.txt", "small")
        dev = world.dev()
        reader = world.subscribe("reader")
        reader.swap_with(changed="small.txt")
        with Peaks(dev=lambda: private_bytes(dev.child.pid), reader=lambda: private_bytes(reader.child.pid)) as peaks:
            began = time.monotonic()
            with open(world.root / "huge.bin", "wb") as file:
                file.truncate(5 * GIB)
                file.seek(3 * GIB)
                file.write(os.urandom(1 << 20))
            swap = reader.wait_for(lambda e: "huge.bin" in e.get("changed", ()), "swap of the 5 GiB", 600)
            seconds = time.monotonic() - began
        for who, most in peaks.most.items():
            check(most < 256 << 20, f"{who} used {most >> 20} MiB of memory")
        check(swap["bytes_fetched"] < 64 << 20, f"{swap['bytes_fetched'] >> 20} MiB fetched of what is nearly all zeros")
        shown = world.current("reader") / "huge.bin"
        equal(shown.stat().st_size, 5 * GIB, "bytes shown")
        equal(subprocess.run(["cmp", world.root / "huge.bin", shown], check=False).returncode, 0, "exit code of cmp")
        world.write("small.txt", "after it")
        reader.swap_with(changed="small.txt")
        print(f"        5 GiB swapped in {seconds:.1f} s, {swap['bytes_fetched'] >> 20} MiB fetched; peaks in MiB: "
              + ", ".join(f"{who} {most >> 20}" for who, most in peaks.most.items()), flush=True)


def a_build_on_a_full_disk_fails_clearly_and_recovers():
    with World() as world, SmallDisk(world, 96) as disk:
        for i in range(40):
            world.write(f"{i}.bin", os.urandom(1_000_000))
        disk.fill()
        os.truncate(disk.folder / "filler", os.path.getsize(disk.folder / "filler") - 20_000_000)
        for _ in range(2):
            text = run("build", "-C", world.root, "--state", disk.folder / "state", code=1)
            check("space" in text.lower(), f"no word of the space: {text}")
        disk.free()
        built = run("build", "-C", world.root, "--state", disk.folder / "state", "--json")
        equal(built["assets"], 40, "assets")
        equal(bundle_contents(world, built["bundle"]), world.sources(), "bundle")
        verify(world, built["bundle"])


def dev_on_a_full_disk_stays_and_catches_up():
    with World() as world, SmallDisk(world, 96) as disk:
        state = disk.folder / "state"
        for i in range(5):
            world.write(f"{i}.txt", f"text {i}")
        dev = world.dev(state=state)
        reader = world.subscribe("reader")
        reader.swap_with(changed="4.txt")
        disk.fill()
        for i in range(5):
            world.write(f"{i}.txt", os.urandom(500_000))
        text = run("build", "-C", world.root, "--state", state, code=1)
        check("space" in text.lower(), f"no word of the space: {text}")
        status = run("status", "-C", world.root, "--state", state, "--json")
        equal((status["assets"], dev.child.poll()), (5, None), "assets in status, dev's exit code")
        disk.free()
        wait_until(lambda: world.shown("reader") == world.sources(), "the edits made on the full disk")
        world.write("after.txt", "after")
        reader.swap_with(changed="after.txt")
        built = run("build", "-C", world.root, "--state", state, "--json")
        equal(bundle_contents(world, built["bundle"]), world.sources(), "bundle")
        equal(dev.stop(), 0, "dev's exit code")
        equal(run("build", "-C", world.root, "--state", state, "--json")["generation"]["root"], built["generation"]["root"],
              "root after a restart")
        verify(world, built["bundle"])


def remove_segments(world):
    """The store's files; the bundle has links of its own to them."""
    segments = list((world.root / ".graphite/segments").glob("segment-*"))
    check(segments, "no segments")
    for path in segments:
        path.unlink()


def removed_segments_come_back():
    config = '''[project]
name = "e2e"
[[rule]]
name = "twice"
match = ["*.in"]
outputs = ["{dir}/{stem}.out"]
[rule.command]
argv = ["cat {in} {in} > {out}"]
shell = true
'''.replace("{in} {in} > {out}", '\\"$1\\" \\"$1\\" > \\"$2\\"').replace('2\\""]', '2\\"", "{in}", "{out}"]')
    with World(config) as world:
        for i in range(10):
            world.write(f"c/{i}.txt", os.urandom(30_000))
            world.write(f"t/{i}.in", f"twice {i}")
        first = world.build()
        expected = bundle_contents(world)
        remove_segments(world)
        again = world.build()
        equal((again["failed"], again["generation"]["root"]), (0, first["generation"]["root"]), "after the removal")
        equal(bundle_contents(world), expected, "bundle")
        verify(world)
        equal(world.build()["ran"], 0, "actions of the build after it")
        # The same where `dev` finds it at its start.
        remove_segments(world)
        world.dev()
        world.subscribe("reader")
        wait_until(lambda: world.shown("reader") == expected, "all bytes at a subscriber")


def a_removed_segment_is_made_again():
    """Gone from the store and from the bundle: only sources and tools can bring the contents back."""
    config = '''[project]
name = "e2e"
[[rule]]
name = "half"
match = ["*.in"]
outputs = ["{dir}/{stem}.half"]
publish = false
[rule.command]
argv = ["cat \\"$1\\" \\"$1\\" > \\"$2\\"", "{in}", "{out}"]
shell = true
[[rule]]
name = "whole"
match = ["*.half"]
outputs = ["{dir}/{stem}.out"]
[rule.command]
argv = ["cat \\"$1\\" \\"$1\\" > \\"$2\\"", "{in}", "{out}"]
shell = true
'''

    def remove_all(world):
        remove_segments(world)
        for path in world.bundle.glob("segment-*"):
            path.unlink()

    def good(world):
        return run("bundle", "verify", world.bundle, "--json", code=(0, 1, 2, 5))["good"]

    with World(config) as world:
        for i in range(10):
            world.write(f"c/{i}.txt", os.urandom(30_000))
            world.write(f"t/{i}.in", f"four times {i} " * 100)
        first = world.build()
        expected = bundle_contents(world)
        equal(len(expected), 20, "assets")
        remove_all(world)
        check(not good(world), "the segment was removed, but its contents are still there")
        again = world.build()
        equal((again["failed"], again["generation"]["root"]), (0, first["generation"]["root"]), "after the removal")
        equal(again["ran"], 20, "actions whose outputs were lost")
        verify(world)
        equal(bundle_contents(world), expected, "bundle")
        equal(world.build()["ran"], 0, "actions of the build after it")
        # Before a start of `dev`, and while it runs.
        remove_all(world)
        world.dev()
        reader = world.subscribe("reader")
        wait_until(lambda: world.shown("reader") == expected, "all bytes at a subscriber")
        wait_until(lambda: good(world), "the bundle to be whole after the start")
        remove_all(world)
        equal(world.build()["failed"], 0, "failed while dev runs")
        wait_until(lambda: good(world), "the bundle to be whole again")
        equal(bundle_contents(world), expected, "bundle of dev")
        late = world.subscribe("late")
        late.swap_with(changed="c/0.txt")
        equal(world.shown("late"), expected, "a late joiner")
        world.write("c/0.txt", "edited")
        wait_until(lambda: (world.current("reader") / "c/0.txt").read_bytes() == b"edited", "an edit after it")
        check(reader.child.poll() is None, "the subscriber ended")


def a_second_build_is_told_who_holds_the_state():
    config = '''[project]
name = "e2e"
sandbox_read = ["GATES"]
[[rule]]
name = "slow"
match = ["*.slow"]
outputs = ["{in}.out"]
[rule.command]
argv = ["while [ ! -e \\"$3\\" ]; do sleep 0.05; done; cp \\"$1\\" \\"$2\\"", "{in}", "{out}", "GATES/gate"]
shell = true
'''
    with World(config) as world:
        gate = world.work / "gates" / "gate"
        gate.parent.mkdir()
        world.write("graphite.toml", config.replace("GATES", str(gate.parent)))
        world.write("a.slow", "slow")
        first = world.start("first", "build", "-C", world.root, "--json")
        wait_until(lambda: (world.root / ".graphite/db/LOCK").exists(), "the first to open its state")
        text = run("build", "-C", world.root, code=2)
        check(str(first.child.pid) in text, f"no word of process {first.child.pid}: {text}")
        gate.touch()
        built = first.event("build")
        equal(built["failed"], 0, f"failed: {built}")
        first.child.wait()
        equal(world.build()["ran"], 0, "actions after it")


def a_newer_state_is_refused_and_left_alone():
    with World() as world:
        world.write("a.txt", "a")
        built = world.build()
        version = world.root / ".graphite/db/VERSION"
        old = version.read_text()
        version.write_text(old.replace(old.split()[-1], "999"))
        before = {p: p.stat().st_mtime_ns for p in (world.root / ".graphite").rglob("*") if p.is_file()}
        for command in ("build", "dev"):
            text = run(command, "-C", world.root, code=2)
            check("newer" in text and "999" in text and "--state" in text, f"{command} says: {text}")
        equal({p: p.stat().st_mtime_ns for p in (world.root / ".graphite").rglob("*") if p.is_file()}, before, "files")
        version.write_text(old)
        equal(world.build()["generation"], built["generation"], "generation")
        for damage in ("", "graphite-metadata", "\0" * 40, "graphite-metadata -1\n", "graphite-metadata 1" + "0" * 300):
            version.write_text(damage)
            run("build", "-C", world.root, code=(2, 5))


def mistakes_in_the_project_file_are_placed():
    mistakes = [
        ('[project]\nname = "x"\n[wach]\ndebounce_ms = 5\n', ":3:", "watch"),
        ('[project]\nname = "x"\n[watch]\ndebounce = 5\n', ":4:", "debounce_ms"),
        ('[project]\nname = 5\n', ":2:", "text"),
        ('[project]\nname = "x"\n[[rule]]\nname = "r"\nmach = ["*"]\n', ":5:", "match"),
        ('[project]\nname = "x\n', ":2:", ""),
        ('[project]\nname = "x"\n[[rule]]\nname = "r"\nmatch = ["*.a"]\noutputs = ["../../evil"]\n'
         '[rule.command]\nargv = ["true"]\n', ":6:", ""),
        ('[project]\nname = "x"\n[[rule]]\nname = "r"\nmatch = ["*.a"]\noutputs = ["/evil"]\n'
         '[rule.command]\nargv = ["true"]\n', ":6:", ""),
        ("\0\xff\n", ":1:", ""),
        ("[" * 100_000, ":1:", ""),
        ("a = " + "[" * 100_000, ":1:", ""),
    ]
    with World() as world:
        world.write("a.txt", "a")
        for text, place, hint in mistakes:
            (world.root / "graphite.toml").write_bytes(text.encode("latin-1"))
            for command in ("build", "dev"):
                said = run(command, "-C", world.root, code=2)
                check(f"graphite.toml{place}" in said, f"no place {place} for {text[:80]!r}: {said[:500]}")
                check(hint in said, f"no word of {hint!r} for {text[:80]!r}: {said[:500]}")


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    main([a_file_becomes_a_folder_and_a_folder_a_file, links_loops_fifos_and_sockets_are_passed_over,
          special_files_that_appear_while_watching_do_no_harm, names_that_are_not_utf8_are_warned_of,
          twins_by_case_are_both_left_out, vanishing_files_leave_a_right_build, unreadable_files_and_folders_keep_what_is_known,
          unreadable_files_do_not_stop_dev, a_growing_file_keeps_nobody_waiting, an_empty_file_is_an_asset, five_gigabytes_are_read_with_little_memory,
          a_build_on_a_full_disk_fails_clearly_and_recovers, dev_on_a_full_disk_stays_and_catches_up,
          removed_segments_come_back, a_removed_segment_is_made_again, a_second_build_is_told_who_holds_the_state,
          a_newer_state_is_refused_and_left_alone, mistakes_in_the_project_file_are_placed], when_named=[five_gigabytes_reach_a_subscriber])
