"""Where this machine gets its Debian packages from."""
import pathlib
import re
import subprocess
from dataclasses import dataclass

APT = pathlib.Path("/etc/apt")


@dataclass(frozen=True)
class Mirror:
    uri: str
    suite: str
    keyring: str  # a file; empty: debootstrap's default


def codename():
    """As bookworm. Raises RuntimeError where this is no Debian."""
    words = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', pathlib.Path("/etc/os-release").read_text(), re.MULTILINE))
    if words.get("ID") != "debian":
        raise RuntimeError(f"this is {words.get('ID', 'an unknown system')}, the guest is made from a Debian's mirror")
    return words["VERSION_CODENAME"]


def entries_of_sources(text):
    """(uris, suites, components, keyring) of each entry of a .sources file that is in use."""
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields = {key.lower(): value.split()
                  for key, value in re.findall(r"(?m)^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza)}
        if "deb" in fields.get("types", []) and fields.get("enabled", ["yes"]) != ["no"]:
            yield (fields.get("uris", []), fields.get("suites", []), fields.get("components", []),
                   " ".join(fields.get("signed-by", [])))


def entries_of_list(text):
    """The same of a file of lines."""
    for options, uri, suite, components in re.findall(
            r"(?m)^[ \t]*deb[ \t]+(?:\[([^\]\n]*)\][ \t]+)?(\S+)[ \t]+(\S+)[ \t]+([^#\n]*)", text):
        keyring = re.search(r"signed-by=(\S+)", options)
        yield [uri], [suite], components.split(), keyring.group(1) if keyring else ""


def entries():
    for path in sorted(APT.glob("sources.list.d/*.sources")):
        yield from entries_of_sources(path.read_text())
    for path in [APT / "sources.list", *sorted(APT.glob("sources.list.d/*.list"))]:
        if path.exists():
            yield from entries_of_list(path.read_text())


def configured_mirror():
    """The first entry with this release's own suite. Raises RuntimeError where there is none."""
    suite = codename()
    for uris, suites, components, keyring in entries():
        for uri in uris:
            if suite in suites and "main" in components and uri.startswith(("http://", "https://", "file:")):
                is_file = keyring.startswith("/") and pathlib.Path(keyring).is_file()
                return Mirror(uri, suite, keyring if is_file else "")
    raise RuntimeError(f"no entry for the suite {suite} with main in {APT}/sources.list or {APT}/sources.list.d")


def proxy():
    """The one that apt uses for http; empty: none."""
    words = subprocess.run(["apt-config", "shell", "found", "Acquire::http::Proxy"], capture_output=True, text=True)
    match = re.search(r"found='([^']*)'", words.stdout)
    return match.group(1) if match else ""
