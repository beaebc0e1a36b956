#!/usr/bin/env python3
"""libgraphite following a channel on demand, through its C functions: swaps wait for no contents, reads never block."""
import ctypes
import os
import pathlib
import threading

from support import World, check, disk_bytes, equal, main, wait_until

LIBRARY = pathlib.Path(os.environ["GRAPHITE_BUILD"]) / "lib/libgraphite.so"
NOT_FOUND, UNAVAILABLE, TIMED_OUT, REMOVED, NOT_READY = 2, 8, 9, 18, 20
ARRIVED = 3
SECOND = 1_000_000_000

AssetEvent = type("AssetEvent", (ctypes.Structure,), {"_fields_": [
    ("type", ctypes.c_int), ("id", ctypes.c_uint64), ("old_bundle", ctypes.c_void_p), ("new_bundle", ctypes.c_void_p)]})
ASSET_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.POINTER(AssetEvent), ctypes.c_void_p)
Config = type("Config", (ctypes.Structure,), {"_fields_": [
    ("size", ctypes.c_size_t), ("watch_directory", ctypes.c_char_p), ("bundle_path", ctypes.c_char_p),
    ("debounce_ms", ctypes.c_uint32), ("atomic_reload", ctypes.c_bool), ("preserve_handle_state", ctypes.c_bool),
    ("callback", ctypes.c_void_p), ("user_data", ctypes.c_void_p), ("changes_callback", ctypes.c_void_p),
    ("asset_callback", ASSET_CALLBACK), ("swap_in_poll", ctypes.c_bool), ("trust_folder", ctypes.c_bool),
    ("on_demand", ctypes.c_bool), ("kept_generations", ctypes.c_uint32), ("held_pin_warning_ms", ctypes.c_uint32),
    ("state_directory", ctypes.c_char_p), ("crash_window_seconds", ctypes.c_uint32), ("crashes_max", ctypes.c_uint32),
    ("keys_directory", ctypes.c_char_p), ("root_pins", ctypes.c_char_p)]})
View = type("View", (ctypes.Structure,), {"_fields_": [
    ("data", ctypes.c_void_p), ("size", ctypes.c_uint64), ("version", ctypes.c_uint64), ("owner", ctypes.c_void_p * 2)]})


