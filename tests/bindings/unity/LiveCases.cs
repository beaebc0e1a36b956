using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;

namespace Graphite.Test {
  /// <summary>What one HotReload has told, in order.</summary>
  public sealed class Told {
    static readonly TimeSpan budget = TimeSpan.FromMilliseconds(2);
    static readonly TimeSpan slice = TimeSpan.FromMilliseconds(50);
    readonly HotReload live;
    public readonly List<string> All = new List<string>();
    public int Thread;
    ulong version;

    public Told(HotReload live) {
      this.live = live;
      live.Changed += told => version = told.NewVersion;
      live.Reloaded += told => Add("reload " + (told.Old == null ? "first" : "next"));
      live.Changed += told => Add(string.Format("changes +{0} ~{1} -{2}", told.Added.Length, told.Changed.Length,
                                                told.Removed.Length));
      live.AssetChanged += told => Add(told.Type + " " + told.Path);
    }
    void Add(string what) {
      All.Add(what);
      Thread = System.Threading.Thread.CurrentThread.ManagedThreadId;
    }

    /// <summary>Polls until this was told.</summary>
    public void Until(string what) => Until(() => All.Contains(what), what);
    public void Until(Func<bool> condition, string what) =>
      Claim.Soon(condition, () => what + " after " + string.Join(", ", All), () => Step(live));
    /// <summary>Until the asset's bytes are these in what is current and was told.</summary>
    public void Shown(string path, string text) =>
      Until(() => {
        ulong current;
        using (var now = live.Current(out current))
          return Program.TextOf(now, path) == text && live.Poll(budget) == 0 && version == current;
      }, path + " = " + text);

    /// <summary>One poll, then a wait for the next version.</summary>
    public static void Step(HotReload live) {
      if (live.Poll(budget) == 0 && !live.IsDisposed) Next(live);
    }
    /// <summary>Waits a while for the next version; nothing is told.</summary>
    public static void Next(HotReload live) {
      ulong version;
      using (live.Current(out version)) {}
      live.Wait(version, slice);
    }
  }

  public static class LiveCases {
    public static Project ProjectOf(string[] arguments) => new Project(arguments[0], arguments[1], arguments[2]);

    public static void FollowsAFolder(string[] arguments) => Follows(ProjectOf(arguments), project =>
      HotReload.Open(project.Bundle));

    public static void FollowsAChannel(string[] arguments) => Follows(ProjectOf(arguments), Subscribed);

    public static void ReloadsByHand(string[] files) {
      using (var live = HotReload.Open(files[0])) {
        var told = new Told(live);
        told.Shown("set/0.txt", "generation 0");
        live.Reload(files[3]);
        told.Shown("set/0.txt", "generation 3");
        Claim.Code(Result.StaleEpoch, () => live.Reload(files[1]));
        Claim.Code(Result.NotFound, () => live.Reload("/no/such/bundle"));
        told.Shown("set/0.txt", "generation 3");
      }
    }

    public static void FetchesOnDemand(string[] arguments) {
      var project = ProjectOf(arguments);
      var options = new HotReloadOptions { WatchDirectory = Path.Combine(project.Work, "kept"), OnDemand = true };
      using (var live = HotReload.Subscribe(project.Address, null, options)) {
        var told = new Told(live);
        told.Until("reload first");
        var handle = live.OpenHandle("b.txt");
        Claim.Code(Result.NotReady, () => handle.Read());
        told.Until("Arrived b.txt");
        Claim.Equal(handle.Read().Read(Program.TextOf), "b", "what was fetched");
        var id = Library.AssetId("a.txt");
        live.Fetch(id);
        Claim.True(live.FetchWait(id, TimeSpan.FromSeconds(60)), "it does not come");
        Claim.Equal(live.OpenHandle(id).Read().Read(Program.TextOf), "0", "what was waited for");
        Claim.Code(Result.NotFound, () => live.FetchWait(1, TimeSpan.FromSeconds(1)));
      }
    }

