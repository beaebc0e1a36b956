#!/usr/bin/env python3
"""`graphite preview` and how assets of several parts are taken out of a bundle, through the shipped programs."""
import io
import math
import os
import struct
import subprocess
import wave

import png
from support import PROGRAM, World, bundle_contents, check, equal, files_below, main, run

RULES = '''[project]
name = "e2e"

[[rule]]
name = "textures"
match = ["*.png"]
transform = "texture"
[rule.options]
format = "rgba8"

[[rule]]
name = "meshes"
match = ["*.obj"]
transform = "mesh"
[rule.options]
lods = 2
lod_error = 0.5

[[rule]]
name = "sounds"
match = ["*.wav"]
transform = "audio"
'''

RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(x, _):
    return RED if x < 16 else BLUE


def hills():
    side = 24
    points = [f"v {x} {math.sin(x * 0.5) * math.cos(y * 0.4)} {y}" for y in range(side + 1) for x in range(side + 1)]
    quads = [f"f {a} {a + side + 1} {a + side + 2} {a + 1}" for y in range(side) for x in range(side)
             for a in [y * (side + 1) + x + 1]]
    return "\n".join(points + quads) + "\n"


def beep():
    """Half a second of silence, half a second of a loud tone."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 48000, 0, "NONE", ""))
        out.writeframes(b"".join(struct.pack("<h", 0 if i < 24000 else int(16000 * math.sin(i * 0.06)))
                                 for i in range(48000)))
    return file.getvalue()


def built_world():
    world = World(RULES)
    world.write("img/rock.png", png.encode(32, 16, halves))
    world.write("hills.obj", hills())
    world.write("beep.wav", beep())
    world.write("notes.txt", "plain")
    run("build", "-C", world.root, "--json")
    return world


def preview(world, asset, *extra):
    """The event and the rows of the picture."""
    target = world.work / "picture.png"
    event = run("preview", asset, "-C", world.root, "-o", target, "--force", "--json", *extra)
    rows = png.decode(target.read_bytes())
    equal((event["event"], event["asset"], event["file"]), ("preview", asset, str(target)), "event")
    equal((event["width"], event["height"]), (len(rows[0]), len(rows)), "size")
    return event, rows


def refused(world, code, *arguments):
    done = subprocess.run([PROGRAM, "preview", *map(str, arguments), "-C", world.root], capture_output=True, text=True,
                          timeout=60, cwd=world.work, check=False)
    equal(done.returncode, code, f"exit code: {done.stderr}")
    return done.stderr


def a_texture_is_shown_level_by_level():
    with built_world() as world:
        event, rows = preview(world, "img/rock.ktx2")
        equal((event["kind"], event["width"], event["height"], event["levels"]), ("texture", 32, 16, 6), "event")
        equal((rows[15][0], rows[0][31]), ((*RED, 255), (*BLUE, 255)), "pixels")
        event, rows = preview(world, "img/rock.ktx2", "--level", 2)
        equal((event["width"], event["height"], event["level"]), (8, 4, 2), "size and level")
        event, rows = preview(world, "img/rock.ktx2", "--size", "64x64")
        equal((rows[63][31], rows[0][32]), ((*RED, 255), (*BLUE, 255)), "pixels of the larger picture")


def a_mesh_is_shown_level_by_level():
    with built_world() as world:
        event, rows = preview(world, "hills.gmesh", "--size", "300x200")
        equal((event["kind"], event["levels"]), ("mesh", 3), "event")
        equal(rows[0][0][3], 0, "alpha beside the mesh")
        check(sum(pixel[3] for row in rows for pixel in row) > 255 * 300 * 200 / 8, "hardly anything is drawn")
        _, coarse = preview(world, "hills.gmesh", "--size", "300x200", "--level", 2)
        check(coarse != rows, "the levels look the same")


def a_sound_is_shown_as_its_waveform():
    with built_world() as world:
        event, rows = preview(world, "beep.opus", "--size", "100x64")
        equal((event["kind"], event["levels"]), ("sound", 1), "event")
        equal((rows[24][20][3], rows[24][80][3], rows[2][80][3]), (0, 255, 0), "silence, tone, above the tone")


def the_picture_is_named_after_the_asset_and_replaces_nothing():
    with built_world() as world:
        where = {"capture_output": True, "timeout": 60, "cwd": world.work}
        subprocess.run([PROGRAM, "preview", "img/rock.ktx2", "-C", world.root], check=True, **where)
        found = world.work / "rock.png"
        equal(len(png.decode(found.read_bytes())), 16, "rows")
        found.write_bytes(b"mine")
        check("--force" in refused(world, 2, "img/rock.ktx2"), "does not say what would replace it")
        equal(found.read_bytes(), b"mine", "the file that was there")
        subprocess.run([PROGRAM, "preview", "img/rock.ktx2", "-C", world.root, "--force"], check=True, **where)
        equal(len(png.decode(found.read_bytes())), 16, "rows")
        equal(sorted(one.name for one in world.work.iterdir()), ["project", "rock.png"], "files")


def within_the_project_a_picture_is_no_source():
    with built_world() as world:
        before = sorted(one for one in world.root.rglob("*") if ".graphite" not in one.parts)
        for _ in range(2):  # the second replaces the first
            subprocess.run([PROGRAM, "preview", "img/rock.ktx2"], check=True, capture_output=True, timeout=60,
                           cwd=world.root / "img")
        equal(len(png.decode((world.root / ".graphite/previews/img/rock.ktx2.png").read_bytes())), 16, "rows")
        equal(sorted(one for one in world.root.rglob("*") if ".graphite" not in one.parts), before, "sources")


def what_cannot_be_shown_is_told():
    with built_world() as world:
        check("Opus" in refused(world, 2, "notes.txt"), "does not say what can be shown")
        check("img/rock.ktx2" in refused(world, 2, "img/rock.png"), "does not say what is made of the source")
        check("0 to 5" in refused(world, 2, "img/rock.ktx2", "--level", 6), "does not say which levels there are")
        check("channel 'other'" in refused(world, 2, "img/rock.ktx2", "--channel", "other"), "does not name the channel")
        refused(world, 2, "../rock.ktx2")
        equal(sorted(os.listdir(world.work)), ["project"], "files")


def a_broken_asset_is_refused():
    with World() as world:
        world.write("cut.ktx2", b"\xabKTX 20\xbb\r\n\x1a\n and no more")
        world.write("cut.gmesh", b"GMSH" + bytes(100))
        run("build", "-C", world.root, "--json")
        for name in ("cut.ktx2", "cut.gmesh"):
            check(name in refused(world, 5, name), f"does not name {name}")


def a_rule_cannot_name_it():
    with World('[project]\nname = "e2e"\n[[rule]]\nmatch = "*.png"\ntransform = "preview"\n') as world:
        done = subprocess.run([PROGRAM, "build", "-C", world.root], capture_output=True, text=True, timeout=60, check=False)
        equal(done.returncode, 2, "exit code")
        check("preview" not in run("transforms"), "preview is listed")


def an_asset_of_several_parts_is_one_file():
    with built_world() as world:
        whole = bundle_contents(world)["img/rock.ktx2"]
        equal(whole[:12], b"\xabKTX 20\xbb\r\n\x1a\n", "the head of the texture")
        apart = world.work / "apart"
        run("bundle", "extract", world.bundle, apart, "--parts")
        found = files_below(apart)
        parts = [found[f"img/rock.ktx2.part{i}"] for i in range(7)]
        equal(b"".join(parts), whole, "the parts one after the other")
        check("img/rock.ktx2" not in found, "the whole is there, too")


if __name__ == "__main__":
    main([a_texture_is_shown_level_by_level, a_mesh_is_shown_level_by_level, a_sound_is_shown_as_its_waveform,
          the_picture_is_named_after_the_asset_and_replaces_nothing,
          within_the_project_a_picture_is_no_source, what_cannot_be_shown_is_told,
          a_broken_asset_is_refused, a_rule_cannot_name_it, an_asset_of_several_parts_is_one_file])
