"""QEMU's virtual machine: its arguments, its life, what its guest reports."""
import json
import os
import pathlib
import platform
import re
import subprocess
import time

FIRST_WORD_S = 45  # a guest under KVM reports after some seconds; one that does not run there never does
POLL_S = 0.1


class Accelerator:
    """KVM where it is seen to run the guest, else translation. What was seen is kept below `cache`."""

    def __init__(self, cache, wanted):
        self.note = cache / "accelerator.json"
        self.wanted = wanted
        modules = sorted(path.name for path in pathlib.Path("/sys/module").glob("kvm*"))
        self.host = f"{platform.release()} {' '.join(modules)}"

    def choices(self):
        """Those to try, in order, with why KVM is not among them, for people."""
        if self.wanted != "auto":
            return [self.wanted], ""
        if not os.access("/dev/kvm", os.R_OK | os.W_OK):
            return ["tcg"], "/dev/kvm is not there for this user"
        try:
            known = json.loads(self.note.read_text())
        except (OSError, ValueError):
            known = {}
        if known.get("host") == self.host:
            return ["tcg"], f"{known['why']}; found before, {self.note} remembers"
        return ["kvm", "tcg"], ""

    def refused(self, why):
        self.note.write_text(json.dumps({"host": self.host, "why": why}))


def processor(accelerator):
    if accelerator == "tcg":
        return "max,vendor=GenuineIntel"  # with AMD's leaves it would hide SMT siblings
    has_topoext = " topoext " in pathlib.Path("/proc/cpuinfo").read_text()
    return "host,topoext=on" if has_topoext else "host"


def layout_arguments(layout):
    memory_mb = sum(node.memory_mb for node in layout.nodes)
    places = layout.cores * layout.threads
    sockets = len(layout.domains())
    cpus = sum(node.cpus for node in layout.nodes)
    smp = f"cpus={cpus},maxcpus={sockets * places},sockets={sockets},cores={layout.cores},threads={layout.threads}"
    out = ["-m", f"{memory_mb}M", "-smp", smp]
    for number, node in enumerate(layout.nodes):
        out += ["-object", f"memory-backend-ram,id=m{number},size={node.memory_mb}M"]
        first = layout.socket_of(number) * places
        own = f",cpus={first}-{first + places - 1}" if node.cpus else ""
        out += ["-numa", f"node,nodeid={number}{own},memdev=m{number}"]
    for source, row in enumerate(layout.distances):
        for target, distance in enumerate(row):
            if source != target:
                out += ["-numa", f"dist,src={source},dst={target},val={distance}"]
    return out


def arguments(layout_name, layout, accelerator, root, payload, shell):
    """Nothing that the guest writes stays: its changes go to a temporary file beside each disk.

    The guest moves no pages by itself (numa_balancing), so that what lies somewhere was put there.
    """
    append = ["root=/dev/vda", "rw", "console=ttyS0", "panic=-1", "numa_balancing=disable",
              "init=/usr/local/sbin/numa-vm", f"numa_vm.layout={layout_name}"]
    append += ["numa_vm.shell=1", "quiet"] if shell else []
    disks = [f"file={image},format=raw,if=virtio,snapshot=on,cache=unsafe" for image in (root.image, payload)]
    return ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-machine", "q35", "-accel", accelerator,
            "-cpu", processor(accelerator), *layout_arguments(layout), "-display", "none", "-nic", "none", "-no-reboot",
            "-kernel", str(root.kernel), "-initrd", str(root.initrd), "-append", " ".join(append),
            "-drive", disks[0], "-drive", disks[1]]


class Guest:
    """A machine that runs until it ends itself or is ended. Its console goes to `console`, its report to `port`."""

    def __init__(self, command, work, console):
        self.port = work / "port"
        self.words = work / "qemu.log"
        self.port.write_text("")
        self.read_to = 0
        with open(self.words, "w") as log:
            self.child = subprocess.Popen([*command, "-serial", f"file:{console}", "-serial", f"file:{self.port}"],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                          env={**os.environ, "TMPDIR": str(work)})

    def reports(self):
        """What came since the last call."""
        text = self.port.read_bytes()[self.read_to:]
        whole = text[:text.rfind(b"\n") + 1]
        self.read_to += len(whole)
        return [json.loads(line) for line in whole.decode().splitlines() if line.strip()]

    def follow(self, seconds, accept, first_word_s):
        """Calls `accept` with each report. Empty where the guest ended by itself, else why it was ended."""
        begin = time.monotonic()
        heard = False
        while True:
            ended = self.child.poll() is not None
            for report in self.reports():
                heard = True
                accept(report)
            passed = time.monotonic() - begin
            if ended:
                return "" if heard else self._ended_mute()
            if not heard and passed > first_word_s:
                return f"the guest reported nothing within {first_word_s} s"
            if passed > seconds:
                return f"the guest did not end within {seconds} s"
            time.sleep(POLL_S)

    def _ended_mute(self):
        lines = self.words.read_text().strip().splitlines()
        errors = [line for line in lines if "error" in line] or lines[-1:]
        return ": ".join([f"QEMU ended with {self.child.returncode} before the guest reported", *errors[:1]])

    def end(self):
        """Ends QEMU where it still runs."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def version():
    words = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True).stdout
    return re.search(r"version (\S+)", words).group(1)
