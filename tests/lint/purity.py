"""What the pure folders keep off: clocks, files, sockets, threads and the process around them."""
import re

from functions import code_of

FOLDERS = "core kernels bundle coordinator node sim relay streaming predictor transforms runtime".split()

HEADERS = re.compile(
    r"^(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token|pthread\.h"
    r"|fstream|filesystem|iostream|cstdio|stdio\.h|unistd\.h|fcntl\.h|dirent\.h|poll\.h|spawn\.h|csignal|signal\.h"
    r"|ctime|time\.h|random|sys/.*|netinet/.*|arpa/.*|netdb\.h|linux/.*)$")

NAMES = re.compile(
    r"\b(?:system|steady|high_resolution|utc|file)_clock::now\b|\b(?:clock_gettime|gettimeofday|nanosleep|usleep)\b"
    r"|\bstd::(?:time|clock|localtime|gmtime)\b|\bsleep_(?:for|until)\b|\bthis_thread\b"
    r"|\bstd::(?:jthread|thread|async|mutex|shared_mutex|condition_variable\w*|call_once|once_flag)\b|\bthread_local\b"
    r"|\bstd::(?:filesystem|ifstream|ofstream|fstream|cin|cout|cerr|clog|fopen|printf|fprintf|freopen)\b"
    r"|\b(?:fopen|fread|fwrite|fprintf|printf|getenv|setenv|rand|srand)\s*\(|\bstd::(?:raise|random_device)\b"
    r"|(?<![\w>])::(?:open|openat|read|write|close|stat|fstat|mmap|rename|unlink|mkdir|fsync|fork|exec\w*|kill"
    r"|socket|bind|connect|listen|accept|send|recv|poll|select|time)\s*\(")

# File -> what it may use all the same, each with its reason.
EXEMPT = {
    "core/kill_point.cpp": r"csignal|cstdio|getenv|fprintf|raise",  # ends its own process: nothing of a decision
    "core/error.cpp": r"cstdio|fprintf",                            # the last words of a broken invariant
    "core/cancel_token.hpp": r"mutex",                              # a flag that any thread sets
    "node/attempt.hpp": r"mutex",                                   # an attempt is cancelled from another thread
    "transforms/command.cpp": r"csignal",                           # the name of a signal that ended a tool
    "relay/kept_generations.hpp": r"mutex",                         # published by another thread than it is asked by
    "relay/page_registry.hpp": r"mutex",                            # read by the service's thread
    "runtime/pins.hpp": r"mutex",                                   # writers take turns; readers never meet it
    "runtime/generation.hpp": r"mutex",                             # segments are mapped by whoever reads first
}


def impure(relative, text):
    """"FILE:LINE: what" for each use of something outside in a file of the pure folders."""
    if relative.split("/")[0] not in FOLDERS:
        return
    exempt = re.compile(EXEMPT.get(relative, r"(?!)"))
    for number, (line, code) in enumerate(zip(text.splitlines(), code_of(text).splitlines()), 1):
        include = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
        found = include and HEADERS.match(include.group(1)) or NAMES.search(code)
        if found and not exempt.search(found.group()):
            yield f"{relative}:{number}: {found.group().strip('( ')} in a pure folder: pass it as an argument or a port"
