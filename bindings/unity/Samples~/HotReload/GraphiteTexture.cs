using UnityEngine;

namespace Graphite.Samples {
  /// <summary>Shows an image of the bundle on a renderer, always as it is now.</summary>
  public sealed class GraphiteTexture : MonoBehaviour, IAssetReferenceHolder {
    [SerializeField] GraphiteBehaviour source = null;
    [SerializeField] Renderer target = null;
    [SerializeField] string path = "hero.png";
    ulong id;

    void OnEnable() {
      id = Library.AssetId(path);
      source.Hooks?.Add(this);
      Show();
    }
    void OnDisable() {
      source.Hooks?.Remove(this);
    }

    /// <summary>The old texture is destroyed after this.</summary>
    public void UpdateAssetReferences(Bundle oldBundle, Bundle newBundle, Changes changes) {
      if (changes.Concerns(id)) Show();
    }

    void Show() {
      target.material.mainTexture = source.Textures?.Get(id);
    }
  }
}
