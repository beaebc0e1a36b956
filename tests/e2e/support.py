"""What the end-to-end tests share: real processes, their JSON events, a deadline instead of sleeps."""
import ctypes
import fcntl
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE_S = 60
PROGRAM = os.environ.get("GRAPHITE_PROGRAM", "")


class Failed(AssertionError):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


def equal(found, expected, what):
    if found == expected:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        wrong = {k: (short(found.get(k)), short(expected.get(k)))
                 for k in sorted(found.keys() | expected.keys()) if found.get(k) != expected.get(k)}
        raise Failed(f"{what}: {len(wrong)} differ (found, expected): {dict(list(wrong.items())[:5])}")
    raise Failed(f"{what}: found {found!r}, expected {expected!r}")


def short(value):
    return value if not isinstance(value, bytes) or len(value) <= 40 else f"{len(value)} bytes {value[:20]!r}…"


def no_core_file(process):
    """That the process would leave none."""
    with open(f"/proc/{process.child.pid}/limits") as limits:
        check(any(line.startswith("Max core file size") and line.split()[4] == "1" for line in limits),
              f"{process.name} would leave a core file")


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Polls a condition that no event announces; the deadline is only there to end a broken run."""
    end = time.monotonic() + deadline_s
    while not condition():
        check(time.monotonic() < end, f"waited {deadline_s} s for {what}")
        time.sleep(0.005)


class Process:
    """`graphite` with --json, its events in a queue."""

    def __init__(self, name, arguments, folder, environment=None, prefix=()):
        self.name = name
        self.log_path = pathlib.Path(folder) / f"{name.replace('/', '-')}.log"
        self.child = subprocess.Popen([*prefix, PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE,
                                      stderr=open(self.log_path, "a"), text=True,
                                      env={**os.environ, **(environment or {})})
        self.events = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def log(self):
        return self.log_path.read_text(errors="replace")[-3000:]

    def wait_for(self, accept, what, deadline_s=DEADLINE_S):
        end = time.monotonic() + deadline_s
        while True:
            try:
                event = self.events.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise Failed(f"{self.name}: no {what} in {deadline_s} s\n{self.log()}") from None
            check(event is not None, f"{self.name} ended while waiting for {what}\n{self.log()}")
            if accept(event):
                return event

    def event(self, kind, deadline_s=DEADLINE_S):
        return self.wait_for(lambda e: e.get("event") == kind, f"event '{kind}'", deadline_s)

    def swap_with(self, changed=None, removed=None):
        def accept(event):
            return event.get("event") == "swap" and (changed is None or changed in event["changed"]) and (
                removed is None or removed in event["removed"])
        return self.wait_for(accept, f"swap with changed={changed} removed={removed}")

    def kill(self):
        self.child.kill()
        self.child.wait()

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.child.kill()
                raise Failed(f"{self.name} did not end on SIGTERM\n{self.log()}") from None
        return self.child.returncode


def run(*arguments, code=0, environment=None, prefix=()):
    """Runs `graphite` to its end; its last JSON object, or None where it printed none."""
    done = subprocess.run([*prefix, PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          env={**os.environ, **(environment or {})})
    codes = code if isinstance(code, tuple) else (code,)
    check(done.returncode in codes, f"graphite {arguments} ended with {done.returncode}, not {code}:\n"
                                   f"{done.stdout[-1500:]}\n{done.stderr[-3000:]}")
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines and "--json" in arguments else done.stdout + done.stderr


def ask_operators_port(address, part, path, trusted=None):
    """What is said there by TLS to who has this part, and the server's certificate; OSError where TLS refuses."""
    context = ssl.create_default_context(cafile=trusted or part / "operators-ca.crt")
    context.load_cert_chain(part / "client.crt", part / "client.key")
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        with context.wrap_socket(connection, server_hostname="graphite-server") as tls:
            tls.sendall(f"GET {path} HTTP/1.1\r\nHost: graphite-server\r\n\r\n".encode())
            shown = tls.getpeercert(binary_form=True)
            return b"".join(iter(lambda: tls.recv(1 << 16), b"")).decode(), shown


def bundle_contents(world, bundle=None):
    """What the bundle says its assets are, taken out by `bundle extract`."""
    target = pathlib.Path(tempfile.mkdtemp(dir=world.work)) / "out"
    run("bundle", "extract", bundle or world.bundle, target)
    found = files_below(target)
    shutil.rmtree(target.parent)
    return found


