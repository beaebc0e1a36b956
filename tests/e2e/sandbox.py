"""Commands in their sandbox, by the shipped program: what is asked for, what is refused, what is told."""
import os
import pathlib
import socket

from support import PROGRAM, World, bundle_contents, check, equal, main, run, skip

PROJECT = '[project]\nname = "e2e"\n'
CELL = pathlib.Path(PROGRAM).parent / "graphite-sandbox"


def rule(script, more=""):
    return f'''
[[rule]]
name = "hostile"
match = ["*.low"]
outputs = ["{{stem}}.up"]
[rule.command]
shell = true
argv = ['{script}']
{more}
'''


def tier():
    """What `best` is here."""
    [found] = [one["found"] for one in run("doctor", "--json", code=(0, 1))["checks"] if one["name"] == "command_sandbox"]
    return found.split("'")[1]


def needs(*tiers):
    if tier() not in tiers:
        skip(f"this machine shuts commands in by {tier()} only")


def weaker(world, *refused):
    """A program that makes no sandbox of these kinds."""
    fake = world.work / "weaker"
    fake.write_text(f'#!/bin/sh\ncase $1 in {"|".join(refused)}) echo not on this machine >&2; exit 9;; esac\n'
                    f'exec {CELL} "$@"\n')
    fake.chmod(0o755)
    return {"GRAPHITE_SANDBOX_PROGRAM": str(fake)}


def best_is_told_by_status_why_and_doctor():
    with World(PROJECT + rule("tr a-z A-Z < {in} > {out}")) as world:
        world.write("a.low", "a")
        world.dev()
        world.build()
        equal(bundle_contents(world), {"a.up": b"A"}, "bundle")
        machine = run("status", "-C", world.root, "--json")["machine"]
        equal((machine["sandbox_mode"], machine["sandbox"]), ("best", tier()), "status")
        check(f"sandbox of commands: {tier()}" in run("status", "-C", world.root), "status says nothing of it")
        equal(run("why", "-C", world.root, "a.up", "--json")["sandbox"], tier(), "why")
        check(f"sandbox: {tier()}" in run("why", "-C", world.root, "a.up"), "why says nothing of it")


def a_result_from_the_cache_keeps_what_it_was_made_in():
    with World(PROJECT + rule("cp {in} {out}")) as world:
        world.write("a.low", "a")
        world.build()
        world.write("a.low", "b")
        world.build("--sandbox", "off")
        world.write("a.low", "a")
        world.dev()
        equal(world.build()["ran"], 0, "actions that ran")
        equal(run("why", "-C", world.root, "a.up", "--json")["sandbox"], tier(), "why")


def what_is_not_declared_cannot_be_read_and_is_told():
    needs("namespaces", "bubblewrap", "landlock")
    with World() as world:
        for name, script in {"relative": "cat {in} include/x.h > {out}",
                             "absolute": f"cat {{in}} {world.root}/include/x.h > {{out}}"}.items():
            world.write("graphite.toml", PROJECT + rule(f"{script} # {name}"))
            world.write("a.low", "a")
            world.write("include/x.h", "x")
            said = run("build", "-C", world.root, code=1)
            check('include/x.h (add "include/*.h" to inputs)' in said, f"{name}: {said}")
            world.write("graphite.toml", PROJECT + rule(script.replace(f"{world.root}/", ""),
                                                        'inputs = ["include/*.h"]'))
            equal(world.build()["failed"], 0, name)


def what_lies_elsewhere_is_told_and_can_be_shown():
    needs("namespaces", "bubblewrap", "landlock")
    with World() as world:
        kit = world.work / "kit"
        kit.mkdir()
        (kit / "palette").write_text("red")
        script = rule(f"cat {kit}/palette > {{out}}")
        world.write("graphite.toml", PROJECT + script)
        world.write("a.low", "a")
        run("build", "-C", world.root, code=1)
        world.write("graphite.toml", PROJECT + f'sandbox_read = ["{kit}"]\n' + script)
        world.build()
        equal(bundle_contents(world)["a.up"], b"red", "what the kit's file made")


def nothing_of_the_project_or_the_home_is_there():
    needs("namespaces", "bubblewrap", "landlock")
    with World() as world:
        home = world.work / "home"
        home.mkdir()
        (home / "key").write_text("secret")
        world.write("secret.txt", "secret")
        world.write("graphite.toml", PROJECT + rule(
            f"cat {world.root}/secret.txt {home}/key /etc/shadow > {{out}} 2> /dev/null; "
            f"echo new > {world.root}/new; echo new > {home}/new; true"))
        world.write("a.low", "a")
        equal(run("build", "-C", world.root, "--json", environment={"HOME": str(home)})["failed"], 0, "failed")
        equal(bundle_contents(world)["a.up"], b"", "what was read")
        check(not (world.root / "new").exists() and not (home / "new").exists(), "something was written outside")


