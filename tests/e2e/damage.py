#!/usr/bin/env python3
"""Damaged bundles: `bundle verify` finds each flipped byte that means something, says where, and never crashes.

    damage.py [TEST…]        GRAPHITE_SEED=N chooses the bytes; the seed is printed
"""
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import time

from support import PROGRAM, World, check, equal, main, run, verify

RULE = '''[project]
name = "e2e"

[[rule]]
name = "low"
match = ["*.up"]
outputs = ["{stem}.low"]
[rule.command]
argv = ["cp", "{in}", "{out}"]
'''

FLIPS = 200
SEED = int(os.environ.get("GRAPHITE_SEED") or time.time_ns() % 1_000_000)


def align(number, unit):
    return -(-number // unit) * unit


def live_of_pages(data, _):
    """The header and the records, as section 4 of docs/formats/bundle.md says."""
    at = 64
    while data[at:at + 4] == b"PAGE":
        size, links, extents = struct.unpack_from("<III", data, at + 8)
        at = align(at + 64 + size, 8) + 8 * links + 24 * extents
    return [range(0, at)]


def live_of_segment(data, contents):
    """The header and the extents of `contents`, as section 2 says: record headers are for the store's scan.

    Two files of the same bytes that are read at the same time may both be written; which of the two extents counts
    only the index knows, so neither is taken for live here.
    """
    extents, at = {}, 64
    while data[at:at + 4] == b"GREC":
        size, = struct.unpack_from("<Q", data, at + 8)
        begin = at + 64 if size < 4096 else align(at + 64, 4096)
        content = data[at + 16:at + 48].hex()
        if size > 0 and content in contents:
            extents.setdefault(content, []).append(range(begin, begin + size))
        at = align(begin + size, 64)
    return [range(0, 64)] + [found[0] for found in extents.values() if len(found) == 1]


def bundle_to_damage(world):
    """A copy that is no link to the store's files, with sources of every size, what is made of some."""
    for i in range(300):
        world.write(f"some/{i}.txt", os.urandom(30 + i))
    for i, size in enumerate((0, 4095, 4096, 70_000, 300_000)):
        world.write(f"size-{i}.bin", os.urandom(size))
    world.write("twice.bin", b"x" * 5000)
    world.write("again.bin", b"x" * 5000)
    world.write("made.up", "upper")
    copy = world.work / "copy"
    shutil.copytree(world.build()["bundle"], copy)
    for path in copy.iterdir():
        path.chmod(0o644)
    verify(world, copy)
    return copy


def verify_damaged(bundle):
    """The exit code and all that was said."""
    done = subprocess.run([PROGRAM, "bundle", "verify", bundle, "--json"], capture_output=True, text=True, timeout=60)
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, done.stderr, objects


def is_placed(path, verdict):
    """Whether what was said names the damage: of contents the asset, else the file."""
    said = [verdict.get("message", ""), *(one["message"] for one in verdict.get("first_errors", ()))]
    return any(path.name in text or ": content fails its digest" in text for text in said)


def is_refused(code, path, at, verdict):
    """Corrupt, or of a head that seems to be one of a program to come: it cannot be told from that."""
    of_the_future = path.name == "head" and at in range(4, 8) and verdict.get("code") in ("newer_version", "unsupported")
    return code == (2 if of_the_future else 5)


def every_flip_of_a_live_byte_is_found_and_placed():
    rng = random.Random(SEED)
    with World(RULE) as world:
        bundle = bundle_to_damage(world)
        listed = subprocess.run([PROGRAM, "bundle", "inspect", bundle, "--assets", "--json"], capture_output=True, text=True,
                                check=True)
        assets = [o for o in map(json.loads, listed.stdout.splitlines()) if o["event"] == "asset"]
        contents = {part["content"] for asset in assets for part in asset["parts"]}
        readers = {"head": lambda data, _: [range(0, len(data))], "pages-": live_of_pages, "segment-": live_of_segment}
        files = []
        for path in sorted(bundle.iterdir()):
            data = path.read_bytes()
            live = next(read for name, read in readers.items() if path.name.startswith(name))(data, contents)
            files.append((path, data, live))
        noticed = {}
        for _ in range(FLIPS):
            path, data, live = rng.choice(files)
            anywhere = rng.random() < 0.2
            at = rng.randrange(len(data)) if anywhere else rng.choice(rng.choice(live))
            flip = rng.randrange(1, 256)
            what = f"seed {SEED}: {path.name}, byte {at} xor {flip:#x}"
            path.write_bytes(data[:at] + bytes([data[at] ^ flip]) + data[at + 1:])
            code, stderr, objects = verify_damaged(bundle)
            path.write_bytes(data)
            means = any(at in piece for piece in live)
            equal(len(objects), 1, f"{what}: objects of standard output; exit {code}: {stderr[-500:]}")
            refused = is_refused(code, path, at, objects[0])
            check(refused or (not means and code == 0), f"{what}: exit {code}, live: {means}: {stderr[-500:]} {objects}")
            found = noticed.setdefault((path.name.split("-")[0], means), [0, 0])
            found[0] += refused
            found[1] += 1
            if code == 5:
                check(is_placed(path, objects[0]), f"{what}: nothing says what is damaged: {objects} {stderr}")
        for (name, means), (found, tried) in sorted(noticed.items()):
            check(found == tried or not means, f"seed {SEED}: {found} of {tried} flips of live bytes of {name} were found")
            print(f"        seed {SEED}: {name}, {'live' if means else 'dead'} bytes: {found} of {tried} flips found", flush=True)
        verify(world, bundle)


def damaged(data, step):
    """Copies of a file with one byte flipped, and shorter ones."""
    for at in range(0, len(data), step):
        yield f"byte {at} flipped", data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1:]
    for length in sorted({0, 1, 7, 8, 63, 64, 100, len(data) // 2, len(data) - 1} | set(range(0, len(data), step * 3))):
        if 0 <= length < len(data):
            yield f"cut to {length}", data[:length]


def hostile_bundles_are_refused_not_followed():
    with World() as world:
        for i in range(30):
            world.write(f"f/{i}.txt", os.urandom(300))
        world.write("large.bin", os.urandom(200_000))
        bundle = pathlib.Path(world.build()["bundle"])
        exported = world.work / "all.grph"
        run("bundle", "export", bundle, exported)
        verify(world)
        tries, refused = 0, 0
        for path in [*sorted(p for p in bundle.iterdir() if p.is_file()), exported]:
            target = bundle if path.parent == bundle else exported
            data, mode = path.read_bytes(), path.stat().st_mode
            path.unlink()  # segments are links to the store's
            for what, bytes_ in damaged(data, max(7, len(data) // 60)):
                path.write_bytes(bytes_)
                done = subprocess.run([PROGRAM, "bundle", "verify", target], capture_output=True, text=True, timeout=60)
                check(done.returncode in (0, 5), f"{path.name}, {what}: exit {done.returncode}: {done.stderr[-500:]}")
                tries += 1
                refused += done.returncode == 5
                # Bytes that nothing refers to (gaps, reserved zeros) may be anything; a cut file never is good.
                check(done.returncode == 5 or "cut to" not in what or path.name not in ("head", "all.grph"),
                      f"{path.name}, {what}: taken for good")
            path.write_bytes(data)
            path.chmod(mode)
        check(refused > tries // 2, f"only {refused} of {tries} were refused")
        print(f"        {refused} of {tries} damaged bundles refused, the others damaged where nothing lies", flush=True)
        verify(world)


if __name__ == "__main__":
    main([every_flip_of_a_live_byte_is_found_and_placed, hostile_bundles_are_refused_not_followed])
