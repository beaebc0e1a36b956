using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Graphite {
  /// <summary>graphite_hot_reload_config: what null leaves at the library's default, which the header names.</summary>
  public sealed class HotReloadOptions {
    /// <summary>The bundle folder to follow; for HotReload.Subscribe where to keep it.</summary>
    public string WatchDirectory { get; set; }
    /// <summary>Or an exported file that is replaced by renames; relative to WatchDirectory.</summary>
    public string BundlePath { get; set; }
    public uint? DebounceMs { get; set; }
    public bool? AtomicReload { get; set; }
    public bool? PreserveHandleState { get; set; }
    public bool? SwapInPoll { get; set; }
    public bool? TrustFolder { get; set; }
    public bool? OnDemand { get; set; }
    public uint? KeptGenerations { get; set; }
    public uint? HeldPinWarningMs { get; set; }
    public string StateDirectory { get; set; }
    public uint? CrashWindowSeconds { get; set; }
    public uint? CrashesMax { get; set; }
    public string KeysDirectory { get; set; }
    public string RootPins { get; set; }
  }

  // The structure for one call, in memory that the library's own may fill: a newer one may be larger than what is
  // known here, and then keeps its defaults.
  internal sealed unsafe class ConfigMemory : IDisposable {
    const int BytesMax = 4096;

    readonly List<IntPtr> texts = new List<IntPtr>();
    readonly IntPtr memory;

    public ConfigMemory(HotReloadOptions from, IntPtr reload, IntPtr changes, IntPtr asset) {
      memory = Marshal.AllocHGlobal(BytesMax);
      try {
        Fill(from, reload, changes, asset);
      } catch {
        Dispose();
        throw;
      }
    }
    public NativeConfig* Pointer => (NativeConfig*)memory;

    void Fill(HotReloadOptions from, IntPtr reload, IntPtr changes, IntPtr asset) {
      for (var i = 0; i < BytesMax; ++i) ((byte*)memory)[i] = 0;
      Native.graphite_hot_reload_config_init(Pointer);
      var size = (ulong)Pointer->size;
      if (size < (ulong)sizeof(NativeConfig) || size > BytesMax)
        throw new GraphiteException(Result.Unsupported, "libgraphite " + Library.Version + " is of another version");
      Pointer->watch_directory = Kept(from.WatchDirectory);
      Pointer->bundle_path = Kept(from.BundlePath);
      Pointer->state_directory = Kept(from.StateDirectory);
      Pointer->keys_directory = Kept(from.KeysDirectory);
      Pointer->root_pins = Kept(from.RootPins);
      Set(ref Pointer->debounce_ms, from.DebounceMs);
      Set(ref Pointer->atomic_reload, from.AtomicReload);
      Set(ref Pointer->preserve_handle_state, from.PreserveHandleState);
      Set(ref Pointer->swap_in_poll, from.SwapInPoll);
      Set(ref Pointer->trust_folder, from.TrustFolder);
      Set(ref Pointer->on_demand, from.OnDemand);
      Set(ref Pointer->kept_generations, from.KeptGenerations);
      Set(ref Pointer->held_pin_warning_ms, from.HeldPinWarningMs);
      Set(ref Pointer->crash_window_seconds, from.CrashWindowSeconds);
      Set(ref Pointer->crashes_max, from.CrashesMax);
      Pointer->callback = reload;
      Pointer->changes_callback = changes;
      Pointer->asset_callback = asset;
    }

    static void Set(ref uint to, uint? value) { to = value ?? to; }
    static void Set(ref byte to, bool? value) {
      if (value.HasValue) to = (byte)(value.Value ? 1 : 0);
    }
    IntPtr Kept(string text) {
      var bytes = Text.Terminated(text);
      if (bytes == null) return IntPtr.Zero;
      var copy = Marshal.AllocHGlobal(bytes.Length);
      texts.Add(copy);
      Marshal.Copy(bytes, 0, copy, bytes.Length);
      return copy;
    }

    public void Dispose() {
      foreach (var text in texts) Marshal.FreeHGlobal(text);
      texts.Clear();
      Marshal.FreeHGlobal(memory);
    }
  }
}
