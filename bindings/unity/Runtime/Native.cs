using System;
using System.Runtime.InteropServices;

namespace Graphite {
  // The functions of graphite.h and graphite_live.h that this package calls. What a SafeHandle stands for stays alive
  // while a call has it, whoever disposes of it meanwhile.
  internal static unsafe class Native {
#if UNITY_IOS && !UNITY_EDITOR
    const string Library = "__Internal";
#else
    const string Library = "graphite";
#endif
    const CallingConvention C = CallingConvention.Cdecl;

    [UnmanagedFunctionPointer(C)]
    public delegate void ReloadCallback(IntPtr oldBundle, IntPtr newBundle, IntPtr userData);
    [UnmanagedFunctionPointer(C)]
    public delegate void ChangesCallback(IntPtr changes, IntPtr userData);
    [UnmanagedFunctionPointer(C)]
    public delegate void AssetCallback(IntPtr assetEvent, IntPtr userData);

    [DllImport(Library, CallingConvention = C)]
    public static extern IntPtr graphite_result_name(Result result);
    [DllImport(Library, CallingConvention = C)]
    public static extern IntPtr graphite_last_error();
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_last_result();
    [DllImport(Library, CallingConvention = C)]
    public static extern IntPtr graphite_version();

    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_bundle_open(byte* path, out IntPtr bundle);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_bundle_verify(BundleHandle bundle, IntPtr before);
    [DllImport(Library, CallingConvention = C)]
    public static extern void graphite_bundle_close(IntPtr bundle);
    [DllImport(Library, CallingConvention = C)]
    public static extern IntPtr graphite_bundle_retain(IntPtr bundle);
    [DllImport(Library, CallingConvention = C)]
    public static extern void graphite_bundle_describe(BundleHandle bundle, out NativeBundleInfo info);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_bundle_assets(BundleHandle bundle, ulong* ids, UIntPtr capacity,
                                                       out UIntPtr count);

    [DllImport(Library, CallingConvention = C)]
    public static extern ulong graphite_asset_id(byte* path, UIntPtr length);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_find(BundleHandle bundle, ulong id, out NativeAsset asset);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_asset_part(BundleHandle bundle, NativeAsset* asset, uint index,
                                                    out NativePart part);
    [DllImport(Library, CallingConvention = C)]
    public static extern ulong graphite_asset_reference(NativeAsset* asset, uint index);

    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_atomic_bundle_init(IntPtr place, IntPtr first);
    [DllImport(Library, CallingConvention = C)]
    public static extern void graphite_atomic_bundle_destroy(IntPtr place);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_reader_pin(IntPtr place, out NativePin pin);
    [DllImport(Library, CallingConvention = C)]
    public static extern void graphite_reader_unpin(ref NativePin pin);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_atomic_swap_bundle(PlaceHandle place, IntPtr next);
    [DllImport(Library, CallingConvention = C)]
    public static extern UIntPtr graphite_atomic_bundle_collect(PlaceHandle place);

    [DllImport(Library, CallingConvention = C)]
    public static extern void graphite_hot_reload_config_init(NativeConfig* config);
    [DllImport(Library, CallingConvention = C)]
    public static extern IntPtr graphite_hot_reload_init(NativeConfig* config);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_subscribe(byte* address, byte* channel, NativeConfig* config,
                                                   out IntPtr context);
    [DllImport(Library, CallingConvention = C)]
    public static extern void graphite_hot_reload_shutdown(IntPtr context);
    [DllImport(Library, CallingConvention = C)]
    public static extern IntPtr graphite_hot_reload_bundle(ContextHandle context);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_poll(ContextHandle context, ulong budgetNs, out UIntPtr left);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_wait(ContextHandle context, ulong version, ulong timeoutNs);

    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_handle_open(ContextHandle context, ulong id, out ulong handle);
    [DllImport(Library, CallingConvention = C)]
    public static extern void graphite_handle_close(ContextHandle context, ulong handle);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_handle_read(ContextHandle context, ulong handle, uint part,
                                                     out NativeView view);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_handle_changed(ContextHandle context, ulong handle, out ulong version,
                                                        out ulong id);
    [DllImport(Library, CallingConvention = C)]
    public static extern void graphite_view_release(ref NativeView view);

    [DllImport(Library, CallingConvention = C)]
    public static extern UIntPtr graphite_hot_reload_generations(ContextHandle context, NativeGenerationInfo* into,
                                                                 UIntPtr capacity);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_rollback(ContextHandle context, uint steps);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_resume(ContextHandle context);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_fetch(ContextHandle context, ulong* ids, UIntPtr count);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_fetch_wait(ContextHandle context, ulong id, ulong timeoutNs);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_optimized_reload(ContextHandle context, byte* path, IntPtr buffers);
    [DllImport(Library, CallingConvention = C)]
    public static extern Result graphite_hot_reload_statistics(ContextHandle context, ref NativeStatistics statistics);
  }
}
