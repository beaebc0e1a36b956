"""What lies in a folder that a subscriber keeps as a bundle (docs/formats/bundle.md): also in the midst of a swap, and
of a generation that was never shown. Read while it is written, it is as old as the look."""
import os
import struct

HEADER, PAGE = 64, 4096
CONTENT, RESERVED = 1, 2


class Record:
    """A content in a segment, or the room for one."""

    def __init__(self, path, kind, size, data):
        self.path, self.kind, self.size, self.data = path, kind, size, data
        self.end = -(-(data + size) // HEADER) * HEADER

    def arrived(self):
        """Bytes that are there, to within a step; for contents of random bytes that are appended in order."""
        step = 1 << 14
        with open(self.path, "rb") as file:
            first, last = 0, self.size // step  # of the steps, how many are there
            while first < last:
                middle = (first + last + 1) // 2
                if os.pread(file.fileno(), HEADER, self.data + middle * step - HEADER).strip(b"\0"):
                    first = middle
                else:
                    last = middle - 1
        return first * step


class Kept:
    """`folder` as it was when it was made: `head` and, for each segment, where the next content will lie."""

    def __init__(self, folder):
        self.folder = folder
        self.head = self.head_now()
        self.tails = {}
        for path in self.segments():
            records = self.records(path, HEADER)
            self.tails[path] = records[-1].end if records else HEADER

    def segments(self):
        return sorted(self.folder.glob(".graphite/segments/segment-*"))

    def head_now(self):
        """(epoch, sequence) of what is shown, None: nothing."""
        try:
            return struct.unpack_from("<QQ", (self.folder / "head").read_bytes(), 24)
        except FileNotFoundError:
            return None

    def shows_another(self):
        return self.head_now() != self.head

    def staged(self):
        """Contents that were begun or stored since."""
        return [record for path in self.segments() for record in self.records(path, self.tails.get(path, HEADER))]

    @staticmethod
    def records(path, at):
        out = []
        with open(path, "rb") as file:
            while True:
                header = os.pread(file.fileno(), HEADER, at)
                if len(header) < HEADER or header[:4] != b"GREC":
                    return out
                kind, size = header[4], struct.unpack_from("<Q", header, 8)[0]
                data = at + HEADER if size < PAGE else -(-(at + HEADER) // PAGE) * PAGE
                out.append(Record(path, kind, size, data))
                at = out[-1].end
