"""What the service promises on a machine with several nodes. The one place to change when names or options do.

Domains are numbered by the nodes with processors, ascending; see Layout.domains.
"""
import re
from dataclasses import dataclass

# The option of `graphite dev` and `graphite build` that binds threads; where `--help` does not know it, what it
# promises is reported as SKIP.
PIN_OPTION = "--pin"
PIN_ARGUMENTS = ["--pin", "on"]


@dataclass(frozen=True)
class Pool:
    """Threads whose names match `pattern` belong to the domain that its group says."""
    what: str
    pattern: re.Pattern
    numbered_by: str  # "domain" or "node"
    count: str        # threads of each domain: "some", or "cpus": one a processor


POOLS = (
    Pool("build threads", re.compile(r"build(\d+)-\d+"), numbered_by="node", count="cpus"),
)

# The same threads while nothing is bound: that they are there shows that this test looks at the right process.
UNBOUND_THREADS = re.compile(r"build\d*-\d+")

# Processes that actions start inherit the processors of the thread that started them: those of one domain.
ACTIONS_STAY_IN_A_DOMAIN = True

# Each domain has at least so many mappings whose policy binds or prefers its node (numa_maps); 0: none is asked for.
# That pages of a bound mapping lie on its nodes is always checked.
PLACED_MAPPINGS_PER_DOMAIN_MIN = 0
