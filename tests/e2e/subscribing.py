#!/usr/bin/env python3
"""What `graphite subscribe` does where it cannot go on: says so as every command does, or waits and comes back."""
import json
import os
import subprocess

from support import PROGRAM, SmallDisk, World, check, equal, main, run, verify, wait_until


def refused(world, code, exit_code, *arguments, word=""):
    """`subscribe` with these arguments ends so, with and without --json."""
    for json_wanted in (True, False):
        done = subprocess.run([PROGRAM, "subscribe", *map(str, arguments), *(["--json"] if json_wanted else [])],
                              capture_output=True, text=True, timeout=60, check=False)
        what = f"subscribe {arguments} said {done.stdout!r} {done.stderr!r}"
        equal(done.returncode, exit_code, f"exit code; {what}")
        check(done.stderr.startswith("error: ") and word in done.stderr, what)
        if not json_wanted:
            equal(done.stdout, "", "standard output")
            continue
        events = [json.loads(line) for line in done.stdout.splitlines()]
        equal([(e["event"], e["code"], e["exit_code"]) for e in events], [("error", code, exit_code)], what)
        check(word in events[0]["message"], what)


def failures_are_told_as_those_of_every_command():
    with World() as world:
        world.write("a.txt", "a")
        world.dev()
        into = ["--from", world.ready["heads"], "--into"]
        reader = world.subscribe("reader")
        reader.swap_with(changed="a.txt")
        refused(world, "already_exists", 2, *into, world.work / "reader", word="another process")
        (world.work / "other/current").mkdir(parents=True)
        refused(world, "already_exists", 2, *into, world.work / "other", word="move it away")
        refused(world, "already_exists", 2, *into, world.work / "other", "--no-files", word="choose another folder")
        refused(world, "already_exists", 2, *into, world.root, word="is a project")
        refused(world, "invalid_argument", 2, "--from", "nowhere", "--into", world.work / "new", word="HOST:PORT")
        refused(world, "permission_denied", 4, "--from", "192.0.2.1:7402", "--into", world.work / "new", word="graphite keygen")
        with SmallDisk(world, 16) as disk:
            disk.fill()
            refused(world, "out_of_space", 1, *into, disk.folder / "new", "--no-files", word="space")


def stays_on_a_full_disk_and_catches_up(*mode):
    with World() as world, SmallDisk(world, 64) as disk:
        def shown():
            if not mode:
                return world.shown("disk/reader")
            found = world.work / "extracted"
            subprocess.run(["rm", "-rf", found], check=True)
            run("bundle", "extract", disk.folder / "reader", found, code=(0, 2, 5))
            return {p.name: p.read_bytes() for p in found.iterdir()} if found.exists() else None

        for i in range(5):
            world.write(f"{i}.txt", f"text {i}")
        world.dev()
        reader = world.subscribe("disk/reader", *mode)
        reader.swap_with(changed="4.txt")
        before = shown()
        equal(before, world.sources(), "before the disk is full")
        disk.fill()
        for i in range(5):
            world.write(f"{i}.txt", os.urandom(1_000_000))
        wait_until(lambda: "cannot store" in reader.log(), "the subscriber to say that it cannot store")
        equal(reader.child.poll(), None, "the subscriber's exit code")
        equal(shown(), before, "shown on the full disk")
        disk.free()
        wait_until(lambda: shown() == world.sources(), "the edits made on the full disk")
        world.write("after.txt", "after")
        reader.swap_with(changed="after.txt")
        equal(reader.stop(), 0, "exit code")


def a_subscriber_stays_on_a_full_disk_and_catches_up():
    stays_on_a_full_disk_and_catches_up()


def a_subscriber_without_files_stays_on_a_full_disk_and_catches_up():
    stays_on_a_full_disk_and_catches_up("--no-files")


def equal_chunks_are_fetched_once():
    with World() as world:
        world.write("small.txt", "small")
        world.dev()
        readers = {name: world.subscribe(name, *mode) for name, mode in (("files", ()), ("bundle", ("--no-files",)))}
        for reader in readers.values():
            reader.swap_with(changed="small.txt")
        data = bytes(40 << 20) + os.urandom(1 << 20) + bytes(40 << 20)
        world.write("disk.img", data)
        for name, reader in readers.items():
            fetched = reader.swap_with(changed="disk.img")["bytes_fetched"]
            check(1 << 20 <= fetched < 4 << 20, f"{name}: {fetched} bytes were fetched of {len(data)}")
        equal((world.current("files") / "disk.img").read_bytes() == data, True, "the file shown is the source")
        verify(world, world.work / "bundle")


def a_large_content_goes_on_where_its_transfer_was_cut_off():
    goes_on_where_it_was_cut_off("--no-files", ".graphite/segments/segment-*", "head")


def a_large_file_goes_on_where_its_transfer_was_cut_off():
    goes_on_where_it_was_cut_off(None, ".graphite/staging/*.part", "current")


def goes_on_where_it_was_cut_off(option, staged, shown):
    size, cut = 192 << 20, 64 << 20
    options = [option] if option else []

    def has_come_so_far(folder):
        for file in folder.glob(staged):
            with open(file, "rb") as bytes_:
                if os.pread(bytes_.fileno(), 64, cut).strip(b"\0"):
                    return True
        return False

    with World() as world:
        data = os.urandom(size)
        world.write("disk.img", data)
        world.dev()
        for name, end in (("killed", lambda reader: reader.kill()), ("stopped", lambda reader: reader.stop())):
            for attempt in range(20):
                name, folder = f"{name}{attempt}", world.work / f"{name}{attempt}"
                reader = world.subscribe(name, *options)
                wait_until(lambda: has_come_so_far(folder), "a third of the transfer")
                end(reader)
                if not (folder / shown).exists():
                    break  # else it was quicker than we are
            check(not (folder / shown).exists(), f"{name}: no transfer was cut off")
            fetched = world.subscribe(name, *options).swap_with(changed="disk.img")["bytes_fetched"]
            check(fetched <= size - cut // 2, f"{name}: {fetched >> 20} MiB were fetched again of {size >> 20}")
            if option:
                verify(world, folder)
            else:
                check((folder / "current/disk.img").read_bytes() == data, f"{name}: the file is another one")
            print(f"        {name}: {fetched >> 20} of {size >> 20} MiB to fetch", flush=True)


def a_project_is_free_once_its_service_has_stopped():
    with World() as world:
        world.write("a.txt", "0")
        for i in range(4):
            service = world.dev()
            reader = world.subscribe(f"reader{i}")
            reader.swap_with(changed="a.txt")
            run("stop", "-C", world.root)
            world.write("a.txt", str(i + 1))
            world.build()
            service.stop()
            reader.stop()


if __name__ == "__main__":
    main([a_project_is_free_once_its_service_has_stopped,
          a_large_content_goes_on_where_its_transfer_was_cut_off, a_large_file_goes_on_where_its_transfer_was_cut_off,
          failures_are_told_as_those_of_every_command, equal_chunks_are_fetched_once,
          a_subscriber_stays_on_a_full_disk_and_catches_up,
          a_subscriber_without_files_stays_on_a_full_disk_and_catches_up])
