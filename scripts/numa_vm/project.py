"""The project that is built in the virtual machine, and what must come of it."""
import pathlib
import shutil
import subprocess
import tempfile

from numa_vm import pictures

INPUTS = 8     # of commands
PICTURES = 12  # of a built-in transform: more than any machine here has threads, so that all domains get some

COMMAND_RULE = '''[project]
name = "numa"

[[rule]]
name = "slow"
match = "src/*.txt"
outputs = "{dir}/{name}.out"
[rule.command]
shell = true
argv = "sleep 2; cat {in} > {out}"
'''


def make(folder):
    """Actions that take two seconds, so that they are seen while they run; as yet without pictures."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "src").mkdir(parents=True)
    (folder / "graphite.toml").write_text(COMMAND_RULE + pictures.RULE)
    for number in range(INPUTS):
        (folder / "src" / f"{number}.txt").write_text(f"input {number}\n")
    return folder


def add_pictures(folder):
    """All at once, so that each thread that waits has one to do."""
    aside = pathlib.Path(tempfile.mkdtemp(dir=folder.parent))
    for number in range(PICTURES):
        (aside / f"{number}.png").write_bytes(pictures.png(number))
    aside.rename(folder / "art")
    return folder


def faults_of(program, folder):
    """What is wrong with the assets that the project's bundle has now."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        out = pathlib.Path(work) / "out"
        subprocess.run([program, "bundle", "extract", folder / ".graphite/bundles/main", out], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        found = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return content_faults(found)


def content_faults(found):
    """The same of all assets, by path."""
    faults = []
    for number in range(INPUTS):
        data = found.pop(f"src/{number}.txt.out", b"")
        if data != f"input {number}\n".encode():
            faults.append(f"output {number} of the command is {data[:40]!r}")
    for number in range(PICTURES):
        fault = pictures.texture_fault(number, found.pop(f"art/{number}.ktx2", b""))
        faults += [f"texture {number}: {fault}"] if fault else []
    return faults + [f"unexpected: {', '.join(sorted(found))}"] if found else faults
