#!/usr/bin/env python3
"""What `cmake --install` gives: separate projects in C and C++ use nothing else to read a bundle."""
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
add_executable(viewer main.cpp)
target_link_libraries(viewer PRIVATE graphite::runtime)
'''

VIEWER = r'''#include <graphite.hpp>

#include <iostream>

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
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


def must(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    check(done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def install(into):
    must("cmake", "--install", BUILD, "--prefix", into, "--component", "runtime")
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
        (project / "main.cpp").write_text(VIEWER)
        must("cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={world.work / 'prefix'}")
        must("cmake", "--build", project / "build")
        equal(must(project / "build/viewer", world.bundle, "a/word.txt"), "read from C++", "what the program shows")
        absent = subprocess.run([project / "build/viewer", "/nowhere", "x"], capture_output=True, text=True)
        equal(absent.returncode, 1, "exit code without a bundle")
        check("not_found" in absent.stderr and "/nowhere" in absent.stderr, absent.stderr)


if __name__ == "__main__":
    main([a_c_program_finds_the_library_by_pkg_config, a_cpp_project_finds_the_package])
