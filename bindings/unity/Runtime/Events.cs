using System;

namespace Graphite {
  public enum AssetEventType {
    Added = 0,
    Changed = 1,
    Removed = 2,
    /// <summary>On demand: all its bytes are here now.</summary>
    Arrived = 3
  }

  /// <summary>What became of one asset. The bundles are the event's, and disposed of after it: keep one by
  /// Bundle.Retain.</summary>
  public readonly struct AssetEvent {
    internal AssetEvent(AssetEventType type, ulong id, Bundle before, Bundle now) {
      Type = type;
      Id = id;
      Old = before;
      New = now;
    }
    public AssetEventType Type { get; }
    public ulong Id { get; }
    /// <summary>Where the asset was; null: it was not.</summary>
    public Bundle Old { get; }
    public Bundle New { get; }
    /// <summary>Its path, of the new bundle or, where it is gone, of the old one. Makes a string.</summary>
    public string Path => New?.PathOf(Id) ?? Old?.PathOf(Id);
  }

  /// <summary>Exactly what differs between two generations. The bundles are the event's, and disposed of after it:
  /// keep one by Bundle.Retain.</summary>
  public sealed unsafe class Changes {
    readonly ulong[] added;
    readonly ulong[] changed;
    readonly ulong[] removed;

    internal Changes(NativeChanges from, Bundle before, Bundle now) {
      Old = before;
      New = now;
      OldVersion = from.old_version;
      NewVersion = from.new_version;
      added = Copy(from.added, from.added_count);
      changed = Copy(from.changed, from.changed_count);
      removed = Copy(from.removed, from.removed_count);
    }

    /// <summary>Null at the first: everything is new then, and the lists are empty.</summary>
    public Bundle Old { get; }
    public Bundle New { get; }
    /// <summary>0: there was none.</summary>
    public ulong OldVersion { get; }
    public ulong NewVersion { get; }
    /// <summary>Ids, ascending.</summary>
    public ReadOnlySpan<ulong> Added => added;
    public ReadOnlySpan<ulong> Changed => changed;
    public ReadOnlySpan<ulong> Removed => removed;

    /// <summary>Whether the asset came, changed or went; at the first, true. O(log changes).</summary>
    public bool Concerns(ulong id) => Old == null || Has(changed, id) || Has(added, id) || Has(removed, id);

    static ulong[] Copy(IntPtr first, UIntPtr count) =>
      count == UIntPtr.Zero ? none : new ReadOnlySpan<ulong>((void*)first, checked((int)count)).ToArray();
    static readonly ulong[] none = new ulong[0];
    static bool Has(ulong[] ascending, ulong id) => Array.BinarySearch(ascending, id) >= 0;
  }

  // Handlers of one event. One that throws does not keep the others from being called. Any thread may add and remove.
  internal sealed class Handlers<TEvent> {
    readonly object gate = new object();
    volatile Action<TEvent>[] all = new Action<TEvent>[0];

    public void Add(Action<TEvent> handler) {
      if (handler == null) return;
      lock (gate) {
        var next = new Action<TEvent>[all.Length + 1];
        all.CopyTo(next, 0);
        next[all.Length] = handler;
        all = next;
      }
    }
    public void Remove(Action<TEvent> handler) {
      lock (gate) {
        var at = Array.LastIndexOf(all, handler);
        if (at < 0) return;
        var next = new Action<TEvent>[all.Length - 1];
        Array.Copy(all, 0, next, 0, at);
        Array.Copy(all, at + 1, next, at, next.Length - at);
        all = next;
      }
    }
    // `goesOn` is asked before each; what a handler throws goes to `thrown`.
    public void Raise(TEvent told, Func<bool> goesOn, Action<Exception> thrown) {
      foreach (var handler in all) {
        if (!goesOn()) return;
        try {
          handler(told);
        } catch (Exception e) {
          thrown(e);
        }
      }
    }
  }
}
