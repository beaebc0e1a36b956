using System;
using System.Threading;

namespace Graphite {
  /// <summary>The name of an asset, which stays whatever is swapped. Any thread. Closed by Dispose or by the garbage
  /// collector; once its HotReload is disposed of, all but Dispose throws ObjectDisposedException.</summary>
  public sealed class AssetHandle : IDisposable {
    readonly ContextHandle context;
    readonly ulong handle;
    int closed;

    internal AssetHandle(ContextHandle of, ulong opened) {
      context = of;
      handle = opened;
    }
    ~AssetHandle() { Close(); }

    public ulong Id {
      get {
        Changed(out var id);
        return id;
      }
    }
    /// <summary>The version with which the asset last changed or came; 0: not since this was opened. Errors: Removed,
    /// StaleHandle.</summary>
    public ulong ChangedVersion => Changed(out _);

    /// <summary>The bytes as they are now; does not wait. Errors: Removed (works again once the asset is back),
    /// StaleHandle (without PreserveHandleState), NotFound (no such part), NotReady (on demand: asked for now),
    /// Corrupt, Io.</summary>
    public View Read(uint part = 0) {
      GraphiteException.Check(Native.graphite_handle_read(context.Live, Opened(), part, out var view));
      GC.KeepAlive(this);
      return new View(new HandlePart(view), view.version);
    }

    public void Dispose() {
      Close();
      GC.SuppressFinalize(this);
    }

    ulong Changed(out ulong id) {
      GraphiteException.Check(Native.graphite_handle_changed(context.Live, Opened(), out var version, out id));
      GC.KeepAlive(this);
      return version;
    }
    ulong Opened() {
      if (Volatile.Read(ref closed) != 0) throw new ObjectDisposedException(nameof(AssetHandle));
      return handle;
    }
    void Close() {
      if (context == null || Interlocked.Exchange(ref closed, 1) != 0) return;
      try {
        Native.graphite_handle_close(context.Live, handle);
      } catch (ObjectDisposedException) {
        // It went with its context.
      }
    }
  }

  /// <summary>An asset as a value of the program, made anew when its bytes have changed. Any thread.</summary>
  public sealed class AssetHandle<T> : IDisposable {
    readonly object gate = new object();
    readonly AssetHandle handle;
    readonly Reader<T> decode;
    readonly uint part;
    T value;
    ulong seen;
    bool has;

    internal AssetHandle(AssetHandle owned, Reader<T> decoder, uint ofPart) {
      handle = owned;
      decode = decoder ?? throw new ArgumentNullException(nameof(decoder));
      part = ofPart;
    }

    public AssetHandle Handle => handle;

    /// <summary>Of the bytes as they are now; `decode` is called where they changed since the last call. Errors: those
    /// of AssetHandle.Read, and what `decode` throws: the next call tries again.</summary>
    public T Value {
      get {
        lock (gate) {
          var changed = handle.ChangedVersion;
          if (has && changed == seen) return value;
          using (var view = handle.Read(part)) value = view.Read(decode);
          // Of bytes that are at least so new: a change meanwhile has another number.
          seen = changed;
          has = true;
          return value;
        }
      }
    }

    public void Dispose() => handle.Dispose();
  }
}
