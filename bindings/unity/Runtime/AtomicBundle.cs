using System;
using System.Runtime.InteropServices;

namespace Graphite {
  /// <summary>A place where one bundle is replaced by the next while any number of threads read, for programs that
  /// swap by themselves; HotReload does it for the others. Any thread.</summary>
  public sealed class AtomicBundle : IDisposable {
    readonly PlaceHandle handle;

    /// <summary>`first` may be null. It stays the caller's, too.</summary>
    public AtomicBundle(Bundle first = null) {
      var counted = first == null ? IntPtr.Zero : first.handle.Retain();
      var memory = Marshal.AllocHGlobal(Marshal.SizeOf(typeof(NativeAtomicBundle)));
      var result = Native.graphite_atomic_bundle_init(memory, counted);
      if (result == Result.Success) {
        handle = new PlaceHandle(memory);
        return;
      }
      if (result == Result.InvalidArgument) Native.graphite_bundle_close(counted);
      Marshal.FreeHGlobal(memory);
      throw new GraphiteException(result, Text.LastError());
    }

    /// <summary>Makes `next` current; it stays the caller's, too. Waits for no reader.</summary>
    public void Swap(Bundle next) {
      var counted = (next ?? throw new ArgumentNullException(nameof(next))).handle.Retain();
      Result result;
      try {
        result = Native.graphite_atomic_swap_bundle(handle, counted);
      } catch (ObjectDisposedException) {
        Native.graphite_bundle_close(counted);
        throw;
      }
      if (result == Result.InvalidArgument) Native.graphite_bundle_close(counted);
      GraphiteException.Check(result);
    }

    /// <summary>What is current, to be disposed of by the caller; null where nothing is yet. `version` never falls.
    /// </summary>
    public Bundle Current(out ulong version) {
      var added = false;
      try {
        handle.DangerousAddRef(ref added);
        return Pinned(handle.DangerousGetHandle(), out version);
      } finally {
        if (added) handle.DangerousRelease();
      }
    }
    public Bundle Current() => Current(out _);

    /// <summary>Frees what was replaced and is not read any more; how many are left.</summary>
    public int Collect() => (int)Native.graphite_atomic_bundle_collect(handle);

    public void Dispose() => handle.Dispose();

    // A reference to what is current in the place, which the caller keeps alive meanwhile.
    internal static Bundle Pinned(IntPtr place, out ulong version) {
      version = 0;
      var result = Native.graphite_reader_pin(place, out var pin);
      if (result == Result.NotFound) return null;
      GraphiteException.Check(result);
      try {
        version = pin.version;
        return new Bundle(Native.graphite_bundle_retain(pin.bundle));
      } finally {
        Native.graphite_reader_unpin(ref pin);
      }
    }
  }
}
