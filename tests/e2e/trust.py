#!/usr/bin/env python3
"""Keys: what they sign is believed, what others sign is not; rotation, revocation and new histories, live."""
import json
import shutil
import subprocess

from support import PROGRAM, World, ask_operators_port, check, equal, main, no_core_file, run, wait_until


class Keys:
    """The folder of `graphite keygen`."""

    def __init__(self, world, name="keys", *arguments):
        self.folder = world.work / name
        run("keygen", self.folder, *arguments, "--json")
        self.pins = self.folder / "root/root.pub"

    def ask(self, verb, *arguments):
        return run("keys", verb, self.folder, *arguments, "--json")

    def rows(self):
        listed = subprocess.run([PROGRAM, "keys", "list", self.folder, "--json"], check=True, capture_output=True)
        return [json.loads(line) for line in listed.stdout.splitlines()]


def serve(world, keys):
    return world.dev(None, "--keys", keys.folder)


def edit_until_shown(world, reader, name, text):
    world.write(name, text)
    reader.swap_with(changed=name)
    equal(world.shown(reader.name), world.sources(), f"what {reader.name} shows")


def a_runtime_follows_what_its_root_vouches_for():
    with World() as world:
        keys = Keys(world)
        keys.ask("ticket", "game-1")
        world.write("a.txt", "one")
        serve(world, keys)
        reader = world.subscribe("reader", "--keys", keys.folder / "runtimes/game-1")
        reader.swap_with(changed="a.txt")
        edit_until_shown(world, reader, "a.txt", "two")
        pinned = world.subscribe("pinned", "--root", keys.pins)
        pinned.swap_with(changed="a.txt")


def a_publisher_with_other_keys_or_none_is_not_heard():
    with World() as world:
        keys, others = Keys(world), Keys(world, "others")
        world.write("a.txt", "planted")
        dev = serve(world, others)
        reader = world.subscribe("reader", "--root", keys.pins)
        wait_until(lambda: "pinned root did not sign" in reader.log(), "the refusal of other keys")
        dev.stop()
        world.dev(None, "--heads-port", world.ready["heads"].rsplit(":", 1)[1])
        wait_until(lambda: "is not signed" in reader.log(), "the refusal of no keys")
        check(not world.shown("reader"), "nothing was shown")
        reader.stop()


def keys_rotate_and_are_revoked_while_all_run():
    with World() as world:
        keys = Keys(world)
        world.write("a.txt", "one")
        dev = serve(world, keys)
        reader = world.subscribe("reader", "--root", keys.pins)
        reader.swap_with(changed="a.txt")
        old = next(row["serial"] for row in keys.rows() if row["kind"] == "channel-key")
        keys.ask("rotate", "--channel", "main")
        wait_until(lambda: "count from now on" in dev.log(), "the new key")
        edit_until_shown(world, reader, "a.txt", "two")
        keys.ask("revoke", old)
        wait_until(lambda: dev.log().count("count from now on") == 2, "the revocation")
        wait_until((world.work / "reader/.graphite/trust").exists, "the runtime to keep what it heard")
        edit_until_shown(world, reader, "a.txt", "three")


def bundles_are_judged_by_who_signed_them():
    with World() as world:
        keys, others = Keys(world), Keys(world, "others")
        world.write("a.txt", "one")
        serve(world, keys)
        world.build()
        pinned = ["--root", keys.pins, "--json"]
        check(run("bundle", "verify", world.bundle, *pinned)["good"], "what its root vouches for")
        run("bundle", "verify", world.bundle, "--root", others.pins, code=4)
        serial = next(row["serial"] for row in keys.rows() if row["kind"] == "channel-key")
        exported = world.work / "kept.grph"
        run("bundle", "export", world.bundle, exported)
        keys.ask("revoke", serial)
        revoked = keys.folder / "root/revocations"
        said = run("bundle", "verify", exported, "--root", keys.pins, "--revocations", revoked, code=4)
        check(f"key {serial}, which was revoked" in said, said)
        said = run("bundle", "verify", exported, "--root", keys.pins, "--at", "2020-01-01", code=4)
        check("not valid yet" in said, said)
        said = run("bundle", "verify", exported, "--at", "2020-01-01", code=2)
        check("--root" in said, said)


