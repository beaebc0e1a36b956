"""The machines that are booted: nodes of uneven size, for host (QEMU's arguments) and guest (what must be found)."""
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Node:
    memory_mb: int
    cpus: int  # 0: memory only


@dataclass(frozen=True)
class Layout:
    """A machine. Each node with processors is a socket of `cores` * `threads` places, of which the last may have fewer.

    Linux numbers nodes with processors first, so memory-only ones come last.
    """
    nodes: tuple
    distances: tuple  # a row a node, as ACPI's SLIT has it
    cores: int
    threads: int  # 2: SMT
    # Of these nodes the guest turns the processors off when all is checked, and checks again: then a memory-only node
    # stands between others, and numbers of nodes and of domains differ.
    turned_off_later: tuple = ()
    off: tuple = ()

    def turned_off(self):
        return replace(self, off=self.turned_off_later)

    def cpus_of(self, number):
        """The processors of a node that are on, by the numbers that firmware and system give them."""
        if number in self.off:
            return []
        return self.places_of(number)

    def places_of(self, number):
        first = self.socket_of(number) * self.cores * self.threads
        return list(range(first, first + self.nodes[number].cpus))

    def socket_of(self, number):
        return sum(node.cpus > 0 for node in self.nodes[:number])

    def domains(self):
        """The nodes with processors, ascending: domain i is the i-th."""
        return [number for number in range(len(self.nodes)) if self.cpus_of(number)]

    def words(self):
        return ", ".join(f"node {number}: {node.memory_mb} MiB and " +
                         (f"{node.cpus} CPU{'s' if node.cpus > 1 else ''}" if node.cpus else "no CPU")
                         for number, node in enumerate(self.nodes))


LAYOUTS = {
    "2": Layout(nodes=(Node(768, 2), Node(256, 1)),
                distances=((10, 21), (21, 10)),
                cores=2, threads=1),
    "4": Layout(nodes=(Node(512, 2), Node(384, 2), Node(256, 1), Node(128, 0)),
                distances=((10, 20, 30, 40), (20, 10, 20, 28), (30, 20, 10, 17), (40, 28, 17, 10)),
                cores=1, threads=2, turned_off_later=(1,)),
}
