"""What the service promises on a machine with several nodes. The one place to change when names or options do."""
import re
from dataclasses import dataclass

from numa_vm import project

# The option of `graphite dev` and `graphite build` that binds threads.
PIN_ARGUMENTS = ["--pin", "on"]


@dataclass(frozen=True)
class Pool:
    """Threads that may run on the processors of one domain and nowhere else: those whose names match `pattern`."""
    what: str
    pattern: re.Pattern
    domain: str  # "node": of the node that the pattern's group says; "first": of the lowest node that has processors
    count: str   # threads of that domain: "some", or "cpus": one a processor


POOLS = (
    Pool("build threads", re.compile(r"build(\d+)-\d+"), domain="node", count="cpus"),
    # CAF names them: caf.multiplexer are its scheduler's, caf.actor the detached actors', caf.clock sends what is due.
    Pool("actors' threads", re.compile(r"caf\.\w+"), domain="first", count="some"),
)

# Each domain has at least so many mappings whose policy binds or prefers its node (numa_maps); 0: none is asked for.
# That pages of a bound mapping lie on its nodes is always checked.
PLACED_MAPPINGS_PER_DOMAIN_MIN = 0

# Built-in transforms run in processes of this name. Each domain has a server of its own, which forks the domain's
# workers; all keep to the domain's processors, and a worker has as many threads as these are. Their memory has no
# policy: it lies where they run because they touch it first, and where there is room.
WORKER_NAME = "graphite-worker"
# Of the processor time that all use for the textures, a domain's have at least half of what one texture takes: being
# started takes less. How long that is depends on how the machine is run.
WORK_SHARE_MIN = 0.5 / project.PICTURES