def what_is_done_with_keys_is_recorded():
    with World() as world:
        keys = Keys(world)
        keys.ask("ticket", "game-1")
        keys.ask("token", "ci")
        keys.ask("rotate", "--channel", "main")
        keys.ask("revoke", 7)
        subprocess.run([PROGRAM, "keys", "revoke", keys.folder, "999"], capture_output=True)
        done = subprocess.run([PROGRAM, "audit", "--keys", keys.folder, "--json"], check=True, capture_output=True)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        what = [row["what"] for row in rows if row["what"] != "keygen"]
        equal(what, ["ticket", "token", "rotate", "revoke", "revoke"], "what was done")
        check("game-1" in next(row for row in rows if row["what"] == "ticket")["about"], rows)
        equal(rows[-2]["about"], "7: list 1", "the revocation")
        check("failed: nothing has serial 999" in rows[-1]["about"], rows[-1])
        equal(sum(row["serial"] > 0 for row in keys.rows()), 7 + 3, "what was given out")
        end = run("audit", "--keys", keys.folder, "--verify", "--json")
        equal(end["lines"], len(rows), "lines")
        keys.ask("token", "later")
        run("audit", "--keys", keys.folder, "--verify", "--kept", end["digest"])
        record = keys.folder / "root/audit/audit-00000001"
        lines = record.read_bytes().splitlines(keepends=True)
        record.write_bytes(b"".join(lines[:-2]))
        said = run("audit", "--keys", keys.folder, "--verify", code=5)
        check(f"line {len(rows) + 1} of" in said and "cut off" in said, said)
        run("audit", "--keys", keys.folder, "--verify", "--kept", end["digest"], code=5)
        keys.ask("token", "goes-on")
        check("missing" in run("audit", "--keys", keys.folder), "the record says what it lacks")


def a_stolen_key_that_was_revoked_is_refused_after_a_restart():
    with World() as world:
        keys = Keys(world)
        world.write("a.txt", "one")
        stolen = world.work / "stolen"
        shutil.copytree(keys.folder / "publisher", stolen)
        dev = serve(world, keys)
        reader = world.subscribe("reader", "--root", keys.pins)
        reader.swap_with(changed="a.txt")
        keys.ask("rotate", "--channel", "main")
        keys.ask("revoke", 7)
        wait_until((world.work / "reader/.graphite/trust").exists, "the runtime to hear of it")
        reader.stop()
        dev.stop()
        world.write("a.txt", "by the thief")
        world.dev(None, "--keys", stolen)
        again = world.subscribe("reader", "--root", keys.pins)
        wait_until(lambda: "key 7, which was revoked" in again.log(), "the refusal")
        equal(world.shown("reader"), {"a.txt": b"one"}, "what is shown")


def a_revoked_key_that_was_the_only_one_signs_nothing_more():
    with World() as world:
        keys = Keys(world)
        world.write("a.txt", "one")
        dev = serve(world, keys)
        reader = world.subscribe("reader", "--root", keys.pins)
        reader.swap_with(changed="a.txt")
        keys.ask("revoke", next(row["serial"] for row in keys.rows() if row["kind"] == "channel-key"))
        wait_until((world.work / "reader/.graphite/trust").exists, "the runtime to hear of it")
        wait_until(lambda: "nothing more is signed, so" in dev.log(), "the publisher to say so")
        world.write("a.txt", "two")
        wait_until(lambda: "has no key that counts: `graphite keys rotate" in dev.log(), "the refusal to sign")
        equal(world.shown("reader"), {"a.txt": b"one"}, "what is shown")
        equal(dev.log().count("nothing more is signed, so"), 1, "how often it is said")
        keys.ask("rotate", "--channel", "main")
        wait_until(lambda: dev.log().count("count from now on") == 2, "the new key")
        reader.swap_with(changed="a.txt")
        equal(world.shown("reader"), {"a.txt": b"two"}, "what is shown with the new key")


