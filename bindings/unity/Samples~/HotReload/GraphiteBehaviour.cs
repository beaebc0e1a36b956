using System;
using System.IO;
using UnityEngine;

namespace Graphite.Samples {
  /// <summary>Follows a bundle folder or, with an address, a channel; raises its events in Update, within a budget.
  /// </summary>
  [DefaultExecutionOrder(-100)]  // before those who ask it for assets
  public sealed class GraphiteBehaviour : MonoBehaviour {
    [SerializeField] string bundleFolder = "../.graphite/bundles/main";
    [SerializeField] string address = "";
    [SerializeField] string channel = "";
    [SerializeField] float budgetMilliseconds = 0.5f;
    bool told;

    public HotReload Live { get; private set; }
    public ReloadHooks Hooks { get; private set; }
    public AssetCache<Texture2D> Textures { get; private set; }

    void OnEnable() {
      try {
        // Relative to the folder of the project's assets; where it is kept is the player's own folder.
        Live = address == ""
          ? HotReload.Open(Path.GetFullPath(Path.Combine(Application.dataPath, bundleFolder)))
          : HotReload.Subscribe(address, channel == "" ? null : channel, new HotReloadOptions {
              WatchDirectory = Path.Combine(Application.persistentDataPath, "graphite")
            });
      } catch (Exception e) {
        Debug.LogException(e, this);
        enabled = false;
        return;
      }
      Textures = new AssetCache<Texture2D>(Live, Load, Destroy);
      Hooks = new ReloadHooks(Live);
    }

    void Update() {
      try {
        Live.Poll(TimeSpan.FromMilliseconds(budgetMilliseconds));
      } catch (Exception e) {
        Debug.LogException(e, this);
      }
      // What is current stays so: only news do not come any more.
      if (Live.Ended != Result.Success && !told) Debug.LogWarning("does not follow any more: " + Live.Ended, this);
      told = Live.Ended != Result.Success;
    }

    void OnDisable() {
      Hooks?.Dispose();
      Textures?.Dispose();
      Live?.Dispose();
      Hooks = null;
      Textures = null;
      Live = null;
    }

    static Texture2D Load(Asset asset) {
      var texture = new Texture2D(2, 2);
      using (var view = asset.Open())
        if (!texture.LoadImage(view.ToArray())) Debug.LogWarning("not an image: " + asset.Path);
      return texture;
    }
  }
}
