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

  /// <summary>Exactly what differs between two generations. The bundles and the lists are the event's: afterwards the
  /// bundles are disposed of and the lists throw InvalidOperationException.</summary>
  public sealed unsafe class Changes {
    NativeChanges native;
    bool over;

    internal Changes(NativeChanges from, Bundle before, Bundle now) {
      native = from;
      Old = before;
      New = now;
    }
    internal void End() { over = true; }

    /// <summary>Null: there was none.</summary>
    public Bundle Old { get; }
    public Bundle New { get; }
    /// <summary>0: there was none.</summary>
    public ulong OldVersion => native.old_version;
    public ulong NewVersion => native.new_version;
    /// <summary>Ids, ascending.</summary>
    public ReadOnlySpan<ulong> Added => List(native.added, native.added_count);
    public ReadOnlySpan<ulong> Changed => List(native.changed, native.changed_count);
    public ReadOnlySpan<ulong> Removed => List(native.removed, native.removed_count);

    /// <summary>Whether the asset came, changed or went. O(log changes).</summary>
    public bool Concerns(ulong id) => Has(Changed, id) || Has(Added, id) || Has(Removed, id);

    ReadOnlySpan<ulong> List(IntPtr first, UIntPtr count) {
      if (over) throw new InvalidOperationException("the event is over: its lists are gone");
      return count == UIntPtr.Zero ? default(ReadOnlySpan<ulong>)
                                   : new ReadOnlySpan<ulong>((void*)first, checked((int)count));
    }
    static bool Has(ReadOnlySpan<ulong> ascending, ulong id) {
      int low = 0, high = ascending.Length;
      while (low < high) {
        var middle = low + (high - low) / 2;
        if (ascending[middle] < id) low = middle + 1;
        else high = middle;
      }
      return low < ascending.Length && ascending[low] == id;
    }
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
        } catch (Exception e) when (!(e is System.Threading.ThreadAbortException)) {
          thrown(e);
        }
      }
    }
  }
}