def a_list_of_revoked_keys_is_copied_to_the_publisher():
    with World() as world:
        keys = Keys(world)
        part = world.work / "part"
        shutil.copytree(keys.folder / "publisher", part)
        world.write("a.txt", "one")
        dev = world.dev(None, "--keys", part)
        reader = world.subscribe("reader", "--root", keys.pins)
        reader.swap_with(changed="a.txt")
        keys.ask("revoke", keys.ask("client", "ann", "--verbs", "query")["serial"])
        (part / "revocations").touch(0o644)
        (part / "revocations").write_bytes((keys.folder / "publisher/revocations").read_bytes())
        wait_until(lambda: f"chmod 600 {part}/revocations" in dev.log(), "the refusal of a loose file")
        check("count from now on" not in dev.log(), "it does not count yet")
        (part / "revocations").chmod(0o600)
        wait_until((world.work / "reader/.graphite/trust").exists, "the runtime to hear of it")
        equal(dev.log().count(f"chmod 600 {part}/revocations"), 1, "how often it is said")
        (part / "revocations").unlink()
        wait_until(lambda: "copy the newest file `revocations` there" in dev.log(), "the refusal of an older list")


def the_certificates_of_a_server_are_renewed_while_it_runs():
    with World() as world:
        keys = Keys(world, "keys", "--days", "20")
        world.write("a.txt", "one")
        dev = serve(world, keys)
        wait_until(lambda: "graphite keys rotate DIR --server" in dev.log(), "the warning of certificates that end")
        for what in ("clients", "operators", "control"):
            check(f"the server's certificate for {what} ends within 20 days" in dev.log(), dev.log())
        check("the key of channel main ends within 20 days" in dev.log(), dev.log())
        keys.ask("rotate", "--server", "--curve")
        wait_until(lambda: "count from now on" in dev.log(), "the new certificates")
        check("keep their keys" not in dev.log(), dev.log())
        equal(len((keys.folder / "root/server.pub").read_text().splitlines()), 2, "keys in server.pub")


def pins_that_others_can_write_are_refused():
    with World() as world:
        keys = Keys(world)
        world.write("a.txt", "one")
        serve(world, keys)
        pins = world.work / "root.pub"
        shutil.copy(keys.pins, pins)
        pins.chmod(0o664)
        said = run("subscribe", "--root", pins, "--from", world.ready["heads"], "--into", world.work / "no", code=4)
        check(f"chmod go-w {pins}" in said, said)
        pins.chmod(0o644)
        world.subscribe("reader", "--root", pins).swap_with(changed="a.txt")


def a_root_is_replaced_while_all_run():
    with World() as world:
        keys = Keys(world)
        old_pins = world.work / "old.pub"
        shutil.copy(keys.pins, old_pins)
        world.write("a.txt", "one")
        dev = serve(world, keys)
        reader = world.subscribe("reader", "--root", old_pins)
        reader.swap_with(changed="a.txt")
        keys.ask("rotate", "--root", "--days", 30)
        wait_until(lambda: "count from now on" in dev.log(), "the new root")
        edit_until_shown(world, reader, "a.txt", "two")
        late = world.subscribe("late", "--root", old_pins)
        late.swap_with(changed="a.txt")
        new = world.subscribe("new", "--root", keys.pins)
        new.swap_with(changed="a.txt")


def a_removed_state_folder_is_a_new_history_that_a_root_allows():
    with World() as world:
        keys = Keys(world)
        world.write("a.txt", "one")
        dev = serve(world, keys)
        heads = world.ready["heads"].rsplit(":", 1)[1]
        reader = world.subscribe("reader", "--root", keys.pins)
        reader.swap_with(changed="a.txt")
        dev.stop()
        shutil.rmtree(world.root / ".graphite")
        world.write("a.txt", "anew")
        world.dev(None, "--keys", keys.folder, "--heads-port", heads)
        wait_until(lambda: "graphite keys follow DIR" in reader.log(), "the command that allows it")
        equal(world.shown("reader"), {"a.txt": b"one"}, "the old history")
        words = reader.log().rsplit("graphite keys follow DIR", 1)[1].split("`")[0].split()
        keys.ask("follow", *words)
        reader.swap_with(changed="a.txt")
        equal(world.shown("reader"), {"a.txt": b"anew"}, "the new history")


def a_folder_that_strangers_filled_counts_for_nothing():
    with World() as world:
        keys = Keys(world)
        world.write("a.txt", "planted")
        dev = world.dev()
        heads = world.ready["heads"].rsplit(":", 1)[1]
        reader = world.subscribe("reader")
        reader.swap_with(changed="a.txt")
        reader.stop()
        dev.stop()
        shutil.rmtree(world.root / ".graphite")
        world.write("a.txt", "ours")
        world.dev(None, "--keys", keys.folder, "--heads-port", heads)
        again = world.subscribe("reader", "--root", keys.pins)
        again.swap_with(changed="a.txt")
        check("signed by no key of a root that is pinned" in again.log(), again.log())
        equal(world.shown("reader"), {"a.txt": b"ours"}, "what is shown")


