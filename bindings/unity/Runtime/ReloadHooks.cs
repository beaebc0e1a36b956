using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;

namespace Graphite {
  /// <summary>Who holds references to assets, or to objects made of them: graphite_unity_update_asset_references.
  /// </summary>
  public interface IAssetReferenceHolder {
    /// <summary>Called in the thread that polls, once for each generation, when caches have forgotten what changed and
    /// before they give it up. `changes` tells which assets are concerned. The bundles are gone afterwards;
    /// `oldBundle` is null at the first, when everything is new.</summary>
    void UpdateAssetReferences(Bundle oldBundle, Bundle newBundle, Changes changes);
  }

  /// <summary>The database of an editor that imports assets: graphite_unity_trigger_reimport.</summary>
  public interface IAssetDatabase {
    /// <summary>A generation came: look again at what there is. Before any Reimport of it.</summary>
    void Refresh(Changes changes);
    /// <summary>This asset came, changed or went. As many in one Poll as its budget allows.</summary>
    void Reimport(AssetEvent asset);
  }

  /// <summary>The hooks of an engine, in the order that it needs: caches (AssetCache) forget, the database refreshes,
  /// holders of references are told the old and the new bundle, caches give up what they forgot, and each changed
  /// asset is imported again.</summary>
  public sealed class ReloadHooks : IDisposable {
    readonly object gate = new object();
    readonly HotReload live;
    readonly IAssetDatabase database;
    readonly List<IAssetReferenceHolder> holders = new List<IAssetReferenceHolder>();

    /// <summary>`database` may be null: programs without an editor have none.</summary>
    public ReloadHooks(HotReload live, IAssetDatabase database = null) {
      this.live = live ?? throw new ArgumentNullException(nameof(live));
      this.database = database;
      live.Changed += Update;
      if (database != null) live.AssetChanged += Import;
    }

    /// <summary>Holders are kept until they are removed: an object that is destroyed removes itself.</summary>
    public void Add(IAssetReferenceHolder holder) {
      lock (gate) holders.Add(holder ?? throw new ArgumentNullException(nameof(holder)));
    }
    public void Remove(IAssetReferenceHolder holder) {
      lock (gate) holders.Remove(holder);
    }

    public void Dispose() {
      live.Changed -= Update;
      live.AssetChanged -= Import;
      lock (gate) holders.Clear();
    }

    void Update(Changes changes) {
      List<Exception> thrown = null;
      IAssetReferenceHolder[] all;
      lock (gate) all = holders.ToArray();
      Call(() => database?.Refresh(changes), ref thrown);
      foreach (var holder in all)
        Call(() => holder.UpdateAssetReferences(changes.Old, changes.New, changes), ref thrown);
      if (thrown == null) return;
      if (thrown.Count == 1) ExceptionDispatchInfo.Capture(thrown[0]).Throw();
      throw new AggregateException(thrown);
    }
    void Import(AssetEvent asset) => database.Reimport(asset);

    // One that throws does not keep the others from being told.
    static void Call(Action what, ref List<Exception> thrown) {
      try {
        what();
      } catch (Exception e) {
        (thrown = thrown ?? new List<Exception>()).Add(e);
      }
    }
  }
}
