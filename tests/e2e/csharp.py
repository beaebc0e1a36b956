"""How the tests compile and run C#: as Mono does, in the language that Unity 2021 understands."""
import os
import pathlib
import shutil
import subprocess

from support import check, skip

FLAGS = ["-langversion:7.2", "-warn:4", "-warnaserror", "-debug"]
RUN_S = 300


def need_mono():
    for program in ("mcs", "mono"):
        if shutil.which(program) is None:
            skip(f"{program} is not installed: scripts/setup --dev")


def compile_csharp(target, sources, references=(), unsafe=False):
    """A library or program `target` of these files and folders."""
    files = [path for source in map(pathlib.Path, sources)
             for path in (sorted(source.glob("*.cs")) if source.is_dir() else [source])]
    check(files, f"no C# in {list(map(str, sources))}")
    kind = ["-target:library"] if target.suffix == ".dll" else []
    done = subprocess.run(["mcs", *FLAGS, *(["-unsafe"] if unsafe else []), *kind, f"-out:{target}",
                           *[f"-r:{reference}" for reference in references], *map(str, files)],
                          capture_output=True, text=True)
    check(done.returncode == 0, f"mcs {target.name}:\n{done.stdout}{done.stderr}")
    return target


def run_csharp(program, *arguments, libraries, code=0, environment=None):
    """What it prints. `libraries`: the folder of libgraphite.so."""
    place = {**os.environ, "LD_LIBRARY_PATH": str(libraries), "LC_ALL": "C.UTF-8", **(environment or {})}
    done = subprocess.run(["mono", "--debug", program, *map(str, arguments)], capture_output=True, text=True,
                          timeout=RUN_S, env=place)
    check(done.returncode == code, f"{program.name} {arguments[:1]} ended with {done.returncode}, not {code}:\n"
                                   f"{done.stdout[-3000:]}\n{done.stderr[-5000:]}")
    return done.stdout
