using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace Graphite {
  /// <summary>Ends every HotReload before its domain goes.
  ///
  /// An editor unloads the domain with all managed code at each script change or play, while the native library stays
  /// loaded: whatever it would call back is gone then. So contexts are shut down when the domain is unloaded or the
  /// process ends; the latter also tells the library that the process did not crash. A call that another thread is in
  /// at that moment is waited for; handlers of Poll are no such call.</summary>
  public static class Lifetime {
    static readonly object gate = new object();
    // Long weak references: also what is not reachable any more but was not finalised yet.
    static readonly List<WeakReference> contexts = new List<WeakReference>();
    static volatile bool ending;

    static Lifetime() {
      AppDomain.CurrentDomain.DomainUnload += End;
      AppDomain.CurrentDomain.ProcessExit += End;
    }

    // Calls take microseconds, but for those that read a disk.
    const int PatienceMs = 10000;

    /// <summary>Contexts of this domain that are not shut down.</summary>
    public static int Open => Alive().Count;

    /// <summary>Disposes of every HotReload of this domain; false where one is kept by a call that another thread is
    /// in, for ten seconds and more.</summary>
    public static bool ShutdownAll() {
      var all = Alive();
      foreach (var context in all) context.Dispose();
      var waited = Stopwatch.StartNew();
      lock (gate) {
        while (all.Exists(context => !context.IsOver)) {
          var left = PatienceMs - waited.ElapsedMilliseconds;
          if (left <= 0) return false;
          Monitor.Wait(gate, (int)left);
        }
      }
      return true;
    }

    static void End(object sender, EventArgs e) {
      ending = true;
      ShutdownAll();
    }

    // Before a context is made and, as the end may have begun meanwhile, with it.
    internal static void Check(ContextHandle made = null) {
      if (!ending) return;
      made?.Dispose();
      throw new InvalidOperationException("the domain is being unloaded");
    }
    internal static void Add(ContextHandle context) {
      lock (gate) {
        contexts.RemoveAll(known => !(known.Target is ContextHandle other) || other.IsOver);
        contexts.Add(new WeakReference(context, true));
      }
    }
    // A context is over.
    internal static void Tell() {
      lock (gate) Monitor.PulseAll(gate);
    }
    static List<ContextHandle> Alive() {
      var found = new List<ContextHandle>();
      lock (gate)
        foreach (var known in contexts)
          if (known.Target is ContextHandle context && !context.IsOver) found.Add(context);
      return found;
    }
  }
}
