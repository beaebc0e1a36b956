using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;

namespace Graphite.Test {
  // Who goes first, and from where.
  public static class DisposalCases {
    public static void InAHandler(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      var written = 0;
      foreach (var where in new[] {"reload", "changes", "asset"}) {
        var live = HotReload.Open(project.Bundle);
        var handle = live.OpenHandle("a.txt");
        var view = handle.Read();
        var after = 0;
        Action end = () => {
          live.Dispose();
          handle.Dispose();
          live.Dispose();
        };
        if (where == "reload") live.Reloaded += _ => end();
        live.Reloaded += _ => after += live.IsDisposed ? 1 : 0;
        if (where == "changes") live.Changed += _ => end();
        live.Changed += _ => after += live.IsDisposed ? 1 : 0;
        if (where == "asset") live.AssetChanged += _ => end();
        live.AssetChanged += _ => after += live.IsDisposed ? 1 : 0;
        live.Poll(TimeSpan.FromSeconds(1));  // the first generation, without assets
        if (where == "asset") {
          project.Write("c.txt", (++written).ToString());
          Claim.Soon(() => live.IsDisposed, where, () => Told.Step(live));
        }
        Claim.True(live.IsDisposed, where);
        Claim.Equal(after, 0, "events after the disposal in " + where);
        Claim.Equal(Lifetime.Open, 0, "open contexts");
        Claim.Throws<ObjectDisposedException>(() => live.Poll(TimeSpan.Zero));
        Claim.Throws<ObjectDisposedException>(() => live.Current());
        Claim.Throws<ObjectDisposedException>(() => live.Wait(0, TimeSpan.Zero));
        Claim.Throws<ObjectDisposedException>(() => live.Statistics());
        Claim.Equal(view.Read(Program.TextOf), "0", "a view stays");
        view.Dispose();
      }
    }

    /// <summary>Every order of four things, each disposed of twice.</summary>
    public static void InAnyOrder(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      foreach (var order in Orders(new[] {0, 1, 2, 3, 4})) {
        var live = HotReload.Open(project.Bundle);
        var bundle = live.Current();
        var handle = live.OpenHandle("a.txt");
        var cache = new AssetCache<string>(live, asset => asset.Path);
        cache.Get("a.txt");
        var all = new IDisposable[] {live, bundle, handle, handle.Read(), cache};
        foreach (var i in order) {
          all[i].Dispose();
          all[i].Dispose();
        }
      }
      Claim.Equal(Lifetime.Open, 0, "open contexts");
    }

    static IEnumerable<int[]> Orders(int[] all) {
      if (all.Length <= 1) yield return all;
      else
        foreach (var first in all)
          foreach (var rest in Orders(Array.FindAll(all, one => one != first))) {
            var order = new int[all.Length];
            order[0] = first;
            rest.CopyTo(order, 1);
            yield return order;
          }
    }

    public static void ByTheFinaliser(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      for (var round = 0; round < 20; ++round) {
        // A stack of its own, so that nothing of it is seen by the collector.
        var forgetful = new Thread(() => {
          var live = HotReload.Open(project.Bundle);
          live.AssetChanged += one => one.New.Find(one.Id).Open();
          live.Poll(TimeSpan.FromSeconds(1));
          new AssetCache<string>(live, asset => asset.Path).Get("a.txt");
          live.OpenHandle("a.txt").Read();
          live.Current();
        });
        forgetful.Start();
        forgetful.Join();
      }
      Claim.Soon(() => Lifetime.Open == 0, "finalisers", Program.CollectAll);
    }

    /// <summary>Another thread disposes while this one polls, waits and reads.</summary>
    public static void BesideUsers(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      for (var round = 0; round < 50; ++round) {
        var live = HotReload.Open(project.Bundle);
        var handle = live.OpenHandle("a.txt");
        var begun = new CountdownEvent(3);
        var uses = new Action[] {
          () => live.Poll(TimeSpan.FromMilliseconds(1)),
          () => live.Wait(1000000, Timeout.InfiniteTimeSpan),
          () => handle.Read().Dispose()
        };
        var users = Array.ConvertAll(uses, use => new Thread(() => {
          begun.Signal();
          try {
            for (;;) use();
          } catch (ObjectDisposedException) {
          }
        }));
        foreach (var user in users) user.Start();
        begun.Wait();
        live.Dispose();
        foreach (var user in users) Claim.True(user.Join(TimeSpan.FromSeconds(60)), "a user does not end");
        handle.Dispose();
      }
      Claim.Equal(Lifetime.Open, 0, "open contexts");
    }

    /// <summary>The folder can be used by the next one as soon as the first is disposed of.</summary>
    public static void FreesTheFolderOfAChannel(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      var options = new HotReloadOptions { WatchDirectory = Path.Combine(project.Work, "kept") };
      for (var i = 0; i < 3; ++i) {
        using (var live = HotReload.Subscribe(project.Address, null, options)) {
          new Told(live).Shown("a.txt", "0");
          Claim.Code(Result.AlreadyExists, () => HotReload.Subscribe(project.Address, null, options));
        }
      }
    }
  }
}
