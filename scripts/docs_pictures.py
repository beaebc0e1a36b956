#!/usr/bin/env python3
"""Makes the pictures of docs/transforms.md: content made here, built and drawn by `graphite`.

usage: scripts/docs_pictures.py [PROGRAM]      PROGRAM: default build/release/bin/graphite
"""
import io
import math
import pathlib
import struct
import subprocess
import sys
import tempfile
import wave

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/e2e"))
import png  # noqa: E402

GROUND = (246, 246, 246)
GAP = 8

RULES = '''[project]
name = "pictures"

[[rule]]
name = "plain"
match = "plain/*.png"
transform = "texture"
[rule.options]
format = "rgba8"

[[rule]]
name = "textures"
match = "*.png"
transform = "texture"

[[rule]]
name = "meshes"
match = "*.obj"
transform = "mesh"
[rule.options]
lods = 3
lod_error = 0.2
generate_normals = true

[[rule]]
name = "sounds"
match = "*.wav"
transform = "audio"
'''


def brick(x, y):
    """A wall, 32 x 16 pixels a brick, each row moved by half a one."""
    row = y // 16
    column = (x + 16 * (row % 2)) // 32
    if y % 16 < 2 or (x + 16 * (row % 2)) % 32 < 2:
        return (206, 202, 192)
    tone = (row * 7 + column * 13) % 5 * 9
    light = 10 if y % 16 < 4 else -12 if y % 16 > 13 else 0
    return (168 + tone // 2 + light, 74 + tone + light, 58 + tone // 2 + light)


def badge(x, y):
    """A ring round five petals, on a ground that fades."""
    dx, dy = x - 23.5, y - 23.5
    away, angle = math.hypot(dx, dy), math.atan2(dy, dx)
    if 18 < away < 22:
        return (235, 180, 40)
    if away < 9 + 5 * math.cos(5 * angle + math.pi / 2):
        return (250, 240, 210)
    return (20 + 3 * x, 60 + y, 150 - 2 * y)


def knot(around=120, across=14):
    """A tube along the torus knot (2, 3)."""
    def at(t):
        r = 2 + math.cos(3 * t)
        return (r * math.cos(2 * t), math.sin(3 * t), r * math.sin(2 * t))

    def unit(v):
        length = math.sqrt(sum(c * c for c in v))
        return tuple(c / length for c in v)

    def cross(a, b):
        return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])

    lines = []
    for i in range(around):
        t = 2 * math.pi * i / around
        here, ahead = at(t), at(t + 0.01)
        along = unit(tuple(b - a for a, b in zip(here, ahead)))
        side = unit(cross(along, here))
        up = cross(side, along)
        for k in range(across):
            a = 2 * math.pi * k / across
            lines.append("v " + " ".join(f"{h + 0.45 * (math.cos(a) * s + math.sin(a) * u):.5f}"
                                         for h, s, u in zip(here, side, up)))
    for i in range(around):
        for k in range(across):
            a, b = i * across, (i + 1) % around * across
            n = (k + 1) % across
            lines.append(f"f {a + k + 1} {a + n + 1} {b + n + 1} {b + k + 1}")
    return "\n".join(lines) + "\n"


def bells():
    """Four struck bells, each over the one before."""
    rate, seconds = 48000, 3
    samples = [0.0] * (rate * seconds)
    for number, pitch in enumerate((523.25, 659.26, 783.99, 1046.5)):
        begin = number * rate * 6 // 10
        for i in range(begin, len(samples)):
            t = (i - begin) / rate
            samples[i] += 0.3 * math.exp(-3 * t) * (math.sin(2 * math.pi * pitch * t)
                                                    + 0.5 * math.sin(2 * math.pi * 2.76 * pitch * t))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(b"".join(struct.pack("<h", round(32000 * max(-1, min(1, s)))) for s in samples))
    return file.getvalue()


def side_by_side(pictures):
    """One picture of several, on plain ground, aligned at their lower edges."""
    width = sum(len(rows[0]) for rows in pictures) + GAP * (len(pictures) + 1)
    height = max(len(rows) for rows in pictures) + 2 * GAP
    canvas = [[GROUND] * width for _ in range(height)]
    left = GAP
    for rows in pictures:
        top = height - GAP - len(rows)
        for y, row in enumerate(rows):
            for x, (*colour, alpha) in enumerate(row):
                canvas[top + y][left + x] = tuple((c * alpha + g * (255 - alpha)) // 255 for c, g in zip(colour, GROUND))
        left += len(rows[0]) + GAP
    return png.encode(width, height, lambda x, y: canvas[y][x])


def main():
    program = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/bin/graphite").resolve()
    with tempfile.TemporaryDirectory() as folder:
        project = pathlib.Path(folder)
        (project / "plain").mkdir()
        (project / "graphite.toml").write_text(RULES)
        (project / "wall.png").write_bytes(png.encode(256, 256, brick))
        for name in ("badge.png", "plain/badge.png"):
            (project / name).write_bytes(png.encode(48, 48, badge))
        (project / "knot.obj").write_text(knot())
        (project / "bells.wav").write_bytes(bells())
        subprocess.run([program, "build", "-C", project], check=True)

        def drawn(asset, *options):
            target = project / "drawn.png"
            subprocess.run([program, "preview", asset, "-C", project, "-o", target, "--force", *options], check=True)
            return png.decode(target.read_bytes())

        images = {
            "texture-levels": [drawn("wall.ktx2", "--level", str(level)) for level in range(6)],
            "texture-blocks": [drawn(name, "--size", "240x240") for name in ("plain/badge.ktx2", "badge.ktx2")],
            "mesh-levels": [drawn("knot.gmesh", "--level", str(level), "--size", "240x200") for level in range(4)],
            "audio-waveform": [drawn("bells.opus", "--size", "720x120")],
        }
    for name, pictures in images.items():
        target = ROOT / f"docs/images/{name}.png"
        target.write_bytes(side_by_side(pictures))
        print(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
