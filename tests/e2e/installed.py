#!/usr/bin/env python3
"""What `cmake --install` gives: separate projects in C and C++ use nothing else to read a bundle, or to build one."""
import os
import pathlib
import shutil
import subprocess

from support import World, check, equal, main, skip

BUILD = pathlib.Path(os.environ["GRAPHITE_BUILD"])
HERE = pathlib.Path(__file__).resolve().parent

CMAKE_PROJECT = '''cmake_minimum_required(VERSION 3.20)
project(viewer CXX)
find_package(graphite 0.1 REQUIRED)
foreach(program viewer machine)
  add_executable(${program} ${program}.cpp)
  target_link_libraries(${program} PRIVATE graphite::runtime)
endforeach()
'''

VIEWER = r'''#include <graphite.hpp>

#include <iostream>

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  static_assert(GRAPHITE_LITTLE_ENDIAN + GRAPHITE_BIG_ENDIAN == 1);
  const auto staging = graphite::make_aligned(1 << 16, graphite_cache_line_size());
  const graphite::mapped_pages cache(1 << 16);
  graphite::file(argv[0]).read(staging.get(), 1 << 10, 0);
  graphite::atomic_bundle assets{graphite::bundle(argv[1])};
  const graphite::pinned now(assets);
  const auto asset = graphite::find(now.get(), argv[2]);
  if (!asset) return 1;
  std::cout << graphite::part(now.get(), *asset);
} catch (const graphite::failure& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
'''


# Finds NUMA nodes and shows a file that it reads asynchronously: what libgraphite loads another library for.
MACHINE_USER = r'''#include <graphite.h>

#include <cstdio>

static void loaded(const graphite_io_completion* end, void* bytes) {
  *static_cast<size_t*>(bytes) = end->result == GRAPHITE_SUCCESS ? end->bytes : 0;
}

int main(int argc, char** argv) {
  graphite_numa_topology machine;
  graphite_async_io_context io;
  graphite_file file;
  static char text[1 << 16];
  size_t bytes = 0;
  if (argc != 2 || graphite_detect_numa_topology(&machine) != GRAPHITE_SUCCESS || machine.node_count == 0 ||
      graphite_file_open(&file, argv[1], GRAPHITE_FILE_READ) != GRAPHITE_SUCCESS ||
      graphite_async_io_init(&io, nullptr) != GRAPHITE_SUCCESS ||
      graphite_async_io_read(&io, &file, text, sizeof text, 0, loaded, &bytes, nullptr) != GRAPHITE_SUCCESS) {
    std::fprintf(stderr, "%s\n", graphite_last_error());
    return 1;
  }
  graphite_async_io_drain(&io);
  graphite_async_io_destroy(&io);
  graphite_file_close(&file);
  graphite_free_numa_topology(&machine);
  std::fwrite(text, 1, bytes, stdout);
}
'''


