#!/usr/bin/env python3
"""A runtime that pins a root, behind a relay that hears all and says what it likes: it shows what was published, or keeps
what it has. The attacks that package managers are tested against (Samuel, Mathewson, Cappos, Dingledine, CCS 2010)."""
import os
import struct
import threading

from relay import Relay, encode
from support import Looking, World, check, equal, files_below, main, private_bytes, run, wait_until

HEARTBEAT = b"h"
HEAD_BYTES = 1024
CHUNK_PORT_AT = 16  # of an encoded heartbeat
LARGE = 200_000  # more than an announcement carries


class Hostile(World):
    """A publisher with keys, a relay before each of its ports, and all that was said by the heads port."""

    def __init__(self, channels=("main",)):
        super().__init__('[project]\nname = "e2e"\n' + "".join(f'[[channel]]\nname = "{name}"\n' for name in channels))
        self.keys = self.work / "keys"
        run("keygen", self.keys)
        for name in channels:
            if name != "main":
                run("keys", "channel", self.keys, name)
        self.heard = []
        self.honest = lambda parts: [parts]
        self.lie = self.honest

    def serve(self):
        dev = self.dev(None, "--keys", self.keys)
        # Its heartbeats name a port of the machine that they come from, and are signed: so between the two is who
        # has another machine's address, and the same ports.
        self.heads, self.chunks = (Relay(to, "127.0.0.2", int(to.rsplit(":", 1)[1]))
                                   for to in (self.ready["heads"], self.ready["chunks"]))
        self.heads.change = self._heads
        self.ready = {**self.ready, "heads": self.heads.address}
        return dev

    def _heads(self, _, parts):
        self.heard.append(parts)
        return self.lie(parts)

    def reader(self, name="reader"):
        return self.subscribe(name, "--root", self.keys / "root/root.pub")

    def edit(self, reader, **texts):
        for name, text in texts.items():
            self.write(f"{name}.txt", text)
        for name in texts:
            wait_until(lambda: (self.shown(reader.name) or {}).get(f"{name}.txt") == data_of(texts[name]), f"{name} to be shown")

    def said(self, topic, since=0):
        return [parts for parts in self.heard[since:] if parts[0] == topic]

    def be_honest(self):
        self.lie = self.honest
        self.chunks.change = lambda _, parts: [parts]

    def __exit__(self, *what):
        super().__exit__(*what)
        for relay in (self.heads, self.chunks):
            relay.close()


def data_of(text):
    return text if isinstance(text, bytes) else text.encode()


def topic_of(channel):
    return b"a/" + channel.encode() + b"\0"


class Watched(Looking):
    """Everything that a runtime shows while the block runs, each generation once."""

    def __init__(self, world, name):
        super().__init__(0.002)
        self.current, self.states, self.last = world.current(name), [], None

    def look(self):
        try:
            now = os.readlink(self.current)
            if now != self.last:
                self.states.append(files_below(self.current.parent / now))
                self.last = now
        except FileNotFoundError:
            pass


def it_never_goes_back():
    """What was said before is said again, to a runtime that goes on and to one that begins anew."""
    with Hostile() as world:
        world.write("a.txt", "one")
        world.serve()
        reader = world.reader()
        reader.swap_with(changed="a.txt")
        snapshots = []

        def keep_snapshots(_, parts):
            if len(parts) > 2 and parts[2].startswith(b"GRPH"):
                snapshots.append(parts[1:])
            return [parts]

        world.chunks.change = keep_snapshots
        world.reader("other").swap_with(changed="a.txt")
        check(snapshots, "no snapshot was heard")
        world.edit(reader, a="two")
        old = world.said(topic_of("main")) + world.said(HEARTBEAT)
        world.edit(reader, a="three")
        # Every word is an old one, and every snapshot the first; the next edit is kept from it.
        asked = []

        def old_snapshots(_, parts):
            if len(parts) > 2 and parts[2].startswith(b"GRPH"):
                asked.append(parts)
                return [[parts[0], *snapshots[0]]]
            return [parts]

        world.chunks.change = old_snapshots
        world.lie = lambda parts: old + ([parts] if parts[0] == HEARTBEAT else [])
        with Watched(world, "reader") as seen:
            world.write("a.txt", "four")
            wait_until(lambda: len(asked) >= 3, "it to ask for what it was told of")
            equal(world.shown("reader"), {"a.txt": b"three"}, "what is shown")
            reader.stop()
            before = len(asked)
            again = world.reader()
            wait_until(lambda: len(asked) >= before + 3, "it to ask again after a restart")
            equal(world.shown("reader"), {"a.txt": b"three"}, "what is shown after a restart")
            world.be_honest()
            again.swap_with(changed="a.txt")
            equal(world.shown("reader"), {"a.txt": b"four"}, "what is shown at last")
        for state in seen.states:
            check(state in ({"a.txt": b"three"}, {"a.txt": b"four"}), f"it showed {state}")


