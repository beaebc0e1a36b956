using System;
using System.Text;

namespace Graphite {
  /// <summary>graphite_result: what a call comes to; the header says what to do about each.</summary>
  public enum Result {
    Success = 0,
    InvalidArgument = 1,
    NotFound = 2,
    AlreadyExists = 3,
    Corrupt = 4,
    OutOfSpace = 5,
    Io = 6,
    PermissionDenied = 7,
    Unavailable = 8,
    TimedOut = 9,
    Cancelled = 10,
    TooLarge = 11,
    StaleEpoch = 12,
    NewerVersion = 13,
    Busy = 14,
    ActionFailed = 15,
    Unsupported = 16,
    OutOfMemory = 17,
    Removed = 18,
    StaleHandle = 19,
    NotReady = 20
  }

  /// <summary>A call that failed: its code for programs, its text for people.</summary>
  public sealed class GraphiteException : Exception {
    public GraphiteException(Result code, string text) : base(Text.Name(code) + ": " + text) { Code = code; }
    public Result Code { get; }

    internal static void Check(Result result) {
      if (result != Result.Success) throw new GraphiteException(result, Text.LastError());
    }
    internal static GraphiteException Last() => new GraphiteException(Native.graphite_last_result(), Text.LastError());
  }

  // UTF-8 on both ways, whatever the platform's own code page is.
  internal static unsafe class Text {
    static readonly UTF8Encoding utf8 = new UTF8Encoding(false, true);

    // With its terminator; null stays null.
    public static byte[] Terminated(string text) {
      if (text == null) return null;
      if (text.IndexOf('\0') >= 0) throw new ArgumentException("a NUL in \"" + text.Replace('\0', '?') + '"');
      var bytes = new byte[utf8.GetByteCount(text) + 1];
      utf8.GetBytes(text, 0, text.Length, bytes, 0);
      return bytes;
    }
    public static byte[] Bytes(string text) => utf8.GetBytes(text);
    public static string From(IntPtr bytes, int length) =>
      length == 0 ? "" : Encoding.UTF8.GetString((byte*)bytes, length);
    public static string From(IntPtr terminated) {
      var length = 0;
      while (((byte*)terminated)[length] != 0) ++length;
      return From(terminated, length);
    }
    public static string Name(Result code) => From(Native.graphite_result_name(code));
    public static string LastError() => From(Native.graphite_last_error());
  }

  /// <summary>Of the library as a whole.</summary>
  public static unsafe class Library {
    /// <summary>"0.1.0" of the native library that is loaded.</summary>
    public static string Version => Text.From(Native.graphite_version());

    /// <summary>The id of a logical path (relative, with '/'), whether or not there is such an asset.</summary>
    public static ulong AssetId(string path) {
      var bytes = Text.Bytes(path ?? throw new ArgumentNullException(nameof(path)));
      fixed (byte* first = bytes) return Native.graphite_asset_id(first, (UIntPtr)bytes.Length);
    }

    /// <summary>Shuts down every HotReload of this domain; see <see cref="Lifetime"/>.</summary>
    public static void ShutdownAll() => Lifetime.ShutdownAll();
  }
}
