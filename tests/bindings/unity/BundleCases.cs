using System;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Threading;

namespace Graphite.Test {
  // What needs no following. Arguments: files that hold generations 0, 1, … of a project, in each of which the asset
  // set/I.txt says "generation N", and big.bin is 100,000 bytes of N.
  public static class BundleCases {
    const int Assets = 5;

    /// <summary>Prints every structure, its members and their places, every function and result: the driver holds them
    /// against the headers.</summary>
    public static void Layout(string[] none) {
      var library = typeof(Bundle).Assembly;
      foreach (var type in library.GetTypes()) {
        if (!type.Name.StartsWith("Native") || type.Name == "Native" || !type.IsValueType) continue;
        Console.WriteLine("struct " + type.Name + " " + Marshal.SizeOf(type));
        foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
          Console.WriteLine("member " + type.Name + " " + field.Name + " " + Marshal.OffsetOf(type, field.Name));
      }
      foreach (var method in library.GetType("Graphite.Native").GetMethods(BindingFlags.Static | BindingFlags.Public))
        Console.WriteLine("function " + method.Name);
      foreach (Result result in Enum.GetValues(typeof(Result)))
        Console.WriteLine("result " + (int)result + " " + new GraphiteException(result, "").Message.Split(':')[0]);
      foreach (AssetEventType type in Enum.GetValues(typeof(AssetEventType)))
        Console.WriteLine("event " + (int)type + " " + type);
    }

    public static void Reads(string[] files) {
      Claim.Equal(Library.Version, "0.1.0", "version");
      using (var bundle = Bundle.Open(files[1])) {
        var info = bundle.Describe();
        Claim.Equal(info.Channel, "main", "channel");
        Claim.True(info.Assets >= Assets + 1 && info.Sequence > 0 && info.Root.Length == 32, "what it says of itself");
        var asset = bundle.Find("set/0.txt");
        Claim.Equal(asset.Id, Library.AssetId("set/0.txt"), "id");
        Claim.Equal(asset.Path, "set/0.txt", "path");
        Claim.Equal(bundle.PathOf(asset.Id), "set/0.txt", "path by id");
        Claim.Equal(asset.PartCount, 1u, "parts");
        Claim.Equal(asset.Reference(0), 0ul, "no reference");
        Claim.Equal(Program.TextOf(asset.Span()), "generation 1", "span");
        Claim.Code(Result.NotFound, () => asset.Open(1));
        Claim.Equal(Program.TextOf(bundle, "set/\u00fcml\u00e4ut.txt"), "not ASCII", "path that is not ASCII");
        Claim.Equal(bundle.Find("empty").Span().Length, 0, "empty span");
        Claim.True(!bundle.TryFind("no/such", out _), "an absent asset");
        Claim.Code(Result.NotFound, () => bundle.Find("no/such"));
        var ids = bundle.AssetIds();
        Claim.Equal((ulong)ids.Length, info.Assets, "ids");
        Claim.True(Array.BinarySearch(ids, asset.Id) >= 0 && Array.TrueForAll(ids, id => bundle.PathOf(id) != null),
                   "they are not ascending, or not of assets");
        bundle.Verify();
        using (var before = Bundle.Open(files[0])) bundle.Verify(before);
      }
      Claim.Code(Result.NotFound, () => Bundle.Open("/no/such/bundle"));
      Claim.Throws<ArgumentException>(() => Bundle.Open("a\0b"));
      Claim.Throws<ArgumentNullException>(() => Bundle.Open(null));
    }

    public static void Views(string[] files) {
      View view, empty;
      using (var bundle = Bundle.Open(files[1])) {
        view = bundle.Find("big.bin").Open();
        empty = bundle.Find("empty").Open();
      }
      // The bundle is gone; what was opened of it is not.
      Program.CollectAll();
      Claim.Equal(view.Length, 100000L, "length");
      Claim.Equal(view.Span[99999], (byte)1, "the last byte");
      Claim.Equal(view.ToArray().Length, 100000, "copy");
      var copy = new MemoryStream();
      var stream = view.OpenStream();
      stream.CopyTo(copy);
      Claim.Equal(copy.Length, 100000L, "streamed");
      Claim.True(!stream.CanWrite, "nothing is written through a view");
      stream.Position = 5;
      view.Dispose();
      view.Dispose();
      Claim.Throws<ObjectDisposedException>(() => stream.ReadByte());
      Claim.Throws<ObjectDisposedException>(() => view.OpenStream());
      Claim.Throws<ObjectDisposedException>(() => view.Read(bytes => bytes.Length));
      Claim.Throws<ObjectDisposedException>(() => { var _ = view.Span.Length; });
      Claim.Equal(empty.Length + empty.ToArray().Length + empty.Span.Length, 0L, "empty view");
      Claim.Equal(empty.OpenStream().ReadByte(), -1, "empty stream");
      empty.Dispose();
    }