def an_old_state_again_and_again_is_silence():
    with Hostile() as world:
        world.write("a.txt", "one")
        world.serve()
        reader = world.reader()
        reader.swap_with(changed="a.txt")
        frozen = world.said(HEARTBEAT)[-1]
        world.lie = lambda parts: [frozen] if parts[0] == HEARTBEAT else []
        world.write("a.txt", "two")
        wait_until(lambda: "no word from the publisher" in reader.log(), "it to say that it hears nothing")
        check("refused a heartbeat that has expired" in reader.log(), reader.log())
        equal(world.shown("reader"), {"a.txt": b"one"}, "what is shown")
        world.be_honest()
        reader.swap_with(changed="a.txt")
        equal(world.shown("reader"), {"a.txt": b"two"}, "what is shown at last")


def it_shows_no_mixture_of_generations():
    """Heads with the changes of other generations, and contents in the place of each other."""
    with Hostile() as world:
        texts = {name: f"{name} one".encode().ljust(LARGE, b".") for name in ("a", "b")}
        world.write("small.txt", "000")
        for name, text in texts.items():
            world.write(f"{name}.txt", text)
        world.serve()
        reader = world.reader()
        reader.swap_with(changed="small.txt")
        states = [world.sources()]
        for text in ("111", "222"):
            world.edit(reader, small=text)
            states.append(world.sources())
        before, replies = world.said(topic_of("main"))[-1], []

        def with_another_head(parts):
            if parts[0] == HEARTBEAT:
                return [parts]
            at, other = parts[1].index(b"GRPH"), before[1].index(b"GRPH")
            mixed = before[1][:other] + parts[1][at:at + HEAD_BYTES] + before[1][other + HEAD_BYTES:]
            return [[parts[0], mixed]]

        def exchanged(_, parts):
            """The bytes of two contents, each in an answer for the other."""
            if len(parts) < 3 or not any(len(frame) >= LARGE for frame in parts[2:]):
                return [parts]
            replies.append(parts)
            return [[*parts[:2], *(frame[1:] + frame[:1] for frame in parts[2:])]] if len(parts) == 3 else \
                [[*parts[:2], *reversed(parts[2:])]]

        with Watched(world, "reader") as seen:
            world.lie = with_another_head
            world.edit(reader, small="333")
            states.append(world.sources())
            world.chunks.change = exchanged
            for name in texts:
                world.write(f"{name}.txt", f"{name} two".encode().ljust(LARGE, b"."))
            wait_until(lambda: len(replies) >= 3, "it to ask for the contents")
            check(world.shown("reader") in states, "it showed contents that are not its own")
            world.be_honest()
            wait_until(lambda: world.shown("reader") == world.sources(), "both to be shown")
        whole = [*states, world.sources()]
        one_of_two = [{**states[-1], f"{name}.txt": world.sources()[f"{name}.txt"]} for name in texts]
        for state in seen.states:
            check(state in whole + one_of_two, f"a mixture: { {name: data[:12] for name, data in state.items()} }")


def another_channels_words_are_refused():
    """Two channels of one publisher, whose names the relay exchanges."""
    with Hostile(("main", "side")) as world:
        world.write("a.txt", "one")
        world.serve()
        reader = world.subscribe("reader", "--root", world.keys / "root/root.pub", "--channel", "main")
        reader.swap_with(changed="a.txt")
        others = world.subscribe("other", "--root", world.keys / "root/root.pub", "--channel", "side")
        others.swap_with(changed="a.txt")
        names = {b"main": b"side", b"side": b"main"}

        def renamed(data):
            return b"".join(names.get(piece, piece) for piece in split_at(data, names))

        def as_the_other(parts):
            """What each follows goes to the other, as it is and with the other's name in it."""
            if parts[0] != HEARTBEAT:
                world.heads.say([renamed(parts[0]), parts[1]])
                world.heads.say([renamed(parts[0]), renamed(parts[1])])
            return []

        world.lie = as_the_other
        with Watched(world, "reader") as seen:
            world.write("a.txt", "two")
            wait_until(lambda: "refused a head: " in reader.log(), "the refusal")
            world.be_honest()
            reader.swap_with(changed="a.txt")
        for state in seen.states:
            check(state in ({"a.txt": b"one"}, {"a.txt": b"two"}), f"it showed {state}")