def keys_that_others_can_read_are_refused():
    with World() as world:
        keys = Keys(world)
        world.write("a.txt", "one")
        secret = next((keys.folder / "publisher/channels").iterdir())
        secret.chmod(0o644)
        said = run("build", "-C", world.root, "--keys", keys.folder, code=4)
        check(f"chmod 600 {secret}" in said, said)
        secret.chmod(0o600)
        keys.folder.joinpath("publisher").chmod(0o755)
        said = run("dev", "-C", world.root, "--keys", keys.folder, code=4)
        check("chmod 700" in said, said)


def a_channel_without_a_key_is_refused_with_the_command():
    with World('[project]\nname = "e2e"\n[[channel]]\nname = "main"\n[[channel]]\nname = "ui"\n') as world:
        keys = Keys(world)
        world.write("a.txt", "one")
        said = run("build", "-C", world.root, "--keys", keys.folder, code=4)
        check("graphite keys channel DIR ui" in said, said)
        keys.ask("channel", "ui")
        run("build", "-C", world.root, "--keys", keys.folder)


def no_secret_is_told():
    """Logs, status, metrics, process titles and core dumps have none; what follows the secrets of all files."""
    with World() as world:
        keys = Keys(world)
        keys.ask("ticket", "game-1")
        keys.ask("token", "ci", "--verbs", "query")
        keys.ask("operator", "olga", "--verbs", "query")
        world.write("a.txt", "one")
        dev = world.dev(None, "--keys", keys.folder, "--listen-operators", "127.0.0.1:0")
        reader = world.subscribe("reader", "--keys", keys.folder / "runtimes/game-1")
        reader.swap_with(changed="a.txt")
        secrets = set()
        for path in keys.folder.rglob("*"):
            if path.name.endswith(".key") and path.is_file():
                text = path.read_text()
                secrets.add(text.splitlines()[-1] if "BEGIN" not in text else text.splitlines()[1])
            if path.name == "token":
                secrets.add(path.read_text().strip().split(".")[1])
        check(len(secrets) > 8, f"only {len(secrets)} secrets were found")
        for process in (dev, reader):
            no_core_file(process)
        told = [dev.log(), reader.log(), json.dumps(run("status", "-C", world.root, "--json"))]
        for path in ("/metrics", "/status"):
            answer = ask_operators_port(world.ready["metrics"], keys.folder / "operators/olga", path)[0]
            check(" 200 OK" in answer, answer)
            told.append(answer)
        told += [open(f"/proc/{one.child.pid}/cmdline").read() + open(f"/proc/{one.child.pid}/comm").read()
                 for one in (dev, reader)]
        for process in (dev, reader):
            with open(f"/proc/{process.child.pid}/environ") as environment:
                told.append(environment.read())
        told.append(str(run("keys", "list", keys.folder)))
        for path in (world.root / ".graphite").rglob("*"):
            if path.is_file() and not path.is_socket():
                told.append(path.read_bytes().decode(errors="replace"))
        for secret in secrets:
            for text in told:
                check(secret not in text, f"a secret is in {text[:60]!r}…")


if __name__ == "__main__":
    main([a_runtime_follows_what_its_root_vouches_for, bundles_are_judged_by_who_signed_them,
          what_is_done_with_keys_is_recorded, a_publisher_with_other_keys_or_none_is_not_heard,
          keys_rotate_and_are_revoked_while_all_run, a_stolen_key_that_was_revoked_is_refused_after_a_restart,
          a_revoked_key_that_was_the_only_one_signs_nothing_more, a_list_of_revoked_keys_is_copied_to_the_publisher,
          the_certificates_of_a_server_are_renewed_while_it_runs, pins_that_others_can_write_are_refused,
          a_root_is_replaced_while_all_run, a_removed_state_folder_is_a_new_history_that_a_root_allows,
          a_folder_that_strangers_filled_counts_for_nothing, keys_that_others_can_read_are_refused, a_channel_without_a_key_is_refused_with_the_command,
          no_secret_is_told])