    public static void AReaderKeepsAViewThatIsDisposedOf(string[] files) {
      using (var bundle = Bundle.Open(files[0])) {
        var view = bundle.Find("set/1.txt").Open();
        bundle.Dispose();
        var text = view.Read(bytes => {
          var disposer = new Thread(view.Dispose);
          disposer.Start();
          disposer.Join();
          Program.CollectAll();
          return Program.TextOf(bytes);
        });
        Claim.Equal(text, "generation 0", "what was read");
        Claim.True(view.IsDisposed, "afterwards it is gone");
      }
    }

    public static void DisposedBundlesAndAssets(string[] files) {
      var bundle = Bundle.Open(files[0]);
      var other = bundle.Retain();
      var asset = bundle.Find("set/1.txt");
      bundle.Dispose();
      bundle.Dispose();
      Claim.Throws<ObjectDisposedException>(() => bundle.TryFind("set/1.txt", out _));
      Claim.Throws<ObjectDisposedException>(() => bundle.Retain());
      Claim.Throws<ObjectDisposedException>(() => bundle.Describe());
      Claim.Throws<ObjectDisposedException>(() => { var _ = asset.Path; });
      Claim.Throws<ObjectDisposedException>(() => asset.Open());
      Claim.Throws<ObjectDisposedException>(() => { asset.Span(); });
      Claim.Throws<ObjectDisposedException>(() => other.Verify(bundle));
      Claim.Equal(Program.TextOf(other, "set/1.txt"), "generation 0", "the other reference");
      other.Dispose();
    }

    /// <summary>Readers at full speed see whole generations while bundles are swapped and collected.</summary>
    public static void SwapsUnderReadersAndCollections(string[] files) {
      const int swaps = 1000;
      var generations = Array.ConvertAll(files, Bundle.Open);
      var place = new AtomicBundle();
      Claim.True(place.Current() == null, "nothing is current yet");
      var done = false;
      Exception problem = null;
      place.Swap(generations[0]);
      var readers = new Thread[2];
      for (var r = 0; r < readers.Length; ++r) {
        readers[r] = new Thread(() => {
          try {
            while (!Volatile.Read(ref done)) ReadOne(place, files.Length);
          } catch (Exception e) {
            problem = e;
          }
        });
        readers[r].Start();
      }
      for (var i = 1; i <= swaps; ++i) {
        place.Swap(generations[i % files.Length]);
        if (i % 3 == 0) GC.Collect();
      }
      Volatile.Write(ref done, true);
      foreach (var reader in readers) reader.Join();
      if (problem != null) throw problem;
      Program.CollectAll();
      Claim.Equal(place.Collect(), 0, "replaced generations that are left");
      // In the worst order: the place first, then what was current in it.
      var last = place.Current(out var version);
      Claim.Equal(version, (ulong)swaps + 1, "version");
      place.Dispose();
      place.Dispose();
      foreach (var generation in generations) generation.Dispose();
      Claim.Equal(Program.TextOf(last, "set/0.txt"), "generation " + swaps % files.Length, "the last one");
      Claim.Throws<ObjectDisposedException>(() => place.Current());
      Claim.Throws<ObjectDisposedException>(() => place.Swap(last));
    }

    // Every fourth reader leaves its bundle to the finaliser.
    static void ReadOne(AtomicBundle place, int generations) {
      var now = place.Current(out var version);
      var wanted = "generation " + (version - 1) % (ulong)generations;
      for (var i = 0; i < Assets; ++i)
        Claim.Equal(Program.TextOf(now, "set/" + i + ".txt"), wanted, "of one generation");
      if (version % 4 != 0) now.Dispose();
      GC.KeepAlive(now);
    }
  }
}
