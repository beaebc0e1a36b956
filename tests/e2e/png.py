"""PNG images of 8 bits a channel, written and read with nothing but zlib."""
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode(width, height, pixel):
    """`pixel(x, y)` is (red, green, blue)."""
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))
    return (SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def plain(colour, width=120, height=120):
    return encode(width, height, lambda x, y: colour)


def paeth(left, up, corner):
    by_left, by_up, by_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    return left if by_left <= by_up and by_left <= by_corner else up if by_up <= by_corner else corner


def unfilter(kind, row, above, step):
    for i in range(len(row)):
        left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
        row[i] = (row[i] + (0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner))[kind]) & 255
    return row


def decode(data):
    """Rows of (red, green, blue), with alpha where the image has it; of those without a palette or interlacing."""
    if data[:8] != SIGNATURE:
        raise ValueError("no PNG image")
    at, packed, header = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    width, height = header[:2]
    if header[2:] not in ((8, 2, 0, 0, 0), (8, 6, 0, 0, 0)):
        raise ValueError(f"not of the expected form: {header}")
    step = 3 if header[3] == 2 else 4
    raw, rows, above = zlib.decompress(packed), [], bytes(step * width)
    for y in range(height):
        begin = y * (step * width + 1)
        row = bytearray(raw[begin + 1:begin + 1 + step * width])
        above = unfilter(raw[begin], row, above, step)
        rows.append([tuple(above[i:i + step]) for i in range(0, step * width, step)])
    return rows