def split_at(data, words):
    at = 0
    for i in range(len(data)):
        if data[i:i + 4] in words and i >= at:
            yield data[at:i]
            yield data[i:i + 4]
            at = i + 4
    yield data[at:]


def a_forged_heartbeat_is_as_good_as_none():
    with Hostile() as world:
        world.write("a.txt", "one")
        world.serve()
        world.build()
        published = run("status", "-C", world.root, "--json")["channels"][0]["newest"]
        numbers = struct.pack("<QQ", published["epoch"], published["sequence"])
        root = bytes.fromhex(published["root"])
        forged = []

        def forge(parts):
            if parts[0] != HEARTBEAT:
                return []
            body = parts[1]
            if numbers not in body:
                return []  # of before the first generation
            equal(struct.unpack_from("<H", body, CHUNK_PORT_AT)[0], world.chunks.to[1], "where a heartbeat has the port")
            for at in (CHUNK_PORT_AT, body.index(numbers), body.index(numbers) + 8, body.index(numbers) + 16, body.index(root),
                       body.index(b"main")):
                changed = bytearray(body)
                changed[at] ^= 1
                forged.append([HEARTBEAT, bytes(changed)])
            return forged[-6:]

        world.lie = forge
        reader = world.reader()
        wait_until(lambda: "refused a heartbeat: " in reader.log(), "the refusal")
        wait_until(lambda: len(forged) >= 20, "more forgeries")
        check(not world.shown("reader"), "something was shown")
        check(not world.chunks.links, "it went to the chunk port that a forgery names")
        world.be_honest()
        reader.swap_with(changed="a.txt")
        equal(world.shown("reader"), {"a.txt": b"one"}, "what is shown at last")


def endless_data_is_cut_off():
    """A frame without end at the heads port, then an answer without end at the chunk port."""
    with Hostile() as world:
        world.write("a.txt", "one")
        world.serve()
        reader = world.reader()
        reader.swap_with(changed="a.txt")
        before, block = private_bytes(reader.child.pid), bytes(1 << 20)
        link = next(link for link in world.heads.links if link.ready)
        world.lie = lambda parts: []
        check(link.flood(struct.pack(">BQ", 2, 1 << 40), block, 256 << 20), "a frame of 256 MiB was taken at the heads port")
        world.be_honest()
        world.edit(reader, a="two")
        floods, ended = [], []

        def without_end(link, parts):
            if floods:
                return [] if link is floods[0] else [parts]
            if len(parts) < 3:
                return [parts]
            floods.append(link)
            first, more = (encode([*frames, b""])[:-2] for frames in (parts, [block]))  # another frame follows
            threading.Thread(target=lambda: ended.append(link.flood(first, more, 4 << 30))).start()
            return []

        world.chunks.change = without_end
        world.write("large.bin", os.urandom(LARGE))
        wait_until(lambda: floods, "it to ask for the content")
        most = [0]

        def over():
            most[0] = max(most[0], private_bytes(reader.child.pid) - before)
            return world.shown("reader") == world.sources()

        wait_until(over, "the content by another connection")
        wait_until(lambda: ended, "the end of the answer")
        check(ended[0], "4 GiB of an answer without end were taken")
        print(f"        {floods[0].flooded >> 20} MiB were taken of the answer, {most[0] >> 20} MiB kept at most", flush=True)
        check(most[0] < 1 << 30, f"{most[0] >> 20} MiB were kept")


def slow_answers_are_given_up():
    with Hostile() as world:
        world.write("a.txt", "one")
        world.serve()
        reader = world.reader()
        reader.swap_with(changed="a.txt")
        slow = world.chunks.links[-1]
        links, over = len(world.chunks.links), threading.Event()

        def one_byte_at_a_time(link, parts):
            if link is not slow:
                return [parts]
            for byte in encode(parts):
                if over.wait(0.2):
                    return []
                link.say(bytes([byte]))
            return []

        world.chunks.change = one_byte_at_a_time
        try:
            world.write("large.bin", os.urandom(LARGE))
            world.write("a.txt", "two")
            wait_until(lambda: world.shown("reader") == world.sources(), "what a new connection brings")
            check(len(world.chunks.links) > links, "no new connection was made")
        finally:
            over.set()


if __name__ == "__main__":
    main([it_never_goes_back, an_old_state_again_and_again_is_silence, it_shows_no_mixture_of_generations,
          another_channels_words_are_refused, a_forged_heartbeat_is_as_good_as_none, endless_data_is_cut_off,
          slow_answers_are_given_up])