def files_below(folder, without=""):
    """Path and bytes of each file; a folder that is named `without` is not looked into."""
    found = {}
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != without]
        for path in (pathlib.Path(at, name) for name in names):
            if path.is_file():
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def private_bytes(pid):
    """Anonymous memory now; mapped files are the page cache's and do not count."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def children_of(pid):
    out = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as file:
                out += [int(one) for one in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return out


def workers_of(builder):
    """The processes that the server of workers has forked."""
    out = []
    for child in children_of(builder):
        try:
            with open(f"/proc/{child}/comm", encoding="utf-8") as file:
                if file.read().startswith("graphite-worker"):
                    out += children_of(child)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return out


def disk_bytes(folder):
    """Blocks that the files below use, each inode once."""
    seen = {}
    for at, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(at, name))
                seen[found.st_ino] = found.st_blocks * 512
            except FileNotFoundError:
                pass
    return sum(seen.values())


class Looking:
    """Calls look() again and again while the block runs, once at least."""

    def __init__(self, seconds_between):
        self.seconds_between, self.over = seconds_between, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _run(self):
        while True:
            self.look()
            if self.over.wait(self.seconds_between):
                return


class Peaks(Looking):
    """The most that each of some measures reached while the block ran."""

    def __init__(self, **measures):
        super().__init__(0.01)
        self.measures = measures
        self.most = {name: 0 for name in measures}

    def look(self):
        for name, measure in self.measures.items():
            self.most[name] = max(self.most[name], measure())


def verify(world, bundle=None):
    found = run("bundle", "verify", bundle or world.bundle, "--json")
    check(found["good"], f"the bundle is damaged: {found}")


class World:
    """A temporary project with the processes a test starts; all of it goes at the end."""

    def __init__(self, config='[project]\nname = "e2e"\n'):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="graphite-e2e-"))
        self.root = self.work / "project"
        self.root.mkdir()
        self.write("graphite.toml", config)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for process in reversed(self.processes):
            if process.child.poll() is None:
                process.child.terminate()
        for process in self.processes:
            try:
                process.child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.child.kill()
                process.child.wait()
            if kind is not None:
                print(f"--- log of {process.name}\n{process.log()}", file=sys.stderr)
        shutil.rmtree(self.work, ignore_errors=True)

    def give_to(self, user):
        """All that is there belongs to this user id."""
        os.chown(self.work, user, user)
        for path in self.work.rglob("*"):
            os.chown(path, user, user, follow_symlinks=False)

    def write(self, name, data):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def start(self, name, *arguments, environment=None, prefix=()):
        process = Process(name, arguments, self.work, environment, prefix)
        self.processes.append(process)
        return process

    @property
    def bundle(self):
        return self.root / ".graphite/bundles/main"

    def sources(self):
        """Every file of the project, for projects in which all are copied."""
        found = files_below(self.root, without=".graphite")
        found.pop("graphite.toml", None)
        return found

    def shown(self, name):
        """What a subscriber shows; of a moment between two flips possibly less."""
        try:
            return files_below(self.current(name))
        except FileNotFoundError:
            return None

    def wait_shown(self, name, wanted, what, deadline_s=DEADLINE_S):
        """Until a subscriber shows this and nothing else; says what differs where it does not come to that."""
        try:
            wait_until(lambda: self.shown(name) == wanted, what, deadline_s)
        except Failed as late:
            equal(self.shown(name), wanted, str(late))

    def dev(self, state=None, *extra, **kwargs):
        where = ["--state", state] if state else []
        process = self.start("dev", "dev", "-C", self.root, "--json", *where, *extra, **kwargs)
        self.ready = process.event("ready")
        return process

    def subscribe(self, name, *extra, **kwargs):
        return self.start(name, "subscribe", "--from", self.ready["heads"], "--into", self.work / name, "--json", *extra,
                          **kwargs)

    def current(self, name):
        return self.work / name / "current"

    def build(self, *extra, code=0):
        return run("build", "-C", self.root, "--json", *extra, code=code)


NOBODY = 65534


def as_nobody():
    """What to put before a command that file modes have to bind: they do not bind root."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        skip("needs root and setpriv to run as a user whom file modes bind")
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


class SmallDisk:
    """A file system of its own, too small for what is asked of it."""

    def __init__(self, world, megabytes):
        self.folder = world.work / "disk"
        self.folder.mkdir()
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "graphite-e2e", self.folder],
                                      capture_output=True, check=False).returncode == 0

    def __enter__(self):
        if not self.mounted:
            skip("may not mount a tmpfs")
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.folder], check=False)

    def fill(self):
        """All but a few kilobytes."""
        with open(self.folder / "filler", "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def free(self):
        os.unlink(self.folder / "filler")


class Skipped(Exception):
    pass


def skip(why):
    raise Skipped(why)


def own_ports():
    """A network of this program's own, so that others can run beside it; where that is not permitted, one at a time."""
    CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP = 0x40000000, 0x8914, 1
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", IFF_UP, b""))
        own_ports.alone = True
        return None
    turn = open(os.path.join(tempfile.gettempdir(), f"graphite-e2e-{os.getuid()}.lock"), "w")
    fcntl.flock(turn, fcntl.LOCK_EX)
    return turn


own_ports.alone = False  # whether the network is this program's


def main(tests, when_named=()):
    """Runs all tests, or those named by the command line; `when_named`: those that take long."""
    if not PROGRAM:
        sys.exit("GRAPHITE_PROGRAM must name the program")
    wanted = sys.argv[1:]
    strangers = set(wanted) - {test.__name__ for test in [*tests, *when_named]}
    if strangers:
        sys.exit(f"no such test: {', '.join(sorted(strangers))}")
    failed = 0
    _turn = own_ports()
    for test in [*tests, *when_named]:
        if test.__name__ not in wanted and (wanted or test in when_named):
            if not wanted:
                print(f"not run {test.__name__}: takes long, is run when it is named", flush=True)
            continue
        begin = time.monotonic()
        try:
            test()
            print(f"ok      {test.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
        except Skipped as why:
            print(f"SKIPPED {test.__name__}: {why}", flush=True)
        except Exception as problem:  # a test's own bug counts as its failure, too
            failed += 1
            print(f"FAILED  {test.__name__}: {type(problem).__name__}: {problem}", flush=True)
    sys.exit(1 if failed else 0)
