#!/usr/bin/env python3
"""All built-in transforms through the shipped program; what they make is read by other programs and by readers of its own."""
import json
import pathlib
import re
import subprocess

from media_files import Mesh, decoded_level, glb_of, ktx2_levels, picture, png_of, psnr, slopes, wav_of, zip_of
from support import PROGRAM, World, check, equal, files_below, main, run, verify

PROJECT = '''[project]
name = "media"

[[rule]]
name = "textures"
match = ["*.png"]
transform = "texture"

[[rule]]
name = "meshes"
match = ["*.glb"]
transform = "mesh"
[rule.options]
lods = 2
lod_error = 0.2

[[rule]]
name = "shaders"
match = ["*.frag"]
transform = "shader"
outputs = ["{dir}/{name}.spv", "{dir}/{name}.json", "{dir}/{name}.*.spv", "{dir}/{name}.*.json"]
[rule.options]
variants = ["fog: FOG", "deep: FOG DEPTH=2"]

[[rule]]
name = "sounds"
match = ["*.wav"]
transform = "audio"

[[rule]]
name = "texts"
match = ["data/*.toml", "data/*.xml"]
transform = "text"

[[rule]]
name = "archives"
match = ["*.zip"]
transform = "archive"
'''

SHADER = '''#version 450
#include "fog.glsl"
layout(location = 0) in vec2 uv;
layout(location = 0) out vec4 color;
layout(set = 1, binding = 2) uniform sampler2D tiles;
void main() { color = faded(texture(tiles, uv)); }
'''

FOG = '''#ifdef FOG
layout(push_constant) uniform weather { vec4 tint; float depth; } sky;
#ifndef DEPTH
#define DEPTH 1
#endif
vec4 faded(vec4 from) { return mix(from, sky.tint, sky.depth * float(DEPTH)); }
#else
vec4 faded(vec4 from) { return from; }
#endif
'''


class Project(World):
    """With sources for each of the transforms."""

    def __init__(self):
        super().__init__(PROJECT)
        self.images = {"tex/plain.png": picture(70, 50), "tex/fading.png": picture(64, 64, alpha=True),
                       "tex/stone_n.png": slopes(64, 48)}
        for name, image in self.images.items():
            self.write(name, png_of(image))
        scene, self.points, self.triangles = glb_of(24, "../tex/plain.png")
        self.write("scenes/hills.glb", scene)
        self.write("sh/a.frag", SHADER)
        self.write("sh/fog.glsl", FOG)
        self.write("snd/tone.wav", wav_of(0.5))
        self.write("data/a.toml", "# c\na = 1  # one\n")
        self.write("data/b.xml", "<a>\n  <b/> <!-- c -->\n</a>\n")
        self.packed = {"x/one.txt": b"one" * 50, "two.bin": bytes(range(256))}
        self.write("packs/p.zip", zip_of(self.packed))

    def made(self):
        """What the bundle holds by path; an asset in parts may come as NAME.part0, NAME.part1 and so on."""
        target = self.work / "out"
        run("bundle", "extract", self.bundle, target)
        found, parts = files_below(target), {}
        for name in [name for name in found if re.fullmatch(r".*\.part\d+", name)]:
            whole, number = name.rsplit(".part", 1)
            parts.setdefault(whole, {})[int(number)] = found.pop(name)
        for whole, pieces in parts.items():
            found[whole] = b"".join(pieces[i] for i in sorted(pieces))
        return found


def listed(world):
    """What the bundle says of each asset, by path."""
    done = subprocess.run([PROGRAM, "bundle", "inspect", world.bundle, "--assets", "--json"], capture_output=True, text=True,
                          timeout=60, check=True)
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["path"]: one for one in objects if one["event"] == "asset"}


def tool(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0, f"{command}: {done.stdout[-500:]} {done.stderr[-500:]}")
    return done.stdout


