using System;
using System.IO;
using System.Reflection;
using System.Runtime.CompilerServices;
using Graphite.Editor;
using Graphite.Samples;
using UnityEditor;
using UnityEngine;

namespace Graphite.Test {
  // The engine-facing part, with stubs for the engine.
  public static class EngineCases {
    const BindingFlags Own = BindingFlags.Instance | BindingFlags.NonPublic;

    static void Send(object to, string message) => to.GetType().GetMethod(message, Own).Invoke(to, null);
    static void Set(object of, string field, object value) => of.GetType().GetField(field, Own).SetValue(of, value);
    static string Shown(Renderer renderer) =>
      renderer.material.mainTexture is Texture2D texture ? Program.TextOf(texture.Loaded) : null;

    public static void AComponentShowsWhatIsCurrent(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      Application.dataPath = Path.Combine(project.Work, "project/Assets");
      var renderer = new Renderer();
      var follower = new GraphiteBehaviour();
      var shows = new GraphiteTexture();
      Set(follower, "bundleFolder", "../.graphite/bundles/main");
      Set(shows, "source", follower);
      Set(shows, "target", renderer);
      Set(shows, "path", "a.txt");
      for (var round = 0; round < 2; ++round) {
        Send(follower, "OnEnable");
        Send(shows, "OnEnable");
        Claim.Equal(Shown(renderer), round.ToString(), "shown at once");
        var old = renderer.material.mainTexture;
        project.Write("a.txt", (round + 1).ToString());
        Claim.Soon(() => Shown(renderer) == (round + 1).ToString(), "the new one", () => {
          Send(follower, "Update");
          Told.Next(follower.Live);
        });
        Claim.True(UnityEngine.Object.Destroyed.Contains(old), "the old texture is not destroyed");
        Send(shows, "OnDisable");
        Send(follower, "OnDisable");
        Claim.Equal(Lifetime.Open, 0, "open contexts");
      }
      Claim.Equal(string.Join("\n", Debug.Said), "", "complaints");
      Set(follower, "bundleFolder", "a\0b");
      Send(follower, "OnEnable");
      Claim.True(!follower.enabled && Debug.Said.Count == 1, "a failure is said, and ends it");
    }

    public static void TheEditorImportsWhatChanges(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      Directory.SetCurrentDirectory(project.Work);
      RuntimeHelpers.RunClassConstructor(typeof(GraphiteEditor).TypeHandle);
      EditorApplication.update();
      Claim.Equal(AssetDatabase.Asked.Count, 0, "nothing is chosen yet");
      // What is there from before.
      Directory.CreateDirectory("Assets/Graphite");
      File.WriteAllText("Assets/Graphite/a.txt", "old");
      File.WriteAllText("Assets/Graphite/b.txt", "b");
      File.WriteAllText("Assets/Graphite/my own.txt", "mine");
      EditorUtility.Chosen = project.Bundle;
      GraphiteEditor.Choose();
      Until(() => IsImported("a.txt", "0"));
      const string one = "start, import Assets/Graphite/a.txt, stop";
      Claim.Equal(string.Join(", ", AssetDatabase.Asked), one, "asked at first");
      GraphiteEditor.Stop();
      File.Delete("Assets/Graphite/b.txt");
      GraphiteEditor.Choose();
      Until(() => IsImported("b.txt", "b"));
      Claim.True(AssetDatabase.Asked.Contains("refresh") && File.Exists("Assets/Graphite/my own.txt"), "what is not there");
      AssetDatabase.Asked.Clear();
      project.Write("deep/new.txt", "new");
      Until(() => IsImported("deep/new.txt", "new"));
      Claim.True(AssetDatabase.Asked.Contains("refresh"), "files that are new");
      AssetDatabase.Asked.Clear();
      project.Write("a.txt", "1");
      Until(() => IsImported("a.txt", "1"));
      Claim.Equal(string.Join(", ", AssetDatabase.Asked), one, "asked");
      project.Remove("b.txt");
      Until(() => AssetDatabase.Asked.Contains("delete Assets/Graphite/b.txt"));
      AssemblyReloadEvents.Reload();
      Claim.Equal(Lifetime.Open, 0, "open contexts after a reload of scripts");
      EditorApplication.update();
      Claim.Equal(string.Join("\n", Debug.Said), "", "complaints");
      Claim.Equal(EditorUserSettings.GetConfigValue("Graphite.BundleFolder"), project.Bundle, "remembered");
      GraphiteEditor.Stop();
      Claim.Equal(EditorUserSettings.GetConfigValue("Graphite.BundleFolder"), "", "forgotten");
    }

    static void Until(Func<bool> condition) => Claim.Soon(condition, "an import", () => EditorApplication.update());
    static bool IsImported(string name, string text) {
      var path = "Assets/Graphite/" + name;
      return AssetDatabase.Asked.Contains("import " + path) && File.ReadAllText(path) == text;
    }
  }
}
