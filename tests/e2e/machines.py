"""Network namespaces that stand for machines: each has an address of its own on one bridge, and can be cut off."""
import os
import shutil
import subprocess

from support import Failed, skip


def sh(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


class Machines:
    """So many of them, by name; all go at the end."""

    def __init__(self, names):
        if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("iptables"):
            skip("needs root, ip and iptables to make network namespaces")
        self.tag = f"gr{os.getpid()}"
        self.hub = f"{self.tag}-hub"
        self.addresses = {name: f"10.219.80.{i + 1}" for i, name in enumerate(names)}

    def __enter__(self):
        if subprocess.run(["ip", "netns", "add", self.hub], capture_output=True, check=False).returncode != 0:
            skip("may not make a network namespace")
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        sh("ip", "-n", self.hub, "link", "add", "bridge", "type", "bridge")
        sh("ip", "-n", self.hub, "link", "set", "bridge", "up")
        for i, (name, address) in enumerate(self.addresses.items()):
            space = self.space(name)
            sh("ip", "netns", "add", space)
            sh("ip", "-n", self.hub, "link", "add", f"port{i}", "type", "veth", "peer", "name", "eth0", "netns", space)
            sh("ip", "-n", self.hub, "link", "set", f"port{i}", "master", "bridge", "up")
            sh("ip", "-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            for link in ("eth0", "lo"):
                sh("ip", "-n", space, "link", "set", link, "up")

    def __exit__(self, *_):
        for space in [*map(self.space, self.addresses), self.hub]:
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)

    def space(self, name):
        return f"{self.tag}-{name}"

    def address(self, name):
        return self.addresses[name]

    def inside(self, name):
        """What to put before a command that runs on this machine."""
        return ["ip", "netns", "exec", self.space(name)]

    def cut(self, name, says=True, hears=True):
        """What it says reaches nobody, what others say does not reach it."""
        for chain, cut in (("OUTPUT", says), ("INPUT", hears)):
            if cut:
                sh(*self.inside(name), "iptables", "-A", chain, "!", "-i" if chain == "INPUT" else "-o", "lo", "-j", "DROP")

    def heal(self, name):
        sh(*self.inside(name), "iptables", "-F")
