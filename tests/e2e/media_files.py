"""Sources of the built-in transforms, and readers of what they make that share no code with them."""
import io
import json
import math
import struct
import wave
import zipfile

from PIL import Image

KTX2 = b"\xabKTX 20\xbb\r\n\x1a\n"
# Block formats by their number in Vulkan: name in a DDS header, bytes of a block of 4 x 4 pixels.
BLOCKS = {131: (b"DXT1", 8), 132: (b"DXT1", 8), 133: (b"DXT1", 8), 134: (b"DXT1", 8), 137: (b"DXT5", 16), 138: (b"DXT5", 16),
          141: (b"ATI2", 16)}


def picture(width, height, alpha=False):
    """Smooth colours; with `alpha` they fade."""
    image = Image.new("RGBA", (width, height))
    image.putdata([(x * 255 // width, y * 255 // height, 128 + int(100 * math.sin((x + y) / 9)),
                    x * 255 // width if alpha else 255) for y in range(height) for x in range(width)])
    return image


def slopes(width, height):
    """Normals of low hills, in red and green; blue is what a unit vector leaves."""
    image = Image.new("RGB", (width, height))
    pixels = []
    for y in range(height):
        for x in range(width):
            across, down = 0.6 * math.sin(x / 7), 0.6 * math.cos(y / 9)
            up = math.sqrt(1 - across * across - down * down)
            pixels.append(tuple(round(127.5 + 127.5 * one) for one in (across, down, up)))
    image.putdata(pixels)
    return image


def png_of(image):
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def wav_of(seconds, rate_hz=44100):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(b"".join(struct.pack("<hh", int(12000 * math.sin(i / 20)), int(9000 * math.sin(i / 31)))
                                  for i in range(int(seconds * rate_hz))))
    return out.getvalue()


def zip_of(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return out.getvalue()


def glb_of(side, image):
    """Hills over `side` x `side` squares with a textured material; the extent of their positions."""
    points = [(x, round(math.sin(x / 3) * math.cos(y / 4), 3), y) for y in range(side + 1) for x in range(side + 1)]
    corners = []
    for y in range(side):
        for x in range(side):
            a = y * (side + 1) + x
            corners += [a, a + side + 1, a + 1, a + 1, a + side + 1, a + side + 2]
    positions = b"".join(struct.pack("<3f", *point) for point in points)
    places = b"".join(struct.pack("<2f", x / side, y / side) for x, _, y in points)
    indices = struct.pack(f"<{len(corners)}H", *corners)
    buffer = positions + places + indices
    buffer += bytes(-len(buffer) % 4)
    document = {
        "asset": {"version": "2.0"}, "buffers": [{"byteLength": len(buffer)}],
        "bufferViews": [{"buffer": 0, "byteLength": len(positions)},
                        {"buffer": 0, "byteOffset": len(positions), "byteLength": len(places)},
                        {"buffer": 0, "byteOffset": len(positions) + len(places), "byteLength": len(indices)}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": len(points), "type": "VEC3"},
                      {"bufferView": 1, "componentType": 5126, "count": len(points), "type": "VEC2"},
                      {"bufferView": 2, "componentType": 5123, "count": len(corners), "type": "SCALAR"}],
        "images": [{"uri": image}], "textures": [{"source": 0}],
        "materials": [{"name": "grass", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "meshes": [{"name": "hills", "primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2,
                                                     "material": 0}]}],
        "nodes": [{"mesh": 0, "name": "ground"}], "scenes": [{"nodes": [0]}], "scene": 0}
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    return (b"glTF" + struct.pack("<II", 2, 28 + len(text) + len(buffer)) + struct.pack("<I4s", len(text), b"JSON") + text
            + struct.pack("<I4s", len(buffer), b"BIN\0") + buffer), points, len(corners) // 3


def ktx2_levels(data):
    """Vulkan's number of the format; width, height and bytes of each level, the largest first."""
    if data[:12] != KTX2:
        raise ValueError("no KTX2 file")
    (form, _, width, height, depth, layers, faces, count, packing) = struct.unpack("<9I", data[12:48])
    if (depth, layers, faces, packing) != (0, 0, 1, 0):
        raise ValueError("not one plain image")
    levels = []
    for i in range(count):
        at, size, unpacked = struct.unpack("<3Q", data[80 + 24 * i:104 + 24 * i])
        if size != unpacked or at + size > len(data):
            raise ValueError(f"level {i} lies wrong")
        levels.append((max(1, width >> i), max(1, height >> i), data[at:at + size]))
    return form, levels


def decoded_level(form, level):
    """A level of block-compressed pixels, decoded by Pillow: wrapped into a DDS file."""
    width, height, blocks = level
    name, block_bytes = BLOCKS[form]
    if len(blocks) != (width + 3) // 4 * ((height + 3) // 4) * block_bytes:
        raise ValueError("not of the size that the format asks for")
    head = struct.pack("<7I44x", 124, 0x1 | 0x2 | 0x4 | 0x1000 | 0x80000, height, width, len(blocks), 0, 1)
    head += struct.pack("<II4s5I", 32, 4, name, 0, 0, 0, 0, 0) + struct.pack("<5I", 0x1000, 0, 0, 0, 0)
    return Image.open(io.BytesIO(b"DDS " + head + blocks))


def psnr(found, wanted, bands):
    """Of these bands, in decibels."""
    errors = count = 0
    for band in bands:
        for a, b in zip(found.getchannel(band).tobytes(), wanted.getchannel(band).tobytes()):
            errors += (a - b) ** 2
            count += 1
    return 99 if errors == 0 else 10 * math.log10(255 * 255 * count / errors)


class Mesh:
    """Reads a mesh file by docs/formats/mesh.md alone."""

    def __init__(self, data):
        self.data = data
        magic, version, _, size, sections, self.levels = struct.unpack("<4sHHQII", data[:24])
        if (magic, version, size, sections) != (b"GMSH", 1, len(data), 11):
            raise ValueError("no mesh file")
        self.sections = {}
        for i in range(sections):
            kind, record, at, count, zero = struct.unpack("<IIQQQ", data[64 + 32 * i:96 + 32 * i])
            if kind != i + 1 or zero != 0 or at % 64 != 0:
                raise ValueError(f"section {i} lies wrong")
            self.sections[kind] = (record, at, count)

    def records(self, kind):
        size, at, count = self.sections[kind]
        return [self.data[at + size * i:at + size * (i + 1)] for i in range(count)]

    def text(self, record, at):
        begin, size = struct.unpack("<II", record[at:at + 8])
        begin += self.sections[11][1]
        return self.data[begin:begin + size].decode()

    def triangles(self, level):
        """Of all submeshes at this level, each three positions."""
        out = []
        for submesh in self.records(3):
            first = struct.unpack("<I", submesh[8:12])[0]
            offset, scale = struct.unpack("<3f", submesh[56:68]), struct.unpack("<3f", submesh[68:80])
            draw = self.records(4)[first + level]
            at, count, width, _, attribute = struct.unpack("<QIIII", draw[:24])
            indices = struct.unpack(f"<{count}{'H' if width == 2 else 'I'}", self.data[at:at + count * width])
            semantic, form, stride, place = struct.unpack("<HHIQ", self.records(5)[attribute])
            if semantic != 1:
                raise ValueError("the first attribute is no position")
            positions = [self.position(place + stride * i, form, offset, scale) for i in indices]
            out += zip(positions[::3], positions[1::3], positions[2::3])
        return out

    def position(self, at, form, offset, scale):
        if form == 2:
            return struct.unpack("<3f", self.data[at:at + 12])
        stored = struct.unpack("<3H", self.data[at:at + 6])
        return tuple(o + s * v / 65535 for o, s, v in zip(offset, scale, stored))
