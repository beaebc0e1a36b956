"""The guest's two disks: Debian, made once and kept; and the programs of this tree, made for each run."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

from numa_vm import debian

HERE = pathlib.Path(__file__).resolve().parent
# The kernel for virtual machines; its initial RAM disk, which finds the root, comes with it.
PACKAGES = ["linux-image-cloud-amd64", "python3"]
ROOT_SIZE = "3G"  # of a sparse file
DEBOOTSTRAP_S = 900
COMMAND_S = 120

STUB = """#!/bin/sh
mount -t ext4 /dev/vdb /mnt
exec sh /mnt/numa_vm/init
"""

# What is Debian's own in the guest too: these belong together and to its loader.
OF_THE_SYSTEM = re.compile(r"(ld-linux.*|libc|libm|libdl|librt|libpthread|libresolv|libutil|libanl|libnss_.*)\.so.*")


def run(command, seconds=COMMAND_S, **options):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=seconds, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def as_root(command):
    """Only making the root needs it: debootstrap changes its root folder and owners."""
    if os.geteuid() == 0:
        return command
    if shutil.which("sudo") is None:
        raise RuntimeError("the first run makes a Debian root: start it as root, or install sudo")
    return ["sudo", *command]


def in_own_mounts(command):
    """For debootstrap, which mounts /proc in its root and leaves it while anything looks at it: so it ends with it.

    Where namespaces are forbidden, mounting is as a rule too; then the command runs as it is.
    """
    apart = ["unshare", "--mount", "--propagation", "private"]
    probe = subprocess.run(as_root([*apart, "true"]), stdin=subprocess.DEVNULL, capture_output=True)
    return [*apart, *command] if probe.returncode == 0 else command


def unmount_below(folder):
    """What an interrupted run may have left."""
    places = re.findall(r"(?m)^\S+ (\S+)", pathlib.Path("/proc/self/mounts").read_text())
    for place in reversed(places):
        if pathlib.Path(place).is_relative_to(folder):
            run(as_root(["umount", "--lazy", place]))


def make_image(folder, image, size, prefix=lambda command: command):
    # Neither journal nor lazy work: the disk lives for minutes.
    run(prefix(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E", "lazy_itable_init=0", "-m", "0",
                "-d", folder, image, size]))


class Root:
    """A Debian root with its kernel below `cache`; made anew when mirror, packages or this recipe change."""

    def __init__(self, cache):
        self.mirror = debian.configured_mirror()
        recipe = repr((self.mirror, PACKAGES, ROOT_SIZE, STUB))
        self.folder = cache / f"root-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
        self.image = self.folder / "root.img"
        self.kernel = self.folder / "vmlinuz"
        self.initrd = self.folder / "initrd.img"

    def made(self):
        return self.initrd.exists() and self.kernel.exists() and self.image.exists()

    def make(self):
        """A minute or two. What an earlier recipe or an interrupted run left is removed."""
        unmount_below(self.folder.parent)
        for old in self.folder.parent.glob("root-*"):
            run(as_root(["rm", "-rf", "--one-file-system", old]))
        unfinished = self.folder.with_name(self.folder.name + ".part")
        tree = unfinished / "tree"
        tree.mkdir(parents=True)
        self._debootstrap(tree)
        for kind, path in (("vmlinuz", self.kernel), ("initrd.img", self.initrd)):
            found, = (tree / "boot").glob(kind + "-*")
            run(as_root(["cp", found, unfinished / path.name]))
        for useless in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "boot"):
            if (tree / useless).exists():
                run(as_root(["find", tree / useless, "-mindepth", "1", "-delete"]))
        stub = unfinished / "stub"
        stub.write_text(STUB)
        run(as_root(["install", "-m", "755", stub, tree / "usr/local/sbin/numa-vm"]))
        make_image(tree, unfinished / "root.img", ROOT_SIZE, as_root)
        run(as_root(["rm", "-rf", "--one-file-system", tree]))
        run(as_root(["chown", "-R", f"{os.getuid()}:{os.getgid()}", unfinished]))
        unfinished.rename(self.folder)

    def _debootstrap(self, tree):
        command = ["env", "LC_ALL=C"]
        if debian.proxy():
            command.append(f"http_proxy={debian.proxy()}")
        command += ["debootstrap", "--variant=minbase", "--arch=amd64", f"--include={','.join(PACKAGES)}"]
        if self.mirror.keyring:
            command.append(f"--keyring={self.mirror.keyring}")
        run(as_root(in_own_mounts([*command, self.mirror.suite, tree, self.mirror.uri])), DEBOOTSTRAP_S)
        unmount_below(tree)


def libraries_of(programs):
    """The shared libraries that `programs` load and that a minimal Debian does not have."""
    out = set()
    for program in programs:
        words = run(["ldd", program])
        missing = re.findall(r"(\S+) => not found", words)
        if missing:
            raise RuntimeError(f"{program} misses {', '.join(missing)}: scripts/setup --user")
        out.update(pathlib.Path(path) for name, path in re.findall(r"(\S+) => (/\S+)", words)
                   if not OF_THE_SYSTEM.fullmatch(name))
    return out


def make_payload(image, work, build, programs, plan):
    """The programs under their places in `build`, the libraries they need, the checks, and the plan for these."""
    payload = work / "payload"
    for program in programs:
        place = payload / "build" / program.relative_to(build)
        place.parent.mkdir(parents=True, exist_ok=True)
        run(["strip", "--strip-debug", "-o", place, program])
    (payload / "lib").mkdir(parents=True)
    for library in libraries_of(programs):
        shutil.copy(library, payload / "lib" / library.name)
    shutil.copytree(HERE, payload / "numa_vm", ignore=shutil.ignore_patterns("__pycache__"))
    (payload / "build.path").write_text(f"{build}\n")
    (payload / "plan.json").write_text(json.dumps({**plan, "build": str(build)}))
    bytes_all = sum(path.stat().st_size for path in payload.rglob("*") if path.is_file())
    make_image(payload, image, f"{bytes_all // (1 << 20) + 64}M")
    shutil.rmtree(payload)