def textures_are_near_their_sources(world, made):
    # Least decibels of the level of full size; what a format does not keep is not compared.
    wanted = {"tex/plain.png": ({131, 132, 133, 134}, "RGB", 33), "tex/fading.png": ({137, 138}, "RGBA", 33),
              "tex/stone_n.png": ({141}, "RG", 36)}
    for name, (forms, bands, least) in wanted.items():
        form, levels = ktx2_levels(made[name.replace(".png", ".ktx2")])
        check(form in forms, f"{name} has the format {form}")
        source = world.images[name]
        equal([level[:2] for level in levels[:2]], [source.size, (source.width // 2, source.height // 2)], "sizes")
        equal(levels[-1][:2], (1, 1), "the last level")
        for level in levels[1:]:
            decoded_level(form, level).load()
        near = psnr(decoded_level(form, levels[0]).convert("RGBA"), source.convert("RGBA"), bands)
        check(near >= least, f"{name}: {near:.1f} dB")


def the_mesh_has_the_source_s_triangles_and_material(world, made):
    mesh = Mesh(made["scenes/hills.gmesh"])
    equal(mesh.levels, 3, "levels of detail")
    finest = mesh.triangles(0)
    equal(len(finest), world.triangles, "triangles")
    grid = {tuple(round(one, 2) for one in point) for point in world.points}
    found = {tuple(round(one, 2) + 0.0 for one in point) for triangle in finest for point in triangle}
    close = sum(1 for point in found if any(all(abs(a - b) < 0.02 for a, b in zip(point, other)) for other in grid))
    equal((len(found), close), (len(grid), len(found)), "vertices")
    check(len(mesh.triangles(2)) < len(mesh.triangles(1)) < len(finest), "levels get no smaller")
    equal([mesh.text(one, 0) for one in mesh.records(9)], ["grass"], "materials")
    equal([mesh.text(one, 8) for one in mesh.records(10)], ["tex/plain.png"], "the image as the source names it")
    assets = listed(world)
    equal(assets["scenes/hills.gmesh"]["references"], [assets["tex/plain.ktx2"]["id"]], "references of the mesh")


def shaders_are_valid_and_described(world, made):
    for name in ["sh/a.frag", "sh/a.frag.fog", "sh/a.frag.deep"]:
        module = world.work / "module.spv"
        module.write_bytes(made[f"{name}.spv"])
        tool("spirv-val", "--target-env", "vulkan1.0", module)
        described = json.loads(made[f"{name}.json"])
        equal([(one["name"], one["set"], one["binding"]) for one in described["samplers"]], [("tiles", 1, 2)], "samplers")
        offsets = [[(one["name"], one["offset"]) for one in block["members"]] for block in described["push_constants"]]
        equal(offsets, [] if name == "sh/a.frag" else [[("tint", 0), ("depth", 16)]], f"push constants of {name}")
    check(made["sh/a.frag.fog.spv"] != made["sh/a.frag.deep.spv"], "two variants are the same")


def the_sound_is_opus(world, made):
    file = world.work / "tone.opus"
    file.write_bytes(made["snd/tone.opus"])
    said = tool("opusinfo", file)
    check("WARNING" not in said and "Channels: 2" in said and "Playback length: 0m:00.500s" in said, said)


def every_transform_makes_what_others_can_read():
    with Project() as world:
        event = world.build()
        equal((event["failed"], event["ran"]), (0, 9), "failures and runs")
        verify(world)
        made = world.made()
        equal(sorted(made), sorted(
            ["sh/fog.glsl", "tex/plain.ktx2", "tex/fading.ktx2", "tex/stone_n.ktx2", "scenes/hills.gmesh", "snd/tone.opus", "data/a.min.toml",
             "data/b.min.xml", "packs/p/x/one.txt", "packs/p/two.bin"]
            + [f"sh/a.frag{variant}.{kind}" for variant in ("", ".fog", ".deep") for kind in ("spv", "json")]), "assets")
        textures_are_near_their_sources(world, made)
        the_mesh_has_the_source_s_triangles_and_material(world, made)
        shaders_are_valid_and_described(world, made)
        the_sound_is_opus(world, made)
        equal({name: made[f"packs/p/{name}"] for name in world.packed}, world.packed, "what the archive had")
        equal((made["data/a.min.toml"], made["data/b.min.xml"].strip()), (b"a = 1\n", b"<a><b/></a>"), "texts")


def what_no_output_declares_is_refused():
    with Project() as world:
        config = PROJECT.replace(', "{dir}/{name}.*.spv", "{dir}/{name}.*.json"', "").replace(
            'transform = "archive"', 'transform = "archive"\noutputs = ["{dir}/{stem}/*.txt"]')
        world.write("graphite.toml", config)
        done = subprocess.run([PROGRAM, "build", "-C", world.root, "--json", "-k"], capture_output=True, text=True, timeout=60,
                              check=False)
        equal(done.returncode, 1, f"exit code: {done.stderr}")
        check("a.frag" in done.stderr and "p.zip" in done.stderr and "outputs" in done.stderr, done.stderr)
        shown = [name for name in world.made() if pathlib.Path(name).parts[0] in ("sh", "packs")]
        equal(shown, ["sh/fog.glsl"], "what is shown: a source that no rule matches")


def a_second_build_takes_all_from_the_cache():
    with Project() as world:
        world.build()
        first = world.made()
        for name in ["snd/tone.wav", "scenes/hills.glb"]:
            (world.root / name).rename(world.root / "kept")
            world.build()
            (world.root / "kept").rename(world.root / name)
            event = world.build()
            equal(event["ran"], 0, f"runs after {name} came back")
        run("bundle", "verify", world.bundle)
        (world.work / "out").rename(world.work / "before")
        equal(world.made(), first, "assets")


if __name__ == "__main__":
    main([every_transform_makes_what_others_can_read, what_no_output_declares_is_refused,
          a_second_build_takes_all_from_the_cache])
