using System;
using System.Collections.Generic;

namespace Graphite.Test {
  public static class CacheCases {
    // Notes what it is told, and what the cache has then.
    sealed class Holder : IAssetReferenceHolder {
      public Action<Bundle, Bundle, Changes> Told;
      public void UpdateAssetReferences(Bundle oldBundle, Bundle newBundle, Changes changes) =>
        Told(oldBundle, newBundle, changes);
    }
    sealed class Database : IAssetDatabase {
      public readonly List<string> Steps;
      public Database(List<string> steps) { Steps = steps; }
      public void Refresh(Changes changes) { Steps.Add("refresh"); }
      public void Reimport(AssetEvent asset) { Steps.Add("reimport " + asset.Path); }
    }
    sealed class Value {
      public string Text;
      public bool GivenUp;
    }

    static AssetCache<Value> CacheOf(HotReload live) => new AssetCache<Value>(
      live, asset => new Value { Text = Program.TextOf(asset.Span()) }, value => {
        Claim.True(!value.GivenUp, value.Text + " is given up twice");
        value.GivenUp = true;
      });

    public static void HooksAreCalledInTheirOrder(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      using (var live = HotReload.Open(project.Bundle)) {
        var told = new Told(live);
        told.Shown("a.txt", "0");
        var steps = new List<string>();
        var cache = CacheOf(live);
        var hooks = new ReloadHooks(live, new Database(steps));
        Value held = cache.Get("a.txt");
        Claim.True(ReferenceEquals(held, cache.Get("a.txt")), "it is kept");
        var other = cache.Get("b.txt");
        var holder = new Holder { Told = (oldBundle, newBundle, changes) => {
          steps.Add("update " + Program.TextOf(oldBundle, "a.txt") + " " + Program.TextOf(newBundle, "a.txt"));
          if (!changes.Concerns(Library.AssetId("a.txt"))) return;
          Claim.True(!held.GivenUp, "the old value is gone before its holder knows");
          held = cache.Get("a.txt");
        }};
        hooks.Add(new Holder { Told = (a, b, c) => throw new FormatException("of a holder") });
        hooks.Add(holder);
        var old = held;
        project.Write("a.txt", "1");
        Claim.Throws<FormatException>(() => told.Until("Changed a.txt"));
        told.Until("Changed a.txt");
        Claim.Equal(string.Join(", ", steps), "refresh, update 0 1, reimport a.txt", "steps");
        Claim.Equal(held.Text, "1", "what the holder has");
        Claim.True(old.GivenUp && !held.GivenUp, "the old value is given up, the new one is not");
        Claim.True(ReferenceEquals(other, cache.Get("b.txt")) && !other.GivenUp, "what did not change is kept");
        hooks.Dispose();
        project.Remove("a.txt");
        told.Until("Removed a.txt");
        Claim.True(held.GivenUp && cache.Get("a.txt") == null, "what is removed is given up");
        Claim.Equal(steps.Count, 3, "steps after the hooks are gone");
        cache.Dispose();
        Claim.True(other.GivenUp, "the cache gives up what it has");
        Claim.Throws<ObjectDisposedException>(() => cache.Get("b.txt"));
      }
    }

    /// <summary>What was loaded between two generations that are told as one, and changed back, is not kept.</summary>
    public static void AnAssetThatChangedBackIsLoadedAgain(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      using (var live = HotReload.Open(project.Bundle)) {
        new Told(live).Shown("a.txt", "0");
        var cache = CacheOf(live);
        Action<string> write = text => {
          project.Write("a.txt", text);
          // Nothing is told meanwhile.
          Claim.Soon(() => { using (var now = live.Current()) return Program.TextOf(now, "a.txt") == text; }, text,
                     () => Told.Next(live));
        };
        write("1");
        var between = cache.Get("a.txt");
        Claim.Equal(between.Text, "1", "loaded in between");
        write("0");
        Claim.Soon(() => between.GivenUp, "the one in between to be given up", () => Told.Step(live));
        Claim.Equal(cache.Get("a.txt").Text, "0", "loaded afterwards");
      }
    }

    /// <summary>A value that is being loaded while its asset changes is not kept.</summary>
    public static void ALoadThatIsOvertakenIsNotKept(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      using (var live = HotReload.Open(project.Bundle)) {
        var told = new Told(live);
        told.Shown("a.txt", "0");
        var loads = 0;
        var dropped = new List<string>();
        using (var cache = new AssetCache<string>(live, asset => {
          var text = Program.TextOf(asset.Span());
          if (++loads == 1) {
            project.Write("a.txt", "1");
            told.Shown("a.txt", "1");
          }
          return text;
        }, dropped.Add)) {
          Claim.Equal(cache.Get("a.txt"), "1", "value");
          Claim.Equal(loads, 2, "loads");
          Claim.Equal(string.Join(",", dropped), "0", "dropped");
        }
      }
    }
  }
}
