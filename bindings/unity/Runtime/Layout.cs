using System;
using System.Runtime.InteropServices;

namespace Graphite {
  // The structures of graphite.h and graphite_live.h, member by member and blittable: `bool` is a byte, `size_t` a
  // UIntPtr, every pointer an IntPtr. tests/bindings/unity holds size and offset of each member against the C
  // compiler's.

  [StructLayout(LayoutKind.Sequential)]
  internal unsafe struct NativeBundleInfo {
    public IntPtr channel;
    public ulong epoch, sequence;
    public ulong assets;
    public fixed byte lineage[16];
    public fixed byte root[32];
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct NativeAsset {
    public ulong id;
    public IntPtr path;
    public UIntPtr path_length;
    public uint part_count;
    public uint reference_count;
    public IntPtr body_;
    public UIntPtr body_length_;
    public IntPtr extents_;
    public UIntPtr extents_length_;
    public IntPtr generation_;
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct NativePart {
    public IntPtr data;
    public ulong size;
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct NativeAtomicBundle {
    public ulong number_;
    public IntPtr current_;
    public uint readers_fence_;
    public uint reserved_;
    public IntPtr point_;
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct NativePin {
    public IntPtr bundle;
    public ulong version;
    public IntPtr value_;
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct NativeChanges {
    public IntPtr old_bundle;
    public IntPtr new_bundle;
    public ulong old_version, new_version;
    public IntPtr added;
    public IntPtr changed;
    public IntPtr removed;
    public UIntPtr added_count, changed_count, removed_count;
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct NativeAssetEvent {
    public int type;
    public ulong id;
    public IntPtr old_bundle;
    public IntPtr new_bundle;
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct NativeConfig {
    public UIntPtr size;
    public IntPtr watch_directory;
    public IntPtr bundle_path;
    public uint debounce_ms;
    public byte atomic_reload;
    public byte preserve_handle_state;
    public IntPtr callback;
    public IntPtr user_data;
    public IntPtr changes_callback;
    public IntPtr asset_callback;
    public byte swap_in_poll;
    public byte trust_folder;
    public byte on_demand;
    public uint kept_generations;
    public uint held_pin_warning_ms;
    public IntPtr state_directory;
    public uint crash_window_seconds;
    public uint crashes_max;
    public IntPtr keys_directory;
    public IntPtr root_pins;
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct NativeView {
    public IntPtr data;
    public ulong size;
    public ulong version;
    public IntPtr owner0_;
    public IntPtr owner1_;
  }

  [StructLayout(LayoutKind.Sequential)]
  internal unsafe struct NativeGenerationInfo {
    public ulong version;
    public ulong epoch, sequence, assets;
    public fixed byte root[32];
    public byte current;
    public byte held;
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct NativeStatistics {
    public UIntPtr size;
    public ulong version, epoch, sequence, assets;
    public byte reload_pending;
    public byte connected;
    public ulong swaps, rollbacks, refused, failed;
    public ulong verified_bytes, fetched_bytes;
    public ulong stage_ns, swap_ns;
    public ulong kept, replaced_alive;
    public ulong longest_held_ns;
    public ulong handles, changes_left;
    public ulong missing_parts;
  }
}