class Runtime:
    """One subscription, on demand unless said otherwise."""

    def __init__(self, heads, folder, on_demand=True):
        self.library = ctypes.CDLL(str(LIBRARY))
        self.library.graphite_last_error.restype = ctypes.c_char_p
        self.library.graphite_asset_id.restype = ctypes.c_uint64
        self.events = []
        self.callback = ASSET_CALLBACK(lambda event, _: self.events.append((event.contents.type, event.contents.id)))
        config = Config()
        self.library.graphite_hot_reload_config_init(ctypes.byref(config))
        config.watch_directory = str(folder).encode()
        config.on_demand = on_demand
        config.asset_callback = self.callback
        self.context = ctypes.c_void_p()
        self.good(self.library.graphite_subscribe(heads.encode(), None, ctypes.byref(config), ctypes.byref(self.context)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.graphite_hot_reload_shutdown(self.context)

    def good(self, result):
        check(result == 0, f"{result}: {self.library.graphite_last_error().decode()}")

    def id(self, path):
        return self.library.graphite_asset_id(path.encode(), ctypes.c_size_t(len(path.encode())))

    def wait(self, version):
        self.good(self.library.graphite_wait(self.context, ctypes.c_uint64(version), ctypes.c_uint64(60 * SECOND)))

    def read(self, path):
        """The bytes, or the number of the error."""
        handle, view = ctypes.c_uint64(), View()
        opened = self.library.graphite_handle_open(self.context, ctypes.c_uint64(self.id(path)), ctypes.byref(handle))
        if opened != 0:
            return opened
        try:
            done = self.library.graphite_handle_read(self.context, handle, 0, ctypes.byref(view))
            if done != 0:
                return done
            data = ctypes.string_at(view.data, view.size)
            self.library.graphite_view_release(ctypes.byref(view))
            return data
        finally:
            self.library.graphite_handle_close(self.context, handle)

    def fetch(self, *paths):
        ids = (ctypes.c_uint64 * len(paths))(*map(self.id, paths))
        self.good(self.library.graphite_fetch(self.context, ids, ctypes.c_size_t(len(paths))))

    def fetch_wait(self, path, seconds=60):
        return self.library.graphite_fetch_wait(self.context, ctypes.c_uint64(self.id(path)),
                                                ctypes.c_uint64(int(seconds * SECOND)))

    def poll(self):
        self.good(self.library.graphite_poll(self.context, ctypes.c_uint64(2**62), None))


def random_files(world, count, size):
    for i in range(count):
        world.write(f"{i}.bin", os.urandom(size))


def shows_generations_at_once_and_fetches_what_is_read():
    with World() as world:
        random_files(world, 20, 100_000)
        world.write("huge.bin", os.urandom(9 << 20))
        world.dev()
        with Runtime(world.ready["heads"], world.work / "kept") as runtime:
            runtime.wait(0)
            check(disk_bytes(world.work / "kept/.graphite/segments") < 100_000, "contents came unasked")
            equal(runtime.read("7.bin"), NOT_READY, "the first read")
            wait_until(lambda: runtime.read("7.bin") == world.sources()["7.bin"], "the bytes that were read")
            equal(runtime.read("no.bin"), NOT_FOUND, "what there is not")
            runtime.poll()
            check((ARRIVED, runtime.id("7.bin")) in runtime.events, f"not told: {runtime.events}")
            equal(runtime.fetch_wait("huge.bin"), 0, "waiting for nine megabytes")
            check(runtime.read("huge.bin") == world.sources()["huge.bin"], "all of it")
            equal(runtime.fetch_wait("no.bin"), NOT_FOUND, "waiting for nothing")
            runtime.fetch("1.bin", "2.bin", "3.bin")
            for name in ("1.bin", "2.bin", "3.bin"):
                wait_until(lambda name=name: runtime.read(name) == world.sources()[name], name)
            # A swap: what did not change is still here, what did is to be fetched again.
            world.write("7.bin", b"seven")
            (world.root / "2.bin").unlink()
            runtime.wait(1)
            wait_until(lambda: runtime.read("2.bin") in (NOT_FOUND, REMOVED), "the removal")
            equal(runtime.fetch_wait("7.bin"), 0, "the changed one")
            equal(runtime.read("7.bin"), b"seven", "its bytes")
            check(runtime.read("1.bin") == world.sources()["1.bin"], "an unchanged one, without waiting")


def what_was_fetched_survives_a_restart_and_can_be_completed():
    with World() as world:
        random_files(world, 10, 50_000)
        dev = world.dev()
        kept = world.work / "kept"
        with Runtime(world.ready["heads"], kept) as runtime:
            runtime.wait(0)
            equal(runtime.fetch_wait("3.bin"), 0, "one asset")
        with Runtime(world.ready["heads"], kept) as runtime:
            equal(runtime.fetch_wait("3.bin"), 0, "the same after a restart")
            check(runtime.read("3.bin") == world.sources()["3.bin"], "its bytes")
            equal(runtime.read("4.bin"), NOT_READY, "another one")
        # Whoever follows the same folder in full gets the rest before anything is shown.
        with Runtime(world.ready["heads"], kept, on_demand=False) as runtime:
            runtime.wait(0)
            for name, data in world.sources().items():
                check(runtime.read(name) == data, name)
        with Runtime(world.ready["heads"], kept) as runtime:
            dev.stop()
            for name, data in world.sources().items():
                equal(runtime.fetch_wait(name, 60), 0, f"{name} without a publisher")
                check(runtime.read(name) == data, name)


def without_a_publisher_a_wait_ends_in_time():
    with World() as world:
        random_files(world, 3, 50_000)
        dev = world.dev()
        with Runtime(world.ready["heads"], world.work / "kept") as runtime:
            runtime.wait(0)
            dev.stop()
            equal(runtime.fetch_wait("1.bin", 0.3), TIMED_OUT, "nobody brings it")
            world.dev()
            wait_until(lambda: runtime.fetch_wait("1.bin", 5) == 0, "the publisher is back")


def readers_in_many_threads_meet_a_thousand_assets():
    with World() as world:
        random_files(world, 1000, 3_000)
        world.dev()
        sources = world.sources()
        with Runtime(world.ready["heads"], world.work / "kept") as runtime:
            runtime.wait(0)
            wrong = []

            def read_all(first):
                for i in range(first, 1000, 4):
                    name = f"{i}.bin"
                    wait_until(lambda name=name: runtime.read(name) != NOT_READY, name)
                    if runtime.read(name) != sources[name]:
                        wrong.append(name)

            threads = [threading.Thread(target=read_all, args=(first,)) for first in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            equal(wrong[:5], [], "wrong for the readers")


if __name__ == "__main__":
    main([shows_generations_at_once_and_fetches_what_is_read, what_was_fetched_survives_a_restart_and_can_be_completed,
          without_a_publisher_a_wait_ends_in_time, readers_in_many_threads_meet_a_thousand_assets])
