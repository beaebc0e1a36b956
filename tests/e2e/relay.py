"""A relay between a port of ZeroMQ without keys and its clients that hears all, and says what it likes: ZMTP 3 by hand."""
import socket
import struct
import threading

MORE, LONG, COMMAND = 1, 2, 4
GREETING_BYTES = 64


def encode(parts):
    """A message as the frames of ZMTP."""
    out = bytearray()
    for i, part in enumerate(parts):
        flags = MORE if i + 1 < len(parts) else 0
        out += struct.pack(">BB", flags, len(part)) if len(part) < 256 else struct.pack(">BQ", flags | LONG, len(part))
        out += part
    return bytes(out)


class Frames:
    """Takes bytes as they come, gives whole frames."""

    def __init__(self):
        self.bytes = bytearray()

    def feed(self, more):
        """(flags, body, the frame as it came) of each that is whole now."""
        self.bytes += more
        while len(self.bytes) >= 2:
            long = self.bytes[0] & LONG
            if long and len(self.bytes) < 9:
                return
            begin, size = (9, struct.unpack_from(">Q", self.bytes, 1)[0]) if long else (2, self.bytes[1])
            if len(self.bytes) < begin + size:
                return
            frame = bytes(self.bytes[:begin + size])
            del self.bytes[:begin + size]
            yield frame[0], frame[begin:], frame


class Link:
    """One client, and the port as it sees it."""

    def __init__(self, relay, client):
        self.relay, self.client = relay, client
        self.port = socket.create_connection(relay.to)
        self.writing = threading.Lock()
        self.ready = False  # hands are shaken: messages may be said
        self.flooded = 0
        for pump in (self._up, self._down):
            threading.Thread(target=pump, daemon=True).start()

    def say(self, data):
        with self.writing:
            self.client.sendall(data)

    def close(self):
        for one in (self.client, self.port):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def flood(self, head, block, bytes_max):
        """Says `head`, then `block` again and again; True: the client ended it before there were so many bytes."""
        try:
            self.say(head)
            while self.flooded < bytes_max:
                self.say(block)
                self.flooded += len(block)
        except OSError:
            return True
        return False

    def _up(self):
        self._pump(self.client, self.port.sendall)

    def _down(self):
        greeting, frames, parts = [0], Frames(), []

        def take(data):
            left = GREETING_BYTES - greeting[0]
            if left > 0:
                self.say(data[:left])
                greeting[0] += min(left, len(data))
                data = data[left:]
            for flags, body, frame in frames.feed(data):
                if flags & COMMAND:
                    self.say(frame)
                    self.ready = True
                    continue
                parts.append(body)
                if flags & MORE:
                    continue
                for message in self.relay.change(self, list(parts)):
                    self.say(encode(message))
                parts.clear()

        self._pump(self.port, take)

    def _pump(self, source, take):
        try:
            while data := source.recv(65536):
                take(data)
        except OSError:
            pass
        self.close()


class Relay:
    """`change(link, parts)` gets each message of the port, and gives those that are said to the client in its place."""

    def __init__(self, to, at="127.0.0.1", port=0):
        host, own = to.rsplit(":", 1)
        self.to = (host, int(own))
        self.change = lambda link, parts: [parts]
        self.links = []
        self.listener = socket.create_server((at, port))
        self.port = self.listener.getsockname()[1]
        self.address = f"{at}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                self.links.append(Link(self, client))
            except OSError:
                return

    def say(self, parts):
        """To all clients; how many heard it."""
        heard = 0
        for link in self.links:
            if not link.ready:
                continue
            try:
                link.say(encode(parts))
                heard += 1
            except OSError:
                pass
        return heard

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # else the port stays taken while accept() waits
        self.listener.close()
        for link in self.links:
            link.close()
