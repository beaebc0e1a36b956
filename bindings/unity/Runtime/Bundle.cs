using System;

namespace Graphite {
  /// <summary>What a bundle says of itself.</summary>
  public sealed class BundleInfo {
    public string Channel { get; internal set; }
    /// <summary>Of its head: later generations of one lineage have larger ones.</summary>
    public ulong Epoch { get; internal set; }
    public ulong Sequence { get; internal set; }
    public ulong Assets { get; internal set; }
    /// <summary>32 bytes, the digest of the whole index: equal roots, equal assets.</summary>
    public byte[] Root { get; internal set; }
  }

  /// <summary>A reference to one generation of a channel, which never changes. Any thread. Several objects may refer
  /// to one generation; it is freed with the last of them.</summary>
  public sealed unsafe class Bundle : IDisposable {
    internal readonly BundleHandle handle;

    // Takes over one reference.
    internal Bundle(IntPtr counted) { handle = new BundleHandle(counted); }

    /// <summary>Opens the newest generation in a bundle folder, or an exported file. Blocks on the disk. Errors:
    /// NotFound, Corrupt, NewerVersion, Unsupported, PermissionDenied, Io.</summary>
    public static Bundle Open(string path) {
      fixed (byte* text = Text.Terminated(path ?? throw new ArgumentNullException(nameof(path)))) {
        GraphiteException.Check(Native.graphite_bundle_open(text, out var opened));
        return new Bundle(opened);
      }
    }

    public bool IsDisposed => handle.IsClosed;

    /// <summary>One more reference, for who keeps what an event or somebody else's `using` has.</summary>
    public Bundle Retain() => new Bundle(handle.Retain());

    /// <summary>Checks every byte that `before` (null: nothing) has not, against its digest. Blocks. Errors: Corrupt,
    /// NotFound, Io.</summary>
    public void Verify(Bundle before = null) {
      var other = before == null ? IntPtr.Zero : before.handle.Retain();
      try {
        GraphiteException.Check(Native.graphite_bundle_verify(handle, other));
      } finally {
        Native.graphite_bundle_close(other);
      }
    }

    public BundleInfo Describe() {
      Native.graphite_bundle_describe(handle, out var info);
      var root = new byte[32];
      for (var i = 0; i < root.Length; ++i) root[i] = info.root[i];
      var channel = Text.From(info.channel);
      GC.KeepAlive(this);
      return new BundleInfo {
        Channel = channel, Epoch = info.epoch, Sequence = info.sequence, Assets = info.assets, Root = root
      };
    }

    /// <summary>The ids of all assets, ascending. Reads the whole index: for programs that show or load everything.
    /// Errors: Corrupt, Io.</summary>
    public ulong[] AssetIds() {
      var ids = new ulong[checked((int)Describe().Assets)];
      for (;;) {
        UIntPtr count;
        fixed (ulong* first = ids)
          GraphiteException.Check(Native.graphite_bundle_assets(handle, first, (UIntPtr)ids.Length, out count));
        // Without AtomicReload there may be more for a moment.
        var all = checked((int)count) <= ids.Length;
        Array.Resize(ref ids, (int)count);
        if (all) return ids;
      }
    }

    /// <summary>False where there is no such asset. Errors: Corrupt.</summary>
    public bool TryFind(ulong id, out Asset asset) {
      var result = Native.graphite_find(handle, id, out var found);
      asset = result == Result.Success ? new Asset(this, found) : default(Asset);
      if (result != Result.NotFound) GraphiteException.Check(result);
      return result == Result.Success;
    }
    public bool TryFind(string path, out Asset asset) => TryFind(Library.AssetId(path), out asset);

    /// <summary>As TryFind, with NotFound as an error.</summary>
    public Asset Find(ulong id) =>
      TryFind(id, out var asset) ? asset : throw Absent(id.ToString("x16"));
    public Asset Find(string path) =>
      TryFind(path, out var asset) ? asset : throw Absent(path);
    static GraphiteException Absent(string name) => new GraphiteException(Result.NotFound, "no asset " + name);

    /// <summary>The path of an asset; null where there is none with this id.</summary>
    public string PathOf(ulong id) => TryFind(id, out var asset) ? asset.Path : null;

    public void Dispose() => handle.Dispose();
  }

  /// <summary>An asset of one Bundle, which it keeps. Once that is disposed of, its members throw
  /// ObjectDisposedException.</summary>
  public readonly unsafe struct Asset {
    readonly Bundle bundle;
    readonly NativeAsset native;

    internal Asset(Bundle of, NativeAsset found) {
      bundle = of;
      native = found;
    }

    public ulong Id => native.id;
    /// <summary>1 to 64.</summary>
    public uint PartCount => native.part_count;
    /// <summary>Assets that it needs at run time.</summary>
    public uint ReferenceCount => native.reference_count;

    /// <summary>Makes a string of it.</summary>
    public string Path {
      get {
        var added = false;
        try {
          bundle.handle.DangerousAddRef(ref added);
          return Text.From(native.path, checked((int)native.path_length));
        } finally {
          if (added) bundle.handle.DangerousRelease();
        }
      }
    }

    /// <summary>The id of an asset that it needs; 0 where `index` is ReferenceCount or more.</summary>
    public ulong Reference(uint index) {
      var added = false;
      try {
        bundle.handle.DangerousAddRef(ref added);
        var copy = native;
        return Native.graphite_asset_reference(&copy, index);
      } finally {
        if (added) bundle.handle.DangerousRelease();
      }
    }

    /// <summary>The bytes of a part, kept by the view whatever becomes of the Bundle. The first read of a segment maps
    /// it. Errors: NotFound, Corrupt, Io.</summary>
    public View Open(uint part = 0) {
      var counted = bundle.handle.Retain();
      var copy = native;
      var result = Native.graphite_asset_part(bundle.handle, &copy, part, out var bytes);
      if (result == Result.Success) return new View(new BundlePart(counted, bytes), 0);
      Native.graphite_bundle_close(counted);
      throw new GraphiteException(result, Text.LastError());
    }

    /// <summary>The bytes of a part without a copy: valid until the Bundle is disposed of, so keep that in a `using`
    /// for as long. Errors: as above.</summary>
    public ReadOnlySpan<byte> Span(uint part = 0) {
      var copy = native;
      GraphiteException.Check(Native.graphite_asset_part(bundle.handle, &copy, part, out var bytes));
      return bytes.size == 0 ? default(ReadOnlySpan<byte>)
                             : new ReadOnlySpan<byte>((void*)bytes.data, checked((int)bytes.size));
    }
  }
}
