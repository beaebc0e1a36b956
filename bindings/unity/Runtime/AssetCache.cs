using System;
using System.Collections.Generic;

namespace Graphite {
  /// <summary>What a program made of assets, by their ids. What changes or goes is forgotten when Poll tells of it,
  /// before the handlers of HotReload.Changed, and given up after them, so that they can let go of it first. Any
  /// thread; values are forgotten and given up in the thread that polls.</summary>
  public sealed class AssetCache<T> : IDisposable where T : class {
    struct Entry {
      public T value;
      public ulong version;
    }

    readonly object gate = new object();
    readonly HotReload live;
    readonly Func<Asset, T> load;
    readonly Action<T> giveUp;
    readonly Dictionary<ulong, Entry> entries = new Dictionary<ulong, Entry>();
    // Loaded from a version that was not told yet.
    readonly HashSet<ulong> ahead = new HashSet<ulong>();
    readonly List<T> forgotten = new List<T>();
    ulong told;
    bool disposed;

    /// <summary>`load` makes a value of an asset, in whatever thread asks for it; `giveUp` (null: IDisposable.Dispose
    /// where a value has it) gets each once.</summary>
    public AssetCache(HotReload live, Func<Asset, T> load, Action<T> giveUp = null) {
      this.live = live ?? throw new ArgumentNullException(nameof(live));
      this.load = load ?? throw new ArgumentNullException(nameof(load));
      this.giveUp = giveUp ?? (value => (value as IDisposable)?.Dispose());
      live.forgetting.Add(Forget);
      live.givingUp.Add(GiveUpForgotten);
    }

    public int Count {
      get {
        lock (gate) return entries.Count;
      }
    }

    /// <summary>The value, loaded where it is not here; null where there is no such asset. Two threads may load one
    /// asset at a time: both get the value of who was first. What `load` throws is thrown.</summary>
    public T Get(ulong id) {
      for (;;) {
        lock (gate) {
          if (disposed) throw new ObjectDisposedException("AssetCache");
          if (entries.TryGetValue(id, out var known)) return known.value;
        }
        using (var bundle = live.Current(out var version)) {
          if (bundle == null || !bundle.TryFind(id, out var asset)) return null;
          var loaded = load(asset);
          var kept = Keep(id, loaded, version);
          if (ReferenceEquals(kept, loaded)) return kept;
          giveUp(loaded);
          if (kept != null) return kept;
        }
      }
    }
    public T Get(string path) => Get(Library.AssetId(path));

    /// <summary>Forgets everything at once.</summary>
    public void Clear() {
      List<T> all;
      lock (gate) all = TakeAll();
      GiveUp(all);
    }

    /// <summary>Gives up every value; the HotReload stays.</summary>
    public void Dispose() {
      live.forgetting.Remove(Forget);
      live.givingUp.Remove(GiveUpForgotten);
      lock (gate) disposed = true;
      Clear();
    }

    // What is kept for `id` now; null where `loaded` was of a version that is past.
    T Keep(ulong id, T loaded, ulong version) {
      lock (gate) {
        if (entries.TryGetValue(id, out var known)) return known.value;
        if (version < told || disposed) return null;
        entries[id] = new Entry { value = loaded, version = version };
        if (version > told) ahead.Add(id);
        return loaded;
      }
    }

    void Forget(Changes changes) {
      lock (gate) {
        told = changes.NewVersion;
        ForgetAll(changes.Changed);
        ForgetAll(changes.Removed);
        // An asset that changed and changed back is not in the lists; who loaded it in between has the wrong one.
        foreach (var id in ahead)
          if (entries.TryGetValue(id, out var known) && known.version > changes.OldVersion && known.version < told)
            Forget(id);
        ahead.RemoveWhere(id => !entries.TryGetValue(id, out var known) || known.version <= told);
      }
    }
    void ForgetAll(ReadOnlySpan<ulong> ids) {
      if (entries.Count == 0) return;
      for (var i = 0; i < ids.Length; ++i)
        if (entries.TryGetValue(ids[i], out var known) && known.version < told) Forget(ids[i]);
    }
    void Forget(ulong id) {
      forgotten.Add(entries[id].value);
      entries.Remove(id);
    }

    void GiveUpForgotten(Changes changes) {
      T[] all;
      lock (gate) {
        all = forgotten.ToArray();
        forgotten.Clear();
      }
      GiveUp(all);
    }
    List<T> TakeAll() {
      var all = new List<T>(forgotten);
      foreach (var entry in entries.Values) all.Add(entry.value);
      forgotten.Clear();
      entries.Clear();
      ahead.Clear();
      return all;
    }
    // All of them, whatever one throws.
    void GiveUp(IReadOnlyList<T> all) {
      List<Exception> thrown = null;
      foreach (var value in all) {
        try {
          giveUp(value);
        } catch (Exception e) {
          (thrown = thrown ?? new List<Exception>()).Add(e);
        }
      }
      if (thrown != null) throw new AggregateException(thrown);
    }
  }
}
