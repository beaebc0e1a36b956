/* What a program is compiled for, and what the machine it runs on is like; included by graphite.h.
 *
 * Which platform, which architecture and which byte order are facts of the compilation: exactly one macro of
 * each group is defined, as 1, so that both #ifdef and #if work. The macros are decided by what the compiler
 * says of itself. Where GRAPHITE_MACROS_ONLY is defined first this header has nothing else and includes no
 * other one of the library: so it works on every platform, also where there is no libgraphite yet.
 *
 * Where names of the specification are decided in another order here: Android says that it is Linux, and iOS
 * that it is a Mac, so the particular is asked before the general. GRAPHITE_LITTLE_ENDIAN is a constant, not
 * a look at memory. */
#ifndef GRAPHITE_PLATFORM_H
#define GRAPHITE_PLATFORM_H

/* ---- platform: one of _WEB, _WINDOWS, _ANDROID, _LINUX, _IOS, _MACOS, _UNKNOWN
 *
 * _IOS is every system of Apple's that is no Mac's: iPadOS, tvOS, watchOS, visionOS and the simulators, and
 * Mac Catalyst, which runs their programs. _UNKNOWN is any other, such as the BSDs and Cygwin: no mistake, a
 * program may know what to do there. */
#if defined(__EMSCRIPTEN__)
#define GRAPHITE_PLATFORM_WEB 1
#elif defined(_WIN32)
#define GRAPHITE_PLATFORM_WINDOWS 1
#elif defined(__ANDROID__)
#define GRAPHITE_PLATFORM_ANDROID 1
#elif defined(__linux__)
#define GRAPHITE_PLATFORM_LINUX 1
#elif defined(__APPLE__)
#include <TargetConditionals.h>
#if TARGET_OS_IPHONE
#define GRAPHITE_PLATFORM_IOS 1
#elif TARGET_OS_MAC
#define GRAPHITE_PLATFORM_MACOS 1
#else
#define GRAPHITE_PLATFORM_UNKNOWN 1
#endif
#else
#define GRAPHITE_PLATFORM_UNKNOWN 1
#endif

/* ---- architecture: one of _ARM64, _X64, _X86, _ARM32, _RISCV64, _WASM, _UNKNOWN
 *
 * That of the instructions, not the width of a pointer: x32 is _X64. ARM64EC, of which Microsoft's compiler
 * says that it is x64 as well, is _ARM64. */
#if defined(_M_ARM64) || defined(_M_ARM64EC) || defined(__aarch64__)
#define GRAPHITE_ARCH_ARM64 1
#elif defined(_M_X64) || defined(__x86_64__)
#define GRAPHITE_ARCH_X64 1
#elif defined(_M_IX86) || defined(__i386__)
#define GRAPHITE_ARCH_X86 1
#elif defined(_M_ARM) || defined(__arm__)
#define GRAPHITE_ARCH_ARM32 1
#elif defined(__riscv) && __riscv_xlen == 64
#define GRAPHITE_ARCH_RISCV64 1
#elif defined(__wasm__)
#define GRAPHITE_ARCH_WASM 1
#else
#define GRAPHITE_ARCH_UNKNOWN 1
#endif

/* ---- byte order: both are defined, one as 1 and the other as 0
 *
 * A compiler that does not tell it is asked for an architecture that has only one. */
#if defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__) && defined(__ORDER_BIG_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define GRAPHITE_LITTLE_ENDIAN 1
#elif __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define GRAPHITE_LITTLE_ENDIAN 0
#else
#error "GRAPHITE needs a byte order that is little or big endian"
#endif
#elif defined(GRAPHITE_PLATFORM_WINDOWS) || defined(GRAPHITE_ARCH_X64) || defined(GRAPHITE_ARCH_X86) || \
    defined(GRAPHITE_ARCH_WASM)
#define GRAPHITE_LITTLE_ENDIAN 1
#else
#error "this compiler does not tell its byte order: GRAPHITE_LITTLE_ENDIAN cannot be decided"
#endif
#if GRAPHITE_LITTLE_ENDIAN
#define GRAPHITE_BIG_ENDIAN 0
#else
#define GRAPHITE_BIG_ENDIAN 1
#endif

/* ---- guesses, for what has to be constant: the size of an array, an alignas()
 *
 * How far apart two threads' data should be, and what a page has. Machines of one architecture differ:
 * graphite_cache_line_size() and graphite_page_size() tell what this one has, and a page may be larger than
 * the guess. */
#if defined(__APPLE__) && defined(GRAPHITE_ARCH_ARM64)
#define GRAPHITE_CACHE_LINE_SIZE 128
#define GRAPHITE_PAGE_SIZE 16384
#elif defined(GRAPHITE_ARCH_ARM32)
#define GRAPHITE_CACHE_LINE_SIZE 32
#define GRAPHITE_PAGE_SIZE 4096
#elif defined(GRAPHITE_ARCH_WASM)
#define GRAPHITE_CACHE_LINE_SIZE 64
#define GRAPHITE_PAGE_SIZE 65536
#else
#define GRAPHITE_CACHE_LINE_SIZE 64
#define GRAPHITE_PAGE_SIZE 4096
#endif

#endif /* the macros: what follows may be asked for later */

#if !defined(GRAPHITE_MACROS_ONLY) && !defined(GRAPHITE_MACHINE_SIZES_H)
#define GRAPHITE_MACHINE_SIZES_H

#include "graphite.h"

/* The byte order as a value. Cost: none, it is a constant. */
static inline bool graphite_is_little_endian(void) { return GRAPHITE_LITTLE_ENDIAN != 0; }

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a line of this machine's first data cache, as the C library or the kernel tells it;
 * GRAPHITE_CACHE_LINE_SIZE where neither does. A power of two. Cost: none, but for the first call, which
 * may read some small files of /sys. */
GRAPHITE_API size_t graphite_cache_line_size(void);
/* Bytes of a page of memory as this kernel has them: what mappings begin on. A power of two. Cost: none. */
GRAPHITE_API size_t graphite_page_size(void);

#ifdef __cplusplus
}
#endif

#endif
