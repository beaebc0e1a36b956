using System;
using System.IO;

namespace Graphite {
  /// <summary>Reads bytes that are there for the call alone.</summary>
  public delegate TResult Reader<TResult>(ReadOnlySpan<byte> bytes);

  /// <summary>The bytes of a part where they are mapped, held until this is disposed of, whatever becomes of asset,
  /// handle, bundle and HotReload. Any thread; disposing of it twice, or never, is no error.</summary>
  public sealed unsafe class View : IDisposable {
    readonly PartBuffer buffer;

    internal View(PartBuffer owned, ulong version) {
      buffer = owned;
      Version = version;
      Length = checked((long)owned.ByteLength);
    }

    public long Length { get; }
    /// <summary>The version that was current when this was read; 0 where it was read from a Bundle.</summary>
    public ulong Version { get; }
    public bool IsDisposed => buffer.IsClosed;

    /// <summary>The bytes without a copy: valid until Dispose, so keep this object in a `using` for as long. At most
    /// 2 GiB; OpenStream has no such limit.</summary>
    public ReadOnlySpan<byte> Span {
      get {
        if (buffer.IsClosed) throw new ObjectDisposedException(nameof(View));
        return Length == 0 ? default(ReadOnlySpan<byte>)
                           : new ReadOnlySpan<byte>((void*)buffer.DangerousGetHandle(), checked((int)Length));
      }
    }

    /// <summary>Calls `reader` with the bytes, which stay meanwhile even if another thread disposes of this.</summary>
    public TResult Read<TResult>(Reader<TResult> reader) {
      byte* first = null;
      try {
        buffer.AcquirePointer(ref first);
        return reader(Span);
      } finally {
        if (first != null) buffer.ReleasePointer();
      }
    }

    public byte[] ToArray() => Read(bytes => bytes.ToArray());

    /// <summary>A stream over the bytes, read-only. Once this is disposed of it throws
    /// ObjectDisposedException.</summary>
    public Stream OpenStream() {
      if (buffer.IsClosed) throw new ObjectDisposedException(nameof(View));
      return Length == 0 ? (Stream) new MemoryStream(new byte[0], false)
                         : new UnmanagedMemoryStream(buffer, 0, Length, FileAccess.Read);
    }

    public void Dispose() => buffer.Dispose();
  }
}
