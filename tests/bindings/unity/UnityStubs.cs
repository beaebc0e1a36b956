// Exactly the part of Unity's API that bindings/unity uses, so that it can be compiled and its own logic be run
// without an engine. Signatures are Unity 2021's; bodies only note what was asked. bindings/unity/README.md lists the
// same names.
using System;
using System.Collections.Generic;

namespace UnityEngine {
  public class Object {
    public static readonly List<Object> Destroyed = new List<Object>();  // of the stub
    public static void Destroy(Object it) { Destroyed.Add(it); }
  }
  public class Component : Object {}
  public class Behaviour : Component {
    public bool enabled { get; set; } = true;
  }
  public class MonoBehaviour : Behaviour {}

  [AttributeUsage(AttributeTargets.Field)]
  public sealed class SerializeField : Attribute {}
  [AttributeUsage(AttributeTargets.Class)]
  public sealed class DefaultExecutionOrder : Attribute {
    public DefaultExecutionOrder(int order) {}
  }

  public static class Debug {
    public static readonly List<string> Said = new List<string>();  // of the stub
    public static void LogException(Exception e) { Said.Add(e.ToString()); }
    public static void LogException(Exception e, Object of) { Said.Add(e.ToString()); }
    public static void LogWarning(object text) { Said.Add(text.ToString()); }
    public static void LogWarning(object text, Object of) { Said.Add(text.ToString()); }
  }

  public static class Application {
    public static string dataPath { get; set; }
    public static string persistentDataPath { get; set; }
  }

  public class Texture : Object {}
  public class Texture2D : Texture {
    public byte[] Loaded;  // of the stub
    public Texture2D(int width, int height) {}
  }
  public static class ImageConversion {
    public static bool LoadImage(this Texture2D into, byte[] bytes) {
      into.Loaded = bytes;
      return true;
    }
  }
  public class Material : Object {
    public Texture mainTexture { get; set; }
  }
  public class Renderer : Component {
    public Material material { get; set; } = new Material();
  }
}

namespace UnityEditor {
  [AttributeUsage(AttributeTargets.Class)]
  public class InitializeOnLoadAttribute : Attribute {}
  [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
  public sealed class MenuItem : Attribute {
    public MenuItem(string itemName) {}
  }

  public sealed class EditorApplication {
    public delegate void CallbackFunction();
    public static CallbackFunction update;
    public static event Action quitting;
    public static void Quit() { quitting?.Invoke(); }  // of the stub
  }
  public static class AssemblyReloadEvents {
    public delegate void AssemblyReloadCallback();
    public static event AssemblyReloadCallback beforeAssemblyReload;
    public static void Reload() { beforeAssemblyReload?.Invoke(); }  // of the stub
  }
  public sealed class EditorUserSettings {
    static readonly Dictionary<string, string> values = new Dictionary<string, string>();
    public static string GetConfigValue(string name) => values.TryGetValue(name, out var value) ? value : null;
    public static void SetConfigValue(string name, string value) { values[name] = value; }
  }
  public sealed class EditorUtility {
    public static string Chosen = "";  // of the stub
    public static string OpenFolderPanel(string title, string folder, string defaultName) => Chosen;
  }

  public enum ImportAssetOptions { Default = 0, ForceUpdate = 1 }
  public sealed class AssetDatabase {
    public static readonly List<string> Asked = new List<string>();  // of the stub
    public static void StartAssetEditing() { Asked.Add("start"); }
    public static void StopAssetEditing() { Asked.Add("stop"); }
    public static void ImportAsset(string path, ImportAssetOptions options) { Asked.Add("import " + path); }
    public static bool DeleteAsset(string path) {
      Asked.Add("delete " + path);
      return true;
    }
    public static void Refresh() { Asked.Add("refresh"); }
  }
}
