using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace Graphite {
  /// <summary>Names a static method that native code calls, for compilers that translate ahead of time: they look for
  /// an attribute of this name.</summary>
  [AttributeUsage(AttributeTargets.Method)]
  internal sealed class MonoPInvokeCallbackAttribute : Attribute {
    public MonoPInvokeCallbackAttribute(Type type) { Type = type; }
    public Type Type { get; }
  }

  public sealed unsafe partial class HotReload {
    // What the library calls back: static methods, by delegates that live as long as the domain, so that no garbage
    // collection takes them away. Which object is meant is the one that polls in this thread; the library has no
    // pointer to a managed object. They only note what is told: handlers run when native code has returned, so that
    // none of them, and no abort of its thread, can leave it half done.
    static readonly Native.ReloadCallback reload = OnReload;
    static readonly Native.ChangesCallback changes = OnChanges;
    static readonly Native.AssetCallback asset = OnAsset;
    static readonly IntPtr reloadPointer = Marshal.GetFunctionPointerForDelegate(reload);
    static readonly IntPtr changesPointer = Marshal.GetFunctionPointerForDelegate(changes);
    static readonly IntPtr assetPointer = Marshal.GetFunctionPointerForDelegate(asset);
    [ThreadStatic] static HotReload polled;

    readonly Handlers<ReloadEvent> reloaded = new Handlers<ReloadEvent>();
    readonly Handlers<Changes> changed = new Handlers<Changes>();
    readonly Handlers<AssetEvent> assetChanged = new Handlers<AssetEvent>();
    // Before and after the handlers of Changed: caches forget, and give up what they forgot.
    internal readonly Handlers<Changes> forgetting = new Handlers<Changes>();
    internal readonly Handlers<Changes> givingUp = new Handlers<Changes>();

    // Of the Poll that runs: what its last step was told, references to bundles, and what went wrong.
    int polling;
    ReloadEvent? toldReload;
    Changes toldChanges;
    AssetEvent? toldAsset;
    readonly List<KeyValuePair<IntPtr, Bundle>> told = new List<KeyValuePair<IntPtr, Bundle>>();
    readonly List<Exception> thrown = new List<Exception>();
    readonly Func<bool> goesOn;
    readonly Func<bool> always;
    readonly Action<Exception> keep;

    /// <summary>A generation became current; once for each that is told.</summary>
    public event Action<ReloadEvent> Reloaded {
      add { reloaded.Add(value); }
      remove { reloaded.Remove(value); }
    }
    /// <summary>Then what differs, as a whole.</summary>
    public event Action<Changes> Changed {
      add { changed.Add(value); }
      remove { changed.Remove(value); }
    }
    /// <summary>Then each asset that differs; a Poll ends between two of these when its time is over. The first
    /// generation has none: everything is new then.</summary>
    public event Action<AssetEvent> AssetChanged {
      add { assetChanged.Add(value); }
      remove { assetChanged.Remove(value); }
    }

    /// <summary>What made following end, as the last Poll had it; Success while it goes on.</summary>
    public Result Ended { get; private set; }

    /// <summary>Raises the events of what changed since the last call, until `budget` is spent (zero: one step; a
    /// handler is not interrupted) or nothing is left; how many AssetChanged are left. One thread at a time. Errors:
    /// Busy (another thread, or a handler, is in it), and what made following end. Throws what handlers threw: one as
    /// it was, several in an AggregateException. Without news it allocates nothing.</summary>
    public long Poll(TimeSpan budget) {
      if (Interlocked.CompareExchange(ref polling, 1, 0) != 0)
        throw new GraphiteException(Result.Busy, "Poll: another thread, or a handler, is in it");
      long left;
      Exception[] all;
      try {
        var end = Stopwatch.GetTimestamp() + budget.Ticks * (Stopwatch.Frequency / (double)TimeSpan.TicksPerSecond);
        do left = Step();
        while (Raise() && !context.IsClosed && Stopwatch.GetTimestamp() < end);
      } finally {
        all = AfterPoll();
      }
      if (all != null && all.Length == 1) ExceptionDispatchInfo.Capture(all[0]).Throw();
      if (all != null) throw new AggregateException(all);
      return left;
    }

    // One step of the library's: at most one generation, or one asset, is told.
    long Step() {
      var outer = polled;
      try {
        polled = this;
        var result = Native.graphite_poll(context.Live, 0, out var left);
        if (result != Result.Busy) Ended = result;
        if (result != Result.Success) thrown.Add(new GraphiteException(result, Text.LastError()));
        return (long)left;
      } finally {
        polled = outer;
      }
    }

    // Whether there was anything to tell.
    bool Raise() {
      var any = toldReload.HasValue || toldChanges != null || toldAsset.HasValue;
      if (toldReload.HasValue) reloaded.Raise(toldReload.Value, goesOn, keep);
      if (toldChanges != null) {
        try {
          forgetting.Raise(toldChanges, always, keep);
          changed.Raise(toldChanges, goesOn, keep);
        } finally {
          givingUp.Raise(toldChanges, always, keep);
        }
      }
      if (toldAsset.HasValue) assetChanged.Raise(toldAsset.Value, goesOn, keep);
      Forget();
      return any;
    }
    void Forget() {
      toldReload = null;
      toldChanges = null;
      toldAsset = null;
    }

    // Makes it ready for the next; what was thrown, null for nothing.
    Exception[] AfterPoll() {
      Forget();
      foreach (var bundle in told) bundle.Value.Dispose();
      told.Clear();
      var all = thrown.Count == 0 ? null : thrown.ToArray();
      thrown.Clear();
      Volatile.Write(ref polling, 0);
      return all;
    }

    // A reference to a bundle that the library has for the call alone; one object for all events of a Poll.
    Bundle Told(IntPtr bundle) {
      if (bundle == IntPtr.Zero) return null;
      for (var i = told.Count - 1; i >= 0; --i)
        if (told[i].Key == bundle && !told[i].Value.IsDisposed) return told[i].Value;
      var kept = new Bundle(Native.graphite_bundle_retain(bundle));
      told.Add(new KeyValuePair<IntPtr, Bundle>(bundle, kept));
      return kept;
    }

    [MonoPInvokeCallback(typeof(Native.ReloadCallback))]
    static void OnReload(IntPtr oldBundle, IntPtr newBundle, IntPtr userData) {
      var live = polled;
      if (live == null) return;
      try {
        live.toldReload = new ReloadEvent(live.Told(oldBundle), live.Told(newBundle));
      } catch (Exception e) {
        live.thrown.Add(e);
      }
    }

    [MonoPInvokeCallback(typeof(Native.ChangesCallback))]
    static void OnChanges(IntPtr from, IntPtr userData) {
      var live = polled;
      if (live == null) return;
      try {
        var native = (NativeChanges*)from;
        live.toldChanges = new Changes(*native, live.Told(native->old_bundle), live.Told(native->new_bundle));
      } catch (Exception e) {
        live.thrown.Add(e);
      }
    }

    [MonoPInvokeCallback(typeof(Native.AssetCallback))]
    static void OnAsset(IntPtr from, IntPtr userData) {
      var live = polled;
      if (live == null) return;
      try {
        var native = (NativeAssetEvent*)from;
        live.toldAsset = new AssetEvent((AssetEventType)native->type, native->id, live.Told(native->old_bundle),
                                        live.Told(native->new_bundle));
      } catch (Exception e) {
        live.thrown.Add(e);
      }
    }
  }
}
