using System.IO;
using UnrealBuildTool;

public class Graphite : ModuleRules {
  public Graphite(ReadOnlyTargetRules Target) : base(Target) {
    PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
    PublicDependencyModuleNames.AddRange(new string[] {"Core", "CoreUObject", "Engine"});
    PrivateDependencyModuleNames.Add("AssetRegistry");

    // Where `cmake --install --component runtime` puts headers and library of this plugin.
    string installed = Path.Combine(ModuleDirectory, "..", "ThirdParty", "graphite");
    string library = Path.Combine(installed, "lib", "libgraphite.so.0");
    PrivateIncludePaths.Add(Path.Combine(installed, "include"));
    PublicAdditionalLibraries.Add(library);
    PublicRuntimeLibraryPaths.Add(Path.Combine(installed, "lib"));
    RuntimeDependencies.Add(library);
    // Beside it: what it loads for subscribing, and for asynchronous I/O and NUMA nodes.
    RuntimeDependencies.Add(Path.Combine(installed, "lib", "libgraphite-subscribe.so.0"));
    RuntimeDependencies.Add(Path.Combine(installed, "lib", "libgraphite-machine.so.0"));
  }
}
