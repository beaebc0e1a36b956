using System;
using System.Diagnostics;
using System.Threading;

namespace Graphite {
  /// <summary>What became current.</summary>
  public readonly struct ReloadEvent {
    internal ReloadEvent(Bundle before, Bundle now) {
      Old = before;
      New = now;
    }
    /// <summary>Null at the first. Both are the event's, and disposed of after it: keep one by
    /// Bundle.Retain.</summary>
    public Bundle Old { get; }
    public Bundle New { get; }
  }

  /// <summary>A bundle that follows its source by itself: graphite_hot_reload_context.
  ///
  /// Events are raised by Poll, in the thread that calls it and in the order Reloaded, Changed, AssetChanged. Handlers
  /// run outside native code; what they throw comes out of Poll once all were called. No thread of the library ever
  /// calls managed code. Any thread; any order of disposal, also in a handler: no further event is raised then.
  /// </summary>
  public sealed unsafe partial class HotReload : IDisposable {
    /// <summary>A wait is divided, so that nobody who disposes waits for longer.</summary>
    const int WaitSliceMs = 20;

    internal readonly ContextHandle context;
    readonly IntPtr place;

    HotReload(IntPtr opened) {
      context = new ContextHandle(opened);
      Lifetime.Check(context);
      place = Native.graphite_hot_reload_bundle(context.Live);
      goesOn = () => !context.IsClosed;
      always = () => true;
      keep = thrown.Add;
    }

    /// <summary>Follows a folder or file; what is there already is current when this returns, and its events come with
    /// the first Poll. Nothing there yet is no error. Blocks on the disk. Errors: InvalidArgument, Corrupt,
    /// NewerVersion, PermissionDenied, Io.</summary>
    public static HotReload Open(HotReloadOptions options) {
      Lifetime.Check();
      using (var config = Config(options)) {
        var opened = Native.graphite_hot_reload_init(config.Pointer);
        if (opened == IntPtr.Zero) throw GraphiteException.Last();
        return new HotReload(opened);
      }
    }
    public static HotReload Open(string folder) => Open(new HotReloadOptions { WatchDirectory = folder });

    /// <summary>Follows `channel` (null: the only one that is served) of the publisher or relay at `address`,
    /// HOST:PORT, and keeps it in options.WatchDirectory. Errors: as above; AlreadyExists (another process uses the
    /// folder), OutOfSpace.</summary>
    public static HotReload Subscribe(string address, string channel, HotReloadOptions options) {
      Lifetime.Check();
      if (address == null) throw new ArgumentNullException(nameof(address));
      fixed (byte* where = Text.Terminated(address), what = Text.Terminated(channel))
        using (var config = Config(options)) {
          GraphiteException.Check(Native.graphite_subscribe(where, what, config.Pointer, out var opened));
          return new HotReload(opened);
        }
    }

    public bool IsDisposed => context.IsClosed;

    /// <summary>What is current, to be disposed of by the caller; null where nothing is yet. `version` never falls.
    /// </summary>
    public Bundle Current(out ulong version) {
      var added = false;
      try {
        context.Live.DangerousAddRef(ref added);
        return AtomicBundle.Pinned(place, out version);
      } finally {
        if (added) context.DangerousRelease();
      }
    }
    public Bundle Current() => Current(out _);

    /// <summary>Waits until a version above `version` is current or, with SwapInPoll or without AtomicReload, staged;
    /// false: not in time. Throws ObjectDisposedException once this is disposed of. Errors: what made following end.
    /// </summary>
    public bool Wait(ulong version, TimeSpan timeout) =>
      InSlices(timeout, slice => Native.graphite_wait(context.Live, version, slice));

    /// <summary>A name of the asset that stays, whatever is swapped. Errors: NotFound, TooLarge,
    /// OutOfMemory.</summary>
    public AssetHandle OpenHandle(ulong id) {
      GraphiteException.Check(Native.graphite_handle_open(context.Live, id, out var opened));
      return new AssetHandle(context, opened);
    }
    public AssetHandle OpenHandle(string path) => OpenHandle(Library.AssetId(path));

    /// <summary>The same, with a value that `decode` makes of the bytes: see AssetHandle.</summary>
    public AssetHandle<T> OpenHandle<T>(string path, Reader<T> decode, uint part = 0) =>
      new AssetHandle<T>(OpenHandle(path), decode, part);

    /// <summary>Makes the generation that was current `steps` before this one current again, until a newer one comes
    /// or Resume. Errors: NotFound (not kept).</summary>
    public void Rollback(uint steps) => GraphiteException.Check(Native.graphite_rollback(context.Live, steps));
    public void Resume() => GraphiteException.Check(Native.graphite_resume(context.Live));

    /// <summary>Makes the bundle at `path` current as if it had come by itself. Blocks. Errors: those of Bundle.Open,
    /// StaleEpoch, OutOfMemory.</summary>
    public void Reload(string path) {
      fixed (byte* text = Text.Terminated(path ?? throw new ArgumentNullException(nameof(path))))
        GraphiteException.Check(Native.graphite_optimized_reload(context.Live, text, IntPtr.Zero));
    }

    /// <summary>On demand: asks for the bytes of these assets; AssetEventType.Arrived tells of each. Errors: TooLarge,
    /// Unsupported.</summary>
    public void Fetch(params ulong[] ids) {
      fixed (ulong* first = ids) GraphiteException.Check(Native.graphite_fetch(context.Live, first, (UIntPtr)ids.Length));
    }
    /// <summary>Waits until the asset's bytes are here; false: not in time. Errors: NotFound, Unavailable.</summary>
    public bool FetchWait(ulong id, TimeSpan timeout) =>
      InSlices(timeout, slice => Native.graphite_fetch_wait(context.Live, id, slice));

    /// <summary>Ends following. What others hold of it stays: bundles and views are good as before, asset handles
    /// throw ObjectDisposedException.</summary>
    public void Dispose() => context.Dispose();

    bool InSlices(TimeSpan timeout, Func<ulong, Result> wait) {
      var endless = timeout == Timeout.InfiniteTimeSpan;
      var waited = Stopwatch.StartNew();
      for (;;) {
        var left = endless ? WaitSliceMs : Math.Max(0, (timeout - waited.Elapsed).TotalMilliseconds);
        var result = wait((ulong)(Math.Min(left, WaitSliceMs) * 1e6));
        if (result == Result.Success) return true;
        if (result != Result.TimedOut) throw new GraphiteException(result, Text.LastError());
        if (left <= 0) return false;
      }
    }

    static ConfigMemory Config(HotReloadOptions options) =>
      new ConfigMemory(options ?? throw new ArgumentNullException(nameof(options)), reloadPointer, changesPointer,
                       assetPointer);
  }
}
