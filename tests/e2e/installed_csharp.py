#!/usr/bin/env python3
"""What `cmake --install` gives to engines: a separate C# project uses the installed Unity package and the library in it; the
rules of the Unreal plugin name files that are installed."""
import json
import os
import pathlib

from csharp import compile_csharp, need_mono, run_csharp
from installed import MACHINE_USER, must
from support import World, check, equal, main

BUILD = pathlib.Path(os.environ["GRAPHITE_BUILD"])
ROOT = pathlib.Path(__file__).resolve().parents[2]

VIEWER = r'''using System;
using System.Runtime.InteropServices;
using System.Text;
using Graphite;

public static class Viewer {
  [DllImport("graphite")]
  static extern int graphite_detect_numa_topology(uint[] topology);

  public static int Main(string[] arguments) {
    try {
      if (arguments[0] == "subscribe") {
        var options = new HotReloadOptions { WatchDirectory = arguments[2] };
        using (var live = HotReload.Subscribe(arguments[1], "main", options)) {
          for (int i = 0; i < 600; ++i) {
            live.Poll(TimeSpan.FromMilliseconds(1));
            using (var now = live.Current())
              if (now != null) {
                Console.Write(Encoding.UTF8.GetString(now.Find(arguments[3]).Span().ToArray()));
                return 0;
              }
            live.Wait(0, TimeSpan.FromMilliseconds(100));
          }
        }
        return 2;
      }
      if (arguments[0] == "nodes") {
        var topology = new uint[64];  // more than the structure has; its first member is the number of nodes
        Console.Write(graphite_detect_numa_topology(topology) == 0 && topology[0] > 0 ? "found" : "none");
        return 0;
      }
      using (var bundle = Bundle.Open(arguments[0]))
        Console.Write(Encoding.UTF8.GetString(bundle.Find(arguments[1]).Span().ToArray()));
      return 0;
    } catch (GraphiteException e) {
      Console.Write(e.Code);
      return 1;
    }
  }
}
'''


def a_csharp_project_uses_the_installed_package():
    need_mono()
    with World() as world:
        world.write("a/word.txt", "read from C#")
        world.build()
        must("cmake", "--install", BUILD, "--prefix", world.work / "prefix", "--component", "runtime")
        package = world.work / "prefix/share/graphite/unity"
        for name in ("package.json", "README.md", "Runtime", "Editor", "Samples~", "Runtime/Plugins",
                     "Runtime/Plugins/x86_64", "Runtime/Plugins/x86_64/libgraphite.so",
                     "Runtime/Plugins/x86_64/libgraphite-subscribe.so", "Runtime/Plugins/x86_64/libgraphite-machine.so"):
            check((package / name).exists(), f"{name} is not installed")
            check(name == "Samples~" or (package / (name + ".meta")).is_file(), f"{name}.meta is not installed")
        project = world.work / "viewer"
        project.mkdir()
        (project / "Viewer.cs").write_text(VIEWER)
        runtime = compile_csharp(project / "Graphite.Runtime.dll", [package / "Runtime"], unsafe=True)
        viewer = compile_csharp(project / "Viewer.exe", [project / "Viewer.cs"], [runtime])
        plugins = package / "Runtime/Plugins/x86_64"
        equal(run_csharp(viewer, world.bundle, "a/word.txt", libraries=plugins), "read from C#", "what it shows")
        equal(run_csharp(viewer, world.bundle, "no/such", libraries=plugins, code=1), "NotFound", "an absent asset")
        world.dev()
        equal(run_csharp(viewer, "subscribe", world.ready["heads"], world.work / "kept", "a/word.txt", libraries=plugins),
              "read from C#", "what a subscriber shows")
        equal(run_csharp(viewer, "nodes", libraries=plugins), "found", "what the library beside finds")
        equal(run_csharp(viewer, "/nowhere", "x", libraries=plugins, code=1), "NotFound", "an absent bundle")


def the_rules_of_the_unreal_plugin_name_what_is_installed():
    need_mono()
    with World() as world:
        must("cmake", "--install", BUILD, "--prefix", world.work / "prefix", "--component", "runtime")
        plugin = world.work / "prefix/share/graphite/unreal/Graphite"
        described = json.loads((plugin / "Graphite.uplugin").read_text())
        for module in described["Modules"]:
            folder = plugin / "Source" / module["Name"]
            rules = compile_csharp(world.work / "rules.exe", [folder / f"{module['Name']}.Build.cs",
                                                              ROOT / "tests/bindings/unreal/stubs/UnrealBuildTool.cs"])
            named = run_csharp(rules, folder, libraries=BUILD).split()
            check(len(named) >= 6, f"the rules name too little: {named}")
            equal([path for path in named if not pathlib.Path(path).exists()], [], "named, and not installed")
        # As the engine compiles it, with nothing but what is installed.
        core = plugin / "Source/Graphite"
        must("c++", "-std=c++17", "-fno-exceptions", "-fno-rtti", "-DGRAPHITE_API=", "-fsyntax-only",
             f"-I{core / 'Public'}", f"-I{plugin / 'Source/ThirdParty/graphite/include'}",
             core / "Private/GraphiteCore.cpp")
        # As a game would use the rest of it.
        library = plugin / "Source/ThirdParty/graphite"
        (world.work / "uses.cpp").write_text(MACHINE_USER)
        must("c++", "-std=c++17", f"-I{library / 'include'}", world.work / "uses.cpp", "-o", world.work / "uses",
             library / "lib/libgraphite.so.0", f"-Wl,-rpath,{library / 'lib'}")
        equal(must(world.work / "uses", world.work / "uses.cpp"), MACHINE_USER, "what is read asynchronously")


if __name__ == "__main__":
    main([a_csharp_project_uses_the_installed_package, the_rules_of_the_unreal_plugin_name_what_is_installed])
