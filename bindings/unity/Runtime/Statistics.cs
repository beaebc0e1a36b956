using System;
using System.Runtime.InteropServices;

namespace Graphite {
  /// <summary>graphite_statistics: of what is current, and since the context was made.</summary>
  public sealed class Statistics {
    internal Statistics(NativeStatistics from) { native = from; }
    readonly NativeStatistics native;

    public ulong Version => native.version;
    public ulong Epoch => native.epoch;
    public ulong Sequence => native.sequence;
    public ulong Assets => native.assets;
    /// <summary>Staged, and not current yet.</summary>
    public bool ReloadPending => native.reload_pending != 0;
    /// <summary>To the publisher; a folder: true.</summary>
    public bool Connected => native.connected != 0;
    public ulong Swaps => native.swaps;
    public ulong Rollbacks => native.rollbacks;
    /// <summary>Older, replayed, of another channel or held.</summary>
    public ulong Refused => native.refused;
    public ulong Failed => native.failed;
    public ulong VerifiedBytes => native.verified_bytes;
    public ulong FetchedBytes => native.fetched_bytes;
    /// <summary>Of the last generation: opening and checking it.</summary>
    public TimeSpan Staging => TimeSpan.FromTicks((long)native.stage_ns / 100);
    /// <summary>From staged to current.</summary>
    public TimeSpan Swapping => TimeSpan.FromTicks((long)native.swap_ns / 100);
    public ulong Kept => native.kept;
    public ulong ReplacedAlive => native.replaced_alive;
    /// <summary>Since when the oldest of those was replaced.</summary>
    public TimeSpan LongestHeld => TimeSpan.FromTicks((long)native.longest_held_ns / 100);
    public ulong Handles => native.handles;
    /// <summary>AssetChanged that Poll has left.</summary>
    public ulong ChangesLeft => native.changes_left;
    /// <summary>On demand: reads of what was not here.</summary>
    public ulong MissingParts => native.missing_parts;
  }

  /// <summary>One generation that is kept for a rollback, or held.</summary>
  public sealed class GenerationInfo {
    /// <summary>0: was never current here.</summary>
    public ulong Version { get; internal set; }
    public ulong Epoch { get; internal set; }
    public ulong Sequence { get; internal set; }
    public ulong Assets { get; internal set; }
    public bool IsCurrent { get; internal set; }
    /// <summary>Its readers crashed: passed over.</summary>
    public bool IsHeld { get; internal set; }
  }

  public sealed unsafe partial class HotReload {
    public Statistics Statistics() {
      var native = new NativeStatistics { size = (UIntPtr)Marshal.SizeOf(typeof(NativeStatistics)) };
      GraphiteException.Check(Native.graphite_hot_reload_statistics(context.Live, ref native));
      return new Statistics(native);
    }

    /// <summary>The kept generations, the oldest first, then held ones.</summary>
    public GenerationInfo[] Generations() {
      for (var capacity = 16;; capacity *= 2) {
        var found = new NativeGenerationInfo[capacity];
        int count;
        fixed (NativeGenerationInfo* first = found)
          count = (int)Native.graphite_hot_reload_generations(context.Live, first, (UIntPtr)capacity);
        if (count > capacity) continue;
        var all = new GenerationInfo[count];
        for (var i = 0; i < count; ++i)
          all[i] = new GenerationInfo {
            Version = found[i].version, Epoch = found[i].epoch, Sequence = found[i].sequence, Assets = found[i].assets,
            IsCurrent = found[i].current != 0, IsHeld = found[i].held != 0
          };
        return all;
      }
    }
  }
}