    static HotReload Subscribed(Project project) => HotReload.Subscribe(project.Address, "main", new HotReloadOptions {
      WatchDirectory = Path.Combine(project.Work, "kept"), KeptGenerations = 3
    });

    /// <summary>A file that is not there yet, and is replaced by renames. Arguments: as for BundleCases.</summary>
    public static void FollowsAFileThatIsReplaced(string[] files) {
      var folder = Path.GetDirectoryName(files[0]);
      var options = new HotReloadOptions { WatchDirectory = folder, BundlePath = "now.grph" };
      using (var live = HotReload.Open(options)) {
        var told = new Told(live);
        Claim.True(live.Current() == null && live.Poll(TimeSpan.Zero) == 0, "nothing is there yet");
        for (var i = 0; i < files.Length; ++i) {
          var now = Path.Combine(folder, "now.grph");
          File.Copy(files[i], now + ".next");
          if (i == 0) File.Move(now + ".next", now);
          else File.Replace(now + ".next", now, null);
          told.Shown("set/0.txt", "generation " + i);
        }
        Claim.Equal(told.All.FindAll(one => one == "Changed set/0.txt").Count, files.Length - 1, "changes of it");
      }
    }

    static void Follows(Project project, Func<Project, HotReload> open) {
      using (var live = open(project)) {
        var told = new Told(live);
        told.Shown("a.txt", "0");
        Claim.Equal(string.Join(", ", told.All), "reload first, changes +0 ~0 -0", "first events");
        Claim.Equal(told.Thread, Thread.CurrentThread.ManagedThreadId, "thread of events");
        project.Write("a.txt", "1");
        told.Until("Changed a.txt");
        told.Shown("a.txt", "1");
        project.Write("deep/b.txt", "new");
        told.Until("Added deep/b.txt");
        project.Remove("deep/b.txt");
        told.Until("Removed deep/b.txt");
        Claim.True(told.All.Contains("reload next"), "reloads");
        Claim.True(live.Statistics().Swaps >= 3 && live.Statistics().Connected, "statistics");
        Claim.Equal(live.Ended, Result.Success, "state of following");
        Claim.True(!live.Wait(ulong.MaxValue - 1, TimeSpan.FromMilliseconds(30)), "a version that never comes");
      }
    }

    public static void GoesBackAndOn(string[] arguments) {
      var project = ProjectOf(arguments);
      var options = new HotReloadOptions { WatchDirectory = project.Bundle, KeptGenerations = 4 };
      using (var live = HotReload.Open(options)) {
        var told = new Told(live);
        told.Shown("a.txt", "0");
        project.Write("a.txt", "1");
        told.Shown("a.txt", "1");
        live.Rollback(1);
        told.Shown("a.txt", "0");
        Claim.Equal(Array.FindAll(live.Generations(), one => one.IsCurrent).Length, 1, "current generations");
        Claim.Code(Result.NotFound, () => live.Rollback(50));
        live.Resume();
        told.Shown("a.txt", "1");
      }
    }

    public static void HandlesFollowTheirAssets(string[] arguments) {
      var project = ProjectOf(arguments);
      using (var live = HotReload.Open(project.Bundle)) {
        var told = new Told(live);
        told.Shown("a.txt", "0");
        var handle = live.OpenHandle("a.txt");
        var decoded = 0;
        var value = live.OpenHandle("a.txt", bytes => {
          ++decoded;
          return Program.TextOf(bytes);
        });
        Claim.Equal(value.Value + value.Value, "00", "value");
        Claim.Equal(decoded, 1, "decoded");
        Claim.Equal(handle.Id, Library.AssetId("a.txt"), "id");
        var old = handle.Read();
        project.Write("a.txt", "1");
        told.Shown("a.txt", "1");
        Claim.Equal(value.Value + value.Value, "11", "changed value");
        Claim.Equal(decoded, 2, "decoded");
        Claim.True(handle.ChangedVersion > 0 && handle.ChangedVersion == value.Handle.ChangedVersion, "changed");
        project.Remove("a.txt");
        told.Until("Removed a.txt");
        Claim.Code(Result.Removed, () => handle.Read());
        Claim.Equal(old.Read(Program.TextOf), "0", "an old view");
        project.Write("a.txt", "2");
        told.Shown("a.txt", "2");
        Claim.Equal(value.Value, "2", "the asset came back");
        Claim.Code(Result.NotFound, () => live.OpenHandle("no/such"));
        value.Dispose();
        handle.Dispose();
        Claim.Throws<ObjectDisposedException>(() => handle.Read());
        old.Dispose();
      }
    }

