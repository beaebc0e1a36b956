// What a C# program sees: the package's engine-free part against the real library. One case a process; the driver is
// tests/e2e/unity.py, which makes the project and runs `graphite dev` beside it.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Reflection;
using System.Text;
using System.Threading;

namespace Graphite.Test {
  /// <summary>The claim of a test did not hold.</summary>
  public sealed class Failed : Exception {
    public Failed(string text) : base(text) {}
  }

  /// <summary>Claims, and waits with a deadline that only ends a broken run.</summary>
  public static class Claim {
    static readonly TimeSpan deadline = TimeSpan.FromSeconds(60);

    public static void True(bool holds, string what) {
      if (!holds) throw new Failed(what);
    }
    public static void Equal<T>(T found, T expected, string what) {
      if (!EqualityComparer<T>.Default.Equals(found, expected))
        throw new Failed(what + ": found " + found + ", expected " + expected);
    }
    public static void Code(Result code, Action what) {
      try {
        what();
      } catch (GraphiteException e) {
        Equal(e.Code, code, "code of " + e.Message);
        return;
      }
      throw new Failed("no " + code);
    }
    public static TException Throws<TException>(Action what) where TException : Exception {
      try {
        what();
      } catch (TException e) {
        return e;
      }
      throw new Failed("no " + typeof(TException).Name);
    }
    /// <summary>Asks again and again, and polls or waits for the next version in between.</summary>
    public static void Soon(Func<bool> condition, string what, Action between) => Soon(condition, () => what, between);
    public static void Soon(Func<bool> condition, Func<string> what, Action between) {
      var waited = Stopwatch.StartNew();
      while (!condition()) {
        if (waited.Elapsed > deadline) throw new Failed("waited for " + what());
        between();
      }
    }
  }

  /// <summary>The project that `graphite dev` follows, and its bundle folder.</summary>
  public sealed class Project : MarshalByRefObject {
    readonly string root;
    public Project(string root, string bundle, string address) {
      this.root = root;
      Bundle = bundle;
      Address = address;
    }
    public string Bundle { get; }
    public string Address { get; }
    public string Work => Path.GetDirectoryName(root);

    public void Write(string name, string text) {
      var path = Path.Combine(root, name);
      Directory.CreateDirectory(Path.GetDirectoryName(path));
      File.WriteAllText(path, text);
    }
    public void Remove(string name) { File.Delete(Path.Combine(root, name)); }
    public override object InitializeLifetimeService() => null;
  }

  public static class Program {
    public static string TextOf(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes.ToArray());
    public static string TextOf(Bundle bundle, string path) =>
      bundle != null && bundle.TryFind(path, out var asset) ? TextOf(asset.Span()) : null;

    /// <summary>Collects twice, with the finalisers in between, so that what they let go of is gone, too.</summary>
    public static void CollectAll() {
      for (var i = 0; i < 2; ++i) {
        GC.Collect();
        GC.WaitForPendingFinalizers();
      }
    }

    public static int Main(string[] arguments) {
      var name = arguments[0];
      foreach (var type in new[] {typeof(BundleCases), typeof(LiveCases), typeof(CacheCases), typeof(DisposalCases),
                                  typeof(DomainCases), typeof(EngineCases)}) {
        var found = type.GetMethod(name, BindingFlags.Public | BindingFlags.Static);
        if (found == null) continue;
        try {
          found.Invoke(null, new object[] {new ArraySegment<string>(arguments, 1, arguments.Length - 1).ToStrings()});
        } catch (TargetInvocationException e) {
          Console.WriteLine(e.InnerException);
          return 1;
        }
        Console.WriteLine("ok " + name);
        return 0;
      }
      Console.WriteLine("no such case: " + name);
      return 2;
    }

    static string[] ToStrings(this ArraySegment<string> from) {
      var all = new string[from.Count];
      Array.Copy(from.Array, from.Offset, all, 0, from.Count);
      return all;
    }
  }
}