def must(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    check(done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def install(into, *more):
    for component in ("runtime", *more):
        must("cmake", "--install", BUILD, "--prefix", into, "--component", component)
    return next(path.parent.parent for path in into.rglob("graphite.pc"))


def a_c_program_finds_the_library_by_pkg_config():
    if shutil.which("pkg-config") is None:
        skip("pkg-config is not installed")
    with World() as world:
        world.write("a/word.txt", "read from C")
        world.build()
        libraries = install(world.work / "prefix")
        environment = dict(os.environ, PKG_CONFIG_PATH=str(libraries / "pkgconfig"))
        flags = must("pkg-config", "--cflags", "--libs", "graphite", env=environment).split()
        program = world.work / "reader"
        must("cc", "-std=c11", "-pedantic", "-Wall", "-Werror", HERE.parent / "bindings/c11_program.c", "-o", program,
             *flags)
        shown = must(program, world.bundle, "a/word.txt", env=dict(os.environ, LD_LIBRARY_PATH=str(libraries)))
        equal(shown, "read from C", "what the program shows")


def a_cpp_project_finds_the_package():
    with World() as world:
        world.write("a/word.txt", "read from C++")
        world.build()
        install(world.work / "prefix")
        project = world.work / "viewer"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(CMAKE_PROJECT)
        (project / "viewer.cpp").write_text(VIEWER)
        (project / "machine.cpp").write_text(MACHINE_USER)
        must("cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={world.work / 'prefix'}")
        must("cmake", "--build", project / "build")
        equal(must(project / "build/viewer", world.bundle, "a/word.txt"), "read from C++", "what the program shows")
        shown = must(project / "build/machine", project / "viewer.cpp")
        equal(shown, VIEWER, "what is read asynchronously")
        absent = subprocess.run([project / "build/viewer", "/nowhere", "x"], capture_output=True, text=True)
        equal(absent.returncode, 1, "exit code without a bundle")
        check("not_found" in absent.stderr and "/nowhere" in absent.stderr, absent.stderr)


PROJECT = '''[[rule]]
name = "upper"
match = ["*.low"]
outputs = ["{stem}.up"]
[rule.command]
argv = ["tr a-z A-Z < \\"$1\\" > \\"$2\\"", "{in}", "{out}"]
shell = true
'''

EDITOR = '''cmake_minimum_required(VERSION 3.20)
project(editor C CXX)
find_package(graphite 0.1 REQUIRED COMPONENTS build)
add_executable(editor editor.c)
target_link_libraries(editor PRIVATE graphite::build)
add_executable(asker asker.cpp)
set_target_properties(asker PROPERTIES CXX_STANDARD 11 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
target_link_libraries(asker PRIVATE graphite::build)
'''

ASKER = r'''#include <graphite_build.h>

#include <cstdio>

int main(int argc, char** argv) {
  graphite_rebuild_context* project = nullptr;
  if (argc != 3 || graphite_rebuild_open(argv[1], nullptr, &project) != GRAPHITE_SUCCESS) {
    std::fprintf(stderr, "%s\n", graphite_last_error());
    return 1;
  }
  bool stale = false;
  graphite_asset_needs_rebuild(project, argv[2], &stale);
  std::printf("%s\n", stale ? "stale" : "up to date");
  graphite_rebuild_close(project);
}
'''


SERVER = r'''#include <graphite_build.h>
#include <stdio.h>

/* Watches and serves until its input ends. */
int main(int argc, char** argv) {
  graphite_rebuild_context* project = NULL;
  graphite_rebuild_watch_config how;
  graphite_build_statistics now = {sizeof now};
  graphite_rebuild_watch_config_init(&how);
  how.serve = true;
  if (argc != 2 || graphite_rebuild_open(argv[1], NULL, &project) != GRAPHITE_SUCCESS ||
      graphite_rebuild_watch(project, &how) != GRAPHITE_SUCCESS ||
      graphite_rebuild_statistics(project, &now) != GRAPHITE_SUCCESS) {
    fprintf(stderr, "%s\n", graphite_last_error());
    return 1;
  }
  puts(now.heads_address);
  fflush(stdout);
  while (getchar() != EOF) {
  }
  return graphite_rebuild_close(project) == GRAPHITE_SUCCESS ? 0 : 1;
}
'''


def a_separate_c_project_builds_assets():
    with World(PROJECT) as world:
        world.write("a.low", "built in process")
        libraries = install(world.work / "prefix", "build")
        project = world.work / "editor"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(EDITOR)
        (project / "asker.cpp").write_text(ASKER)
        shutil.copy(HERE.parent / "bindings/c11_build_program.c", project / "editor.c")
        must("cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={world.work / 'prefix'}")
        must("cmake", "--build", project / "build")
        editor, asker = project / "build/editor", project / "build/asker"
        equal(must(asker, world.root, "a.up"), "stale\n", "before the build")
        shown = must(editor, world.root, "a.up")
        equal(shown.splitlines()[-2:], ["1 ran, 0 cached", "a.up: BUILT IN PROCESS"], "what the program says")
        equal(must(asker, world.root, "a.up"), "up to date\n", "after the build")
        equal(world.build()["ran"], 0, "what is left to do for `graphite build`")
        world.write("a.low", "by the command line")
        equal(world.build()["ran"], 1, "what `graphite build` did")
        equal(must(editor, world.root, "a.up"), "0 ran, 0 cached\na.up: BY THE COMMAND LINE\n", "what is left then")
        world.dev()
        refused = subprocess.run([asker, world.root, "a.up"], capture_output=True, text=True)
        check("graphite-engine" in refused.stderr and refused.returncode == 1, f"beside `dev`: {refused.stderr}")
        if shutil.which("pkg-config") is None:
            return
        environment = dict(os.environ, PKG_CONFIG_PATH=str(libraries / "pkgconfig"))
        flags = must("pkg-config", "--cflags", "--libs", "graphite-build", env=environment).split()
        must("cc", "-std=c11", "-pedantic", "-Wall", "-Werror", project / "editor.c", "-o", project / "by-hand", *flags)


def a_subscriber_follows_a_program_that_watches():
    with World(PROJECT) as world:
        world.write("a.low", "first")
        libraries = install(world.work / "prefix", "build")
        source = world.work / "server.c"
        source.write_text(SERVER)
        must("cc", "-std=c11", source, "-o", world.work / "server", f"-I{next(world.work.rglob('graphite_build.h')).parent}",
             f"-L{libraries}", "-lgraphite-build", "-lgraphite", f"-Wl,-rpath,{libraries}")
        server = subprocess.Popen([world.work / "server", world.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)
        try:
            world.ready = {"heads": server.stdout.readline().strip()}
            world.subscribe("seen")
            world.wait_shown("seen", {"a.up": b"FIRST"}, "the first generation")
            world.write("a.low", "second")
            world.wait_shown("seen", {"a.up": b"SECOND"}, "an edit")
            server.stdin.close()
            equal(server.wait(timeout=60), 0, "exit code of the program")
        finally:
            server.kill()
            server.wait()


def without_the_builder_only_the_runtime_is_found():
    with World() as world:
        install(world.work / "prefix")
        project = world.work / "editor"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(EDITOR)
        done = subprocess.run(["cmake", "-S", project, "-B", project / "build",
                               f"-DCMAKE_PREFIX_PATH={world.work / 'prefix'}"], capture_output=True, text=True)
        check(done.returncode != 0 and "--component build" in " ".join(done.stderr.split()), done.stderr)


if __name__ == "__main__":
    main([a_c_program_finds_the_library_by_pkg_config, a_cpp_project_finds_the_package,
          a_separate_c_project_builds_assets, a_subscriber_follows_a_program_that_watches,
          without_the_builder_only_the_runtime_is_found])