    public static void WhatHandlersThrowComesOutOfPoll(string[] arguments) {
      var project = ProjectOf(arguments);
      using (var live = HotReload.Open(project.Bundle)) {
        var told = new Told(live);
        told.Shown("a.txt", "0");
        Action<Changes> one = _ => throw new InvalidOperationException("one");
        Action<AssetEvent> two = _ => throw new FormatException("two");
        live.Changed += one;
        live.AssetChanged += two;
        var later = 0;
        live.AssetChanged += _ => ++later;
        project.Write("a.txt", "1");
        AggregateException both = null;
        Claim.Soon(() => {
          try {
            return live.Poll(TimeSpan.FromSeconds(1)) < 0;
          } catch (AggregateException e) {
            both = e;
            return true;
          }
        }, "two exceptions", () => Told.Next(live));
        Claim.Equal(both.InnerExceptions.Count, 2, "exceptions");
        Claim.True(both.InnerExceptions[0] is InvalidOperationException && both.InnerExceptions[1] is FormatException,
                   "they are not these: " + both);
        Claim.Equal(later, 1, "handlers after the one that threw");
        live.Changed -= one;
        project.Write("a.txt", "2");
        Claim.Equal(Claim.Throws<FormatException>(() => told.Shown("a.txt", "2")).Message, "two", "a single one");
        live.AssetChanged -= two;
        project.Write("a.txt", "3");
        told.Shown("a.txt", "3");
      }
    }

    public static void PollInAHandlerIsBusyAndOfAnotherIsNot(string[] arguments) {
      var project = ProjectOf(arguments);
      using (HotReload left = HotReload.Open(project.Bundle), right = HotReload.Open(project.Bundle)) {
        var rightTold = new Told(right);
        var busy = 0;
        left.Reloaded += _ => {
          Claim.Code(Result.Busy, () => left.Poll(TimeSpan.Zero));
          Exception elsewhere = null;
          var thread = new Thread(() => {
            try {
              left.Poll(TimeSpan.Zero);
            } catch (Exception e) {
              elsewhere = e;
            }
          });
          thread.Start();
          thread.Join();
          Claim.True(elsewhere is GraphiteException, "another thread's Poll");
          right.Poll(TimeSpan.FromSeconds(1));
          ++busy;
        };
        new Told(left).Until(() => busy > 0, "an event");
        Claim.True(rightTold.All.Count > 0, "the other one told nothing");
      }
    }

    public static void AThousandSwapsUnderCollections(string[] arguments) {
      var project = ProjectOf(arguments);
      // A publisher tells subscribers at once, and its folder at most four times a second.
      using (var live = Subscribed(project)) {
        var told = new Told(live);
        told.Shown("a.txt", "0");
        live.Reloaded += _ => GC.Collect();
        live.AssetChanged += one => {
          GC.Collect();
          if (one.Type != AssetEventType.Removed) one.New.Find(one.Id).Open();  // left to the finaliser
        };
        var value = live.OpenHandle("a.txt", bytes => Program.TextOf(bytes));
        for (var i = 1; i <= 1000; ++i) {
          project.Write("a.txt", i.ToString());
          told.Shown("a.txt", i.ToString());
          Claim.Equal(value.Value, i.ToString(), "value");
          if (i % 2 == 0) GC.Collect();
          if (i % 100 == 0) Program.CollectAll();
        }
        Claim.True(told.All.FindAll(one => one == "Changed a.txt").Count >= 1000, "changes that were told");
        Program.CollectAll();
        var alive = live.Statistics().ReplacedAlive;
        Claim.True(alive < 10, "replaced generations that are kept: " + alive);
      }
    }
  }
}
