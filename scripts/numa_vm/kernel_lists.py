"""Lists of processors and nodes as the kernel writes them: 0-2,5."""


def numbers_of(text):
    """The numbers of a list of the kernel's: "0-2,5"."""
    out = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        out += range(int(first), int(last or first) + 1)
    return out


def cpu_text(cpus):
    """As the kernel writes a list of processors: 0-2,5."""
    runs = []
    for cpu in cpus:
        if runs and runs[-1][1] == cpu - 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
