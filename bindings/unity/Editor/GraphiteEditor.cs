using System;
using UnityEditor;
using UnityEngine;

namespace Graphite.Editor {
  /// <summary>Follows the bundle folder that the menu chose while the editor runs, and imports what changes below
  /// Assets/Graphite. The folder is remembered for this user and project.</summary>
  [InitializeOnLoad]
  public static class GraphiteEditor {
    const string Setting = "Graphite.BundleFolder";
    const string Target = "Assets/Graphite";
    static readonly TimeSpan budget = TimeSpan.FromMilliseconds(5);

    static HotReload live;
    static ReloadHooks hooks;
    static GraphiteImporter importer;

    static GraphiteEditor() {
      AssemblyReloadEvents.beforeAssemblyReload += Shutdown;
      EditorApplication.quitting += Shutdown;
      EditorApplication.update += Update;
      var folder = EditorUserSettings.GetConfigValue(Setting);
      if (!string.IsNullOrEmpty(folder)) Follow(folder);
    }

    [MenuItem("Graphite/Follow Bundle Folder...")]
    public static void Choose() {
      var folder = EditorUtility.OpenFolderPanel("Bundle folder, such as .graphite/bundles/main", "", "");
      if (string.IsNullOrEmpty(folder)) return;
      EditorUserSettings.SetConfigValue(Setting, folder);
      Follow(folder);
    }

    [MenuItem("Graphite/Stop Following")]
    public static void Stop() {
      EditorUserSettings.SetConfigValue(Setting, "");
      End();
    }

    /// <summary>Ends what was followed before, and follows this.</summary>
    public static void Follow(string folder) {
      End();
      try {
        live = HotReload.Open(folder);
      } catch (Exception e) {
        Debug.LogException(e);
        return;
      }
      importer = new GraphiteImporter(Target);
      hooks = new ReloadHooks(live, importer);
    }

    static void Update() {
      if (live == null) return;
      try {
        live.Poll(budget);
      } catch (Exception e) {
        Debug.LogException(e);
      }
      importer.Flush();
      if (live.Ended != Result.Success) End();
    }

    static void End() {
      hooks?.Dispose();
      live?.Dispose();
      hooks = null;
      live = null;
    }

    // The domain goes: also what the game's own scripts follow must not outlive it.
    static void Shutdown() {
      End();
      Library.ShutdownAll();
    }
  }
}
