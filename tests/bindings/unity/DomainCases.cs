using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;

namespace Graphite.Test {
  /// <summary>Follows in a domain of its own, as a game's scripts do in an editor: polls in a thread, collects
  /// garbage in its handlers, and never disposes of anything.</summary>
  public sealed class Follower : MarshalByRefObject {
    readonly List<object> kept = new List<object>();
    int events;

    public override object InitializeLifetimeService() => null;
    public int Events => Volatile.Read(ref events);

    public void Start(string bundle, bool blocks) {
      var live = HotReload.Open(bundle);
      var cache = new AssetCache<string>(live, asset => Program.TextOf(asset.Span()));
      kept.AddRange(new object[] {
        live, cache, live.OpenHandle("a.txt"), live.OpenHandle("a.txt").Read(), live.Current(),
        new AtomicBundle(live.Current()), live.Current().Find("a.txt").Open().OpenStream()
      });
      live.AssetChanged += _ => {
        cache.Get("a.txt");
        GC.Collect();
        Interlocked.Increment(ref events);
        if (blocks) new ManualResetEvent(false).WaitOne();
      };
      var thread = new Thread(() => {
        try {
          for (;;) Told.Step(live);
        } catch (ObjectDisposedException) {
        }
      });
      thread.IsBackground = true;
      thread.Start();
    }
  }

  public static class DomainCases {
    static AppDomain NewDomain(out Follower follower) {
      var domain = AppDomain.CreateDomain("scripts", null, AppDomain.CurrentDomain.SetupInformation);
      var type = typeof(Follower);
      follower = (Follower)domain.CreateInstanceAndUnwrap(type.Assembly.FullName, type.FullName);
      return domain;
    }

    // Watches that this process has with the system: a context that was left behind keeps its own.
    static int Watches() {
      var found = 0;
      foreach (var entry in Directory.GetFileSystemEntries("/proc/self/fd")) {
        var target = Mono.Posix(entry);
        if (target != null && target.Contains("inotify")) ++found;
      }
      return found;
    }

    static class Mono {
      [System.Runtime.InteropServices.DllImport("libc", SetLastError = true)]
      static extern IntPtr readlink(string path, byte[] into, UIntPtr size);
      public static string Posix(string path) {
        var into = new byte[4096];
        var length = (int)readlink(path, into, (UIntPtr)(ulong)into.Length);
        return length < 0 ? null : System.Text.Encoding.UTF8.GetString(into, 0, length);
      }
    }

    public static void ScriptsAreReloadedWhileBundlesAreSwapped(string[] arguments) =>
      Reload(LiveCases.ProjectOf(arguments), false, 8);

    public static void ScriptsAreReloadedWhileTheirHandlersBlock(string[] arguments) =>
      Reload(LiveCases.ProjectOf(arguments), true, 3);

    static void Reload(Project project, bool blocks, int rounds) {
      using (var live = HotReload.Open(project.Bundle)) {
        var told = new Told(live);
        told.Shown("a.txt", "0");
        var watches = Watches();
        var number = 0;
        Action swap = () => {
          project.Write("a.txt", (++number).ToString());
          told.Shown("a.txt", number.ToString());
        };
        for (var round = 0; round < rounds; ++round) {
          Follower follower;
          var domain = NewDomain(out follower);
          follower.Start(project.Bundle, blocks);
          Claim.Soon(() => follower.Events > (blocks ? 0 : 3), "events in the other domain", swap);
          Exception problem = null;
          var over = false;
          var unloader = new Thread(() => {
            try {
              AppDomain.Unload(domain);
            } catch (Exception e) {
              problem = e;
            }
            Volatile.Write(ref over, true);
          });
          unloader.Start();
          Claim.Soon(() => Volatile.Read(ref over), "the domain to be unloaded", swap);
          unloader.Join();
          if (problem != null) throw problem;
          swap();
          Claim.Soon(() => Watches() <= watches, "watches that were left behind", swap);
        }
        Claim.Equal(Lifetime.Open, 1, "open contexts of this domain");
      }
    }

    static HotReloadOptions Counted(Project project) => new HotReloadOptions {
      WatchDirectory = project.Bundle, StateDirectory = Path.Combine(project.Work, "starts"), CrashesMax = 1,
      CrashWindowSeconds = 3600
    };

    /// <summary>Ends without disposing of anything, at once.</summary>
    public static void Exits(string[] arguments) {
      var project = LiveCases.ProjectOf(arguments);
      Directory.CreateDirectory(Counted(project).StateDirectory);
      new Told(HotReload.Open(Counted(project))).Shown("a.txt", "0");
    }
    public static void ExitsInAHandler(string[] arguments) {
      var live = HotReload.Open(LiveCases.ProjectOf(arguments).Bundle);
      live.Reloaded += _ => Environment.Exit(7);
      new Told(live).Until("never");
    }
    /// <summary>A crash, as the library has it.</summary>
    public static void Dies(string[] arguments) {
      new Told(HotReload.Open(Counted(LiveCases.ProjectOf(arguments)))).Shown("a.txt", "0");
      System.Diagnostics.Process.GetCurrentProcess().Kill();
    }
    public static void SomethingIsHeld(string[] arguments) {
      using (var live = HotReload.Open(Counted(LiveCases.ProjectOf(arguments))))
        Claim.True(Array.Exists(live.Generations(), one => one.IsHeld), "no generation is held");
    }
    /// <summary>After such ends: they were no crashes.</summary>
    public static void NothingIsHeld(string[] arguments) {
      using (var live = HotReload.Open(Counted(LiveCases.ProjectOf(arguments)))) {
        new Told(live).Shown("a.txt", "0");
        Claim.True(!Array.Exists(live.Generations(), one => one.IsHeld), "a generation is held");
      }
    }
  }
}
