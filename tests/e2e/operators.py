#!/usr/bin/env python3
"""The operators' port of a running service: who has no certificate that counts hears why, the service writes it, and
nothing else is told. One row of docs/security.md each."""
import socket
import ssl

from past import expired_client
from support import World, check, equal, main, run, wait_until

PATHS = ("/metrics", "/healthz", "/readyz", "/status")
SECRETS = (b"graphite_", b"channels", b"a-secret-name", b"HTTP/1.1 200")


class Operated:
    """A service with keys and an operators' port."""

    def __init__(self, world):
        self.world, self.keys = world, world.work / "keys"
        run("keygen", self.keys)
        world.write("a-secret-name.txt", "one")
        self.dev = world.dev(None, "--keys", self.keys / "publisher", "--listen-operators", "127.0.0.1:0")
        self.port = int(world.ready["metrics"].rsplit(":", 1)[1])


    def operator(self, name, verbs="query", keys=None):
        """The serial, and the folder of the certificate."""
        made = run("keys", "operator", keys or self.keys, name, "--verbs", verbs, "--json")
        return made["serial"], (keys or self.keys) / "operators" / name

    def context(self, part=None, names=("client.crt", "client.key")):
        out = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        out.load_verify_locations(self.keys / "publisher/operators-ca.crt")
        if part:
            out.load_cert_chain(*(part / name for name in names))
        return out

    def ask(self, context, path):
        """What is answered, or what TLS says; and the bytes that went there."""
        sent, coming, going = bytearray(), ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(coming, going, server_hostname="graphite-server")
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain:
            def passed(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        if data := going.read():
                            sent.extend(data)
                            plain.sendall(data)
                        if not (data := plain.recv(65536)):
                            coming.write_eof()
                        coming.write(data)

            try:
                passed(tls.do_handshake)
                passed(lambda: tls.write(f"GET {path} HTTP/1.1\r\nHost: studio\r\nConnection: close\r\n\r\n".encode()))
                while data := passed(lambda: tls.read(65536)):
                    answer += data
            except ssl.SSLEOFError:
                pass
            except ssl.SSLError as refused:
                return answer, refused.reason, bytes(sent)
        return answer, None, bytes(sent)

    def expect_refused(self, who, context, alert, written):
        """By TLS, with this alert, at each page."""
        for path in PATHS:
            answer, reason, _ = self.ask(context, path)
            equal(answer, b"", f"{who}: what was told of {path}")
            check(reason in alert, f"{who}: heard {reason}, not {alert}")
        self.expect_written(who, written)

    def expect_forbidden(self, who, context, path, why):
        answer, reason, _ = self.ask(context, path)
        equal(reason, None, f"{who}: what TLS says")
        check(answer.startswith(b"HTTP/1.1 403") and why.encode() in answer, f"{who}: {path} answered {answer}")
        for secret in SECRETS:
            check(secret not in answer, f"{who} was told of {secret}: {answer}")

    def expect_written(self, who, why):
        """In a line of its own that says who."""
        def lines():
            return [line for line in self.dev.log().splitlines() if "refused a client at 127.0.0.1:" in line]

        wait_until(lambda: any(why in line for line in lines()), f"the service to write of {who}: {why}")


def a_certificate_is_asked_for_and_looked_at():
    with World() as world:
        served = Operated(world)
        others = world.work / "others"
        run("keygen", others)
        _, stranger = served.operator("eve", keys=others)
        run("keys", "client", served.keys, "dora", "--verbs", "query,operate")
        served.expect_refused("no key", served.context(), ("TLSV13_ALERT_CERTIFICATE_REQUIRED",), "it shows no certificate")
        served.expect_refused("another installation's operator", served.context(stranger),
                              ("TLSV1_ALERT_UNKNOWN_CA", "TLSV1_ALERT_DECRYPT_ERROR"),
                              "its certificate is not of this authority")
        served.expect_refused("a client", served.context(served.keys / "clients/dora"),
                              ("TLSV1_ALERT_UNKNOWN_CA", "TLSV1_ALERT_DECRYPT_ERROR"),
                              "its certificate is not of this authority")
        served.expect_refused("the service itself",
                              served.context(served.keys / "publisher", ("operators.crt", "operators.key")),
                              ("SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",), "its certificate is for another use")
        _, good = served.operator("alice")
        for path in PATHS:
            check(served.ask(served.context(good), path)[0].startswith(b"HTTP/1.1 200"), f"alice was refused {path}")


def an_operator_who_is_revoked_or_lacks_the_verb_is_told_why():
    with World() as world:
        served = Operated(world)
        serial, good = served.operator("alice")
        _, builder = served.operator("bob", "build")
        served.expect_forbidden("bob", served.context(builder), "/status", "may build, and this needs query")
        served.expect_written("bob", "may build, and this needs query")
        run("keys", "revoke", served.keys, serial)
        wait_until(lambda: b"403" in served.ask(served.context(good), "/healthz")[0], "the revocation to count")
        for path in PATHS:
            served.expect_forbidden("alice", served.context(good), path, f"certificate {serial} of alice was revoked")
        served.expect_written("alice", f"certificate {serial} of alice was revoked")


def an_expired_certificate_is_refused_as_such():
    with World() as world:
        served = Operated(world)
        served.expect_refused("expired", served.context(expired_client(served.keys, world.work / "expired", "operators")),
                              ("SSLV3_ALERT_CERTIFICATE_EXPIRED",), "its certificate has expired")


def anothers_bytes_are_worth_nothing():
    with World() as world:
        served = Operated(world)
        _, good = served.operator("alice")
        answer, _, sent = served.ask(served.context(good), "/status")
        check(b"a-secret-name" in answer or b'"channels"' in answer, f"alice was told {answer}")
        for pieces in ([sent], [sent[:400], sent[400:]]):
            heard = b""
            with socket.create_connection(("127.0.0.1", served.port), timeout=20) as plain:
                for piece in pieces:
                    plain.sendall(piece)
                plain.shutdown(socket.SHUT_WR)
                while data := plain.recv(65536):
                    heard += data
            check(len(heard) < 4096, f"{len(heard)} bytes were said to who repeats")
            for secret in SECRETS:
                check(secret not in heard, f"{secret} was told")
        served.expect_written("who repeats", "what it says is not of this conversation: repeated, or changed on the way")
        check(served.ask(served.context(good), "/healthz")[0].startswith(b"HTTP/1.1 200"), "alice is refused now")


def without_tls_nothing_is_told():
    with World() as world:
        served = Operated(world)
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as plain:
            plain.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
            heard = b""
            while data := plain.recv(65536):
                heard += data
        check(len(heard) < 64 and b"HTTP" not in heard, f"it was told {heard}")
        served.expect_written("who speaks no TLS", "it speaks no TLS")


if __name__ == "__main__":
    main([a_certificate_is_asked_for_and_looked_at, an_operator_who_is_revoked_or_lacks_the_verb_is_told_why,
          an_expired_certificate_is_refused_as_such, anothers_bytes_are_worth_nothing, without_tls_nothing_is_told])
