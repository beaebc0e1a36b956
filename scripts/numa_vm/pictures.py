"""Pictures whose textures are known to the byte: PNG files to build from, and what KTX2 files of them must hold."""
import struct
import zlib

SIDE = 512
TILE = 64
TILES = SIDE // TILE
RGBA8_SRGB = 43  # of VkFormat
KTX2_MARK = b"\xabKTX 20\xbb\r\n\x1a\n"
LEVELS = SIDE.bit_length()
# In these a pixel is made of pixels of one tile, so that it has the tile's colour, whatever the filter's arithmetic.
LEVELS_KNOWN = TILE.bit_length()

# Every pixel is kept, and smaller levels are made of 2 × 2 pixels each.
RULE = '''
[[rule]]
name = "textures"
match = "art/*.png"
transform = "texture"
[rule.options]
format = "rgba8"
usage = "color"
mip_filter = "box"
'''


def colour(number, x, y):
    """Red, green and blue of a tile; no two tiles of a picture and no two pictures have the same."""
    return bytes((16 * x + 7, 16 * y + 11, 8 * number + 3))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(number):
    """The file of a picture, numbered from 0 to 31."""
    rows = b"".join((b"\0" + b"".join(colour(number, x, y) * TILE for x in range(TILES))) * TILE for y in range(TILES))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def level(number, which):
    """The pixels of one of the levels that are known, the largest image first."""
    tile = TILE >> which
    rows = [b"".join((colour(number, x, y) + b"\xff") * tile for x in range(TILES)) for y in range(TILES)]
    return b"".join(one * tile for one in rows)


def texture_fault(number, data):
    """What is wrong with the KTX2 file of a picture; empty: nothing is."""
    if data[:12] != KTX2_MARK or len(data) < 80 + 24 * LEVELS:
        return f"{len(data)} bytes that are no KTX2 file of {LEVELS} levels"
    form, _, width, height, _, _, faces, levels, packed = struct.unpack_from("<9I", data, 12)
    if (form, width, height, faces, levels, packed) != (RGBA8_SRGB, SIDE, SIDE, 1, LEVELS, 0):
        return f"format {form}, {width} × {height}, {faces} faces, {levels} levels, packing {packed}"
    for which in range(LEVELS):
        begin, size = struct.unpack_from("<QQ", data, 80 + 24 * which)
        side = SIDE >> which
        if size != 4 * side * side or begin + size > len(data):
            return f"level {which} has {size} bytes at {begin} of {len(data)}"
        if which < LEVELS_KNOWN and data[begin:begin + size] != level(number, which):
            return f"level {which} has other pixels"
    return ""
