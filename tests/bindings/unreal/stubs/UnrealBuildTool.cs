// The part of Unreal's build tool that Graphite.Build.cs uses, and a program that says what the rules come to.
using System;
using System.Collections.Generic;
using System.IO;

namespace UnrealBuildTool {
  public class ReadOnlyTargetRules {}
  public class ModuleRules {
    public enum PCHUsageMode { UseExplicitOrSharedPCHs }
    public class Dependencies {
      public readonly List<string> All = new List<string>();
      public void Add(string path) { All.Add(path); }
    }
    public static string Folder = "";  // of the stub

    public ModuleRules(ReadOnlyTargetRules target) {}
    public string ModuleDirectory => Folder;
    public PCHUsageMode PCHUsage;
    public readonly List<string> PublicDependencyModuleNames = new List<string>();
    public readonly List<string> PrivateDependencyModuleNames = new List<string>();
    public readonly List<string> PrivateIncludePaths = new List<string>();
    public readonly List<string> PublicAdditionalLibraries = new List<string>();
    public readonly List<string> PublicRuntimeLibraryPaths = new List<string>();
    public readonly Dependencies RuntimeDependencies = new Dependencies();
  }

  public static class Program {
    public static void Main(string[] arguments) {
      ModuleRules.Folder = arguments[0];
      var rules = new global::Graphite(new ReadOnlyTargetRules());
      foreach (var path in rules.PrivateIncludePaths) Console.WriteLine(Path.Combine(path, "graphite.h"));
      foreach (var path in rules.PublicAdditionalLibraries) Console.WriteLine(path);
      foreach (var path in rules.PublicRuntimeLibraryPaths) Console.WriteLine(path);
      foreach (var path in rules.RuntimeDependencies.All) Console.WriteLine(path);
    }
  }
}
