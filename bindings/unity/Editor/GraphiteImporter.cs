using System;
using System.Collections.Generic;
using System.IO;
using UnityEditor;

namespace Graphite.Editor {
  /// <summary>Keeps a folder of the project's assets equal to a bundle: what changed is written there and imported.
  /// The folder is generated: whatever else is in it may be overwritten. Main thread.</summary>
  public sealed class GraphiteImporter : IAssetDatabase {
    readonly string root;
    readonly List<string> written = new List<string>();
    readonly List<string> removed = new List<string>();
    bool refresh;

    /// <summary>`folder` as the asset database has it, such as "Assets/Graphite".</summary>
    public GraphiteImporter(string folder) { root = folder.TrimEnd('/'); }

    public void Refresh(Changes changes) {
      // Files that are new or gone concern the database; one that changed is imported by itself.
      refresh |= changes.Added.Length > 0 || changes.Removed.Length > 0;
      if (changes.Old == null) CatchUp(changes.New);
    }

    // Whatever differs. What the folder has beside that stays: it may be somebody's own.
    void CatchUp(Bundle bundle) {
      foreach (var id in bundle.AssetIds()) {
        var asset = bundle.Find(id);
        var target = Target(asset.Path);
        using (var view = asset.Open()) {
          refresh |= !File.Exists(target);
          if (!File.Exists(target) || !view.Read(bytes => bytes.SequenceEqual(File.ReadAllBytes(target))))
            Put(target, view);
        }
      }
    }

    public void Reimport(AssetEvent asset) {
      var path = asset.Path;
      if (path == null) return;
      var target = Target(path);
      if (asset.Type == AssetEventType.Removed) {
        written.Remove(target);
        removed.Add(target);
        return;
      }
      using (var view = asset.New.Find(asset.Id).Open()) Put(target, view);
    }

    void Put(string target, View bytes) {
      Write(target, bytes);
      removed.Remove(target);
      written.Add(target);
    }

    /// <summary>Does with the asset database what was noted since the last call; to be called after Poll.</summary>
    public void Flush() {
      if (!refresh && written.Count == 0 && removed.Count == 0) return;
      var imported = written.ToArray();
      var deleted = removed.ToArray();
      var again = refresh;
      written.Clear();
      removed.Clear();
      refresh = false;
      AssetDatabase.StartAssetEditing();
      try {
        foreach (var path in deleted) AssetDatabase.DeleteAsset(path);
        foreach (var path in imported) AssetDatabase.ImportAsset(path, ImportAssetOptions.ForceUpdate);
      } finally {
        AssetDatabase.StopAssetEditing();
      }
      if (again) AssetDatabase.Refresh();
    }

    // Other programs may read the file meanwhile: they see the old or the new one.
    static void Write(string path, View bytes) {
      Directory.CreateDirectory(Path.GetDirectoryName(path));
      var next = path + ".graphite~";  // names that end so are not imported
      using (var file = File.Create(next))
        using (var from = bytes.OpenStream()) from.CopyTo(file);
      if (File.Exists(path)) File.Replace(next, path, null);
      else File.Move(next, path);
    }

    // A bundle of somebody else's must not write elsewhere.
    string Target(string path) {
      foreach (var name in path.Split('/'))
        if (name == "" || name == "." || name == ".." || name.IndexOfAny(new[] {'\\', ':'}) >= 0)
          throw new GraphiteException(Result.InvalidArgument, "no path of a project: " + path);
      return root + "/" + path;
    }
  }
}
