using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace Graphite {
  /// <summary>Names a static method that native code calls, for compilers that translate ahead of time: they look for an
  /// attribute of this name.</summary>
  [AttributeUsage(AttributeTargets.Method)]
  internal sealed class MonoPInvokeCallbackAttribute : Attribute {
    public MonoPInvokeCallbackAttribute(Type type) { Type = type; }
    public Type Type { get; }
  }

  public sealed unsafe partial class HotReload {
    // What the library calls back: static methods, by delegates that live as long as the domain, so that no garbage
    // collection takes them away. Which object is meant is the one that polls in this thread; the library has no
    // pointer to a managed object.
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

    // Of the Poll that runs.
    int polling;
    bool aborted;
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
    /// <summary>Then each asset that differs; a Poll ends between two of these when its time is over.</summary>
    public event Action<AssetEvent> AssetChanged {
      add { assetChanged.Add(value); }
      remove { assetChanged.Remove(value); }
    }

    /// <summary>What made following end, as the last Poll had it; Success while it goes on.</summary>
    public Result Ended { get; private set; }

    // Whether this thread is in a handler of some Poll.
    internal static bool IsPolling => polled != null;

    /// <summary>Raises the events of what changed since the last call, until `budget` is spent (zero: one step; a
    /// handler is not interrupted) or nothing is left; how many AssetChanged are left. One thread at a time. Errors:
    /// Busy (another thread, or a handler, is in it), and what made following end. Throws what a handler threw: as it
    /// was or, of several, an AggregateException. Without news it allocates nothing.</summary>
    public long Poll(TimeSpan budget) {
      if (Interlocked.CompareExchange(ref polling, 1, 0) != 0)
        throw new GraphiteException(Result.Busy, "Poll: another thread, or a handler, is in it");
      var outer = polled;
      UIntPtr left;
      var result = Result.Success;
      string text = null;
      Exception[] all;
      try {
        polled = this;
        result = Native.graphite_poll(context, Nanoseconds(budget), out left);
        if (result != Result.Success) text = Text.LastError();
        if (result != Result.Busy) Ended = result;
      } finally {
        polled = outer;
        all = AfterPoll();
      }
      if (aborted) ResumeAbort();
      if (result != Result.Success) Throw(all, new GraphiteException(result, text));
      if (all != null) Throw(all, null);
      return (long)left;
    }

    // Makes it ready for the next; what handlers threw, null for nothing.
    Exception[] AfterPoll() {
      foreach (var bundle in told) bundle.Value.Dispose();
      told.Clear();
      var all = thrown.Count == 0 ? null : thrown.ToArray();
      thrown.Clear();
      Volatile.Write(ref polling, 0);
      return all;
    }

    static void Throw(Exception[] handlers, GraphiteException own) {
      if (handlers == null) throw own;
      if (own == null && handlers.Length == 1) ExceptionDispatchInfo.Capture(handlers[0]).Throw();
      var all = new List<Exception>(handlers);
      if (own != null) all.Add(own);
      throw new AggregateException(all);
    }

    static ulong Nanoseconds(TimeSpan time) => time <= TimeSpan.Zero ? 0 : (ulong)time.Ticks * 100;

    // The event's reference to a bundle that the library has for the call alone; one object for all events of a Poll.
    Bundle Told(IntPtr bundle) {
      if (bundle == IntPtr.Zero) return null;
      for (var i = told.Count - 1; i >= 0; --i)
        if (told[i].Key == bundle && !told[i].Value.IsDisposed) return told[i].Value;
      var kept = new Bundle(Native.graphite_bundle_retain(bundle));
      told.Add(new KeyValuePair<IntPtr, Bundle>(bundle, kept));
      return kept;
    }

    // A thread that is being aborted must leave native code by its own way: the abort goes on after Poll.
    void HoldAbort() {
      Thread.ResetAbort();
      aborted = true;
    }
    void ResumeAbort() {
      aborted = false;
      Thread.CurrentThread.Abort();
    }

    void Tell(NativeChanges from) {
      var all = new Changes(from, Told(from.old_bundle), Told(from.new_bundle));
      try {
        forgetting.Raise(all, always, keep);
        changed.Raise(all, goesOn, keep);
      } finally {
        givingUp.Raise(all, always, keep);
        all.End();
      }
    }

    [MonoPInvokeCallback(typeof(Native.ReloadCallback))]
    static void OnReload(IntPtr oldBundle, IntPtr newBundle, IntPtr userData) {
      var live = polled;
      if (live == null || live.context.IsClosed) return;
      try {
        live.reloaded.Raise(new ReloadEvent(live.Told(oldBundle), live.Told(newBundle)), live.goesOn, live.keep);
      } catch (ThreadAbortException) {
        live.HoldAbort();
      } catch (Exception e) {
        live.thrown.Add(e);
      }
    }

    [MonoPInvokeCallback(typeof(Native.ChangesCallback))]
    static void OnChanges(IntPtr from, IntPtr userData) {
      var live = polled;
      if (live == null || live.context.IsClosed) return;
      try {
        live.Tell(*(NativeChanges*)from);
      } catch (ThreadAbortException) {
        live.HoldAbort();
      } catch (Exception e) {
        live.thrown.Add(e);
      }
    }

    [MonoPInvokeCallback(typeof(Native.AssetCallback))]
    static void OnAsset(IntPtr assetEvent, IntPtr userData) {
      var live = polled;
      if (live == null || live.context.IsClosed) return;
      try {
        var from = *(NativeAssetEvent*)assetEvent;
        live.assetChanged.Raise(
          new AssetEvent((AssetEventType)from.type, from.id, live.Told(from.old_bundle), live.Told(from.new_bundle)),
          live.goesOn, live.keep);
      } catch (ThreadAbortException) {
        live.HoldAbort();
      } catch (Exception e) {
        live.thrown.Add(e);
      }
    }
  }
}