def there_is_no_network():
    needs("namespaces", "bubblewrap", "landlock")
    if not pathlib.Path("/usr/bin/python3").exists():
        skip("there is no /usr/bin/python3")
    with World() as world, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        world.write("graphite.toml", PROJECT + rule(
            f'/usr/bin/python3 -c "import socket; socket.create_connection((chr(49) + \\"27.0.0.1\\", {port}), 2)" '
            "2> {out} && exit 7; true"))
        world.write("a.low", "a")
        world.build()
        check(b"Error" in bundle_contents(world)["a.up"], "what the tool said")
        listener.settimeout(0)
        try:
            listener.accept()
            check(False, "somebody connected")
        except BlockingIOError:
            pass


def an_input_is_not_written():
    needs("namespaces", "bubblewrap")
    with World(PROJECT + rule("echo more >> {in}; cp {in} {out}")) as world:
        world.write("a.low", "a")
        world.build()
        equal(bundle_contents(world), {"a.up": b"a"}, "bundle")
        equal((world.root / "a.low").read_text(), "a", "the source")


def off_is_off():
    with World() as world:
        world.write("secret.txt", "s")
        world.write("a.low", "a")
        world.write("graphite.toml", PROJECT + 'sandbox = "off"\n' + rule(f"cat {world.root}/secret.txt > {{out}}"))
        world.build()
        equal(bundle_contents(world)["a.up"], b"s", "what was read")
        world.write("graphite.toml", PROJECT + rule(f"cat {world.root}/secret.txt > {{out}}; true"))
        run("build", "-C", world.root, environment={"GRAPHITE_SANDBOX": "off"})
        equal(bundle_contents(world)["a.up"], b"s", "what was read with the variable")


def required_refuses_less_than_namespaces():
    with World(PROJECT + 'sandbox = "required"\n' + rule("cp {in} {out}")) as world:
        world.write("a.low", "a")
        weak = weaker(world, "namespaces", "inner")
        said = run("build", "-C", world.root, code=(1, 2, 5), environment=weak)
        for part in ('sandbox = "required"', "not on this machine", "install bubblewrap", "graphite doctor"):
            check(part in said, f"no word of {part}: {said}")
        check(not (world.bundle / "head").exists(), "something was published")
        if tier() in ("namespaces", "bubblewrap"):
            equal(world.build()["ran"], 1, "actions that ran")


def required_refuses_a_tool_that_stays():
    config = PROJECT + '[[rule]]\nmatch = "*.low"\noutputs = "{stem}.up"\n[rule.command]\nworker = ["cat"]\nargv = ["x"]\n'
    with World(config) as world:
        world.write("a.low", "a")
        said = run("build", "-C", world.root, "--sandbox", "required", code=(1, 2, 5))
        check("worker" in said and "best" in said, f"it says {said}")


def best_with_less_is_told_once():
    with World(PROJECT + rule("cp {in} {out}")) as world:
        for name in "abc":
            world.write(f"{name}.low", name)
        said = run("build", "-C", world.root, environment=weaker(world, "namespaces", "inner", "landlock"))
        equal(said.count("no more than 'limits'"), 1, f"warnings in {said}")
        check("docs/sandbox.md" in said, "where to read of it")


def an_unknown_word_is_told():
    with World(PROJECT + 'sandbox = "requird"\n') as world:
        said = run("build", "-C", world.root, code=2)
        check("did you mean 'required'?" in said, f"it says {said}")
    with World(PROJECT + 'sandbox_read = ["opt"]\n') as world:
        check("no absolute path" in run("build", "-C", world.root, code=2), "a relative path was taken")


def what_uses_too_much_is_ended():
    needs("namespaces", "bubblewrap", "landlock", "limits")
    with World(PROJECT + rule("cp {in} {out}; sleep 60", 'timeout = "300 ms"')) as world:
        world.write("a.low", "a")
        check("300 ms" in run("build", "-C", world.root, code=1), "no word of the time")


if __name__ == "__main__":
    os.environ.pop("GRAPHITE_SANDBOX", None)
    main([best_is_told_by_status_why_and_doctor, a_result_from_the_cache_keeps_what_it_was_made_in,
          what_is_not_declared_cannot_be_read_and_is_told, what_lies_elsewhere_is_told_and_can_be_shown,
          nothing_of_the_project_or_the_home_is_there, there_is_no_network, an_input_is_not_written, off_is_off,
          required_refuses_less_than_namespaces, required_refuses_a_tool_that_stays, best_with_less_is_told_once,
          an_unknown_word_is_told, what_uses_too_much_is_ended])
