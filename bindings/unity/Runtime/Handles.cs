using System;
using System.Runtime.InteropServices;

namespace Graphite {
  // Owners of what the library counts. Each may be released by the finaliser thread, in any order, also while a domain
  // is unloaded: none of them looks at another managed object then.

  internal sealed class BundleHandle : SafeHandle {
    // Takes over one reference.
    public BundleHandle(IntPtr counted) : base(IntPtr.Zero, true) { SetHandle(counted); }
    public override bool IsInvalid => handle == IntPtr.Zero;
    protected override bool ReleaseHandle() {
      Native.graphite_bundle_close(handle);
      return true;
    }

    // One more reference, for whoever asks.
    public IntPtr Retain() {
      var added = false;
      try {
        DangerousAddRef(ref added);
        return Native.graphite_bundle_retain(handle);
      } finally {
        if (added) DangerousRelease();
      }
    }
  }

  // A graphite_atomic_bundle in memory that does not move.
  internal sealed class PlaceHandle : SafeHandle {
    public PlaceHandle(IntPtr memory) : base(IntPtr.Zero, true) { SetHandle(memory); }
    public override bool IsInvalid => handle == IntPtr.Zero;
    protected override bool ReleaseHandle() {
      Native.graphite_atomic_bundle_destroy(handle);
      Marshal.FreeHGlobal(handle);
      return true;
    }
  }

  // A hot reload context. Shut down when the last call that uses it has returned, whoever disposes of it.
  internal sealed class ContextHandle : SafeHandle {
    volatile bool over;

    public ContextHandle(IntPtr context) : base(IntPtr.Zero, true) {
      SetHandle(context);
      Lifetime.Add(this);
    }
    public override bool IsInvalid => handle == IntPtr.Zero;
    public bool IsOver => over;

    // For a call. Throws ObjectDisposedException, as the marshaller would; but where `throw new` makes an exception of
    // the core library, Mono 6.8 makes it through a call that an abort of the thread interrupts, and then throws null,
    // which ends the process. Each thread of a domain that is unloaded is aborted, right after its contexts are over.
    public ContextHandle Live => IsClosed ? throw Gone() : this;
    static Exception Gone() => new ObjectDisposedException(nameof(HotReload));

    protected override bool ReleaseHandle() {
      Native.graphite_hot_reload_shutdown(handle);
      over = true;
      Lifetime.Tell();
      return true;
    }
  }

  // The bytes of a part. Readers that acquire the pointer keep them while they have it.
  internal abstract class PartBuffer : SafeBuffer {
    protected PartBuffer() : base(true) {}
    protected void Set(IntPtr data, ulong size) {
      // Null would count as invalid, and never be released.
      SetHandle(data == IntPtr.Zero ? new IntPtr(1) : data);
      Initialize(size);
    }
  }

  internal sealed class BundlePart : PartBuffer {
    readonly IntPtr bundle;

    // Takes over one reference.
    public BundlePart(IntPtr counted, NativePart part) {
      bundle = counted;
      Set(part.data, part.size);
    }
    protected override bool ReleaseHandle() {
      Native.graphite_bundle_close(bundle);
      return true;
    }
  }

  internal sealed class HandlePart : PartBuffer {
    NativeView view;

    public HandlePart(NativeView read) {
      view = read;
      Set(read.data, read.size);
    }
    protected override bool ReleaseHandle() {
      Native.graphite_view_release(ref view);
      return true;
    }
  }
}
