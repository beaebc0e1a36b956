#!/usr/bin/env python3
"""graphite_platform.h decides for one platform, one architecture and one byte order, whatever the compiler says of itself.

  platform_macros.py CC HEADER FACTS
  platform_macros.py --real HEADER FACTS [CLANG]

The header is preprocessed as each compiler of TARGETS would do it: with nothing predefined but what that one predefines,
no header of the system but what stands in for Apple's, and for the macros alone. FACTS is core/platform_facts.hpp: what that decides is compared, by
its constants: of this machine by CC; of the real targets of REAL by CLANG, which can be told to be another compiler. Without
CLANG that is skipped: exit code 77.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77  # as ctest is told
GROUPS = {"PLATFORM": "WINDOWS LINUX ANDROID MACOS IOS WEB UNKNOWN".split(),
          "ARCH": "X64 X86 ARM64 ARM32 RISCV64 WASM UNKNOWN".split()}

LITTLE = "__BYTE_ORDER__=1234 __ORDER_LITTLE_ENDIAN__=1234 __ORDER_BIG_ENDIAN__=4321"
BIG = "__BYTE_ORDER__=4321 __ORDER_LITTLE_ENDIAN__=1234 __ORDER_BIG_ENDIAN__=4321"
PDP = "__BYTE_ORDER__=3412 __ORDER_LITTLE_ENDIAN__=1234 __ORDER_BIG_ENDIAN__=4321"
# What TargetConditionals.h says: TARGET_OS_MAC is 1 for all of them.
MAC = "TARGET_OS_MAC=1 TARGET_OS_OSX=1 TARGET_OS_IPHONE=0"
PHONE = "TARGET_OS_MAC=1 TARGET_OS_OSX=0 TARGET_OS_IPHONE=1"
APPLE = f"__APPLE__ __MACH__ {LITTLE}"

# What it is, what its compiler predefines, and: platform, architecture, little endian, cache line, page.
TARGETS = [
    ("Linux, x64", f"__linux__ __unix__ __x86_64__ {LITTLE}", ("LINUX", "X64", 1, 64, 4096)),
    ("Linux, x32", f"__linux__ __x86_64__ __ILP32__ {LITTLE}", ("LINUX", "X64", 1, 64, 4096)),
    ("Linux, x86", f"__linux__ __i386__ {LITTLE}", ("LINUX", "X86", 1, 64, 4096)),
    ("Linux, ARM64", f"__linux__ __aarch64__ {LITTLE}", ("LINUX", "ARM64", 1, 64, 4096)),
    ("Linux, ARM64, big endian", f"__linux__ __aarch64__ {BIG}", ("LINUX", "ARM64", 0, 64, 4096)),
    ("Linux, ARM32", f"__linux__ __arm__ {LITTLE}", ("LINUX", "ARM32", 1, 32, 4096)),
    ("Linux, RISC-V 64", f"__linux__ __riscv __riscv_xlen=64 {LITTLE}", ("LINUX", "RISCV64", 1, 64, 4096)),
    ("Linux, RISC-V 32", f"__linux__ __riscv __riscv_xlen=32 {LITTLE}", ("LINUX", "UNKNOWN", 1, 64, 4096)),
    ("Linux, s390x", f"__linux__ __s390x__ {BIG}", ("LINUX", "UNKNOWN", 0, 64, 4096)),
    ("Android, ARM64", f"__ANDROID__ __linux__ __aarch64__ {LITTLE}", ("ANDROID", "ARM64", 1, 64, 4096)),
    ("Android, ARM32", f"__ANDROID__ __linux__ __arm__ {LITTLE}", ("ANDROID", "ARM32", 1, 32, 4096)),
    ("Android, x64", f"__ANDROID__ __linux__ __x86_64__ {LITTLE}", ("ANDROID", "X64", 1, 64, 4096)),
    ("macOS, ARM64", f"{APPLE} __aarch64__ __arm64__ {MAC}", ("MACOS", "ARM64", 1, 128, 16384)),
    ("macOS, x64", f"{APPLE} __x86_64__ {MAC}", ("MACOS", "X64", 1, 64, 4096)),
    ("iOS", f"{APPLE} __aarch64__ __arm64__ {PHONE} TARGET_OS_IOS=1", ("IOS", "ARM64", 1, 128, 16384)),
    ("iOS simulator, x64", f"{APPLE} __x86_64__ {PHONE} TARGET_OS_SIMULATOR=1", ("IOS", "X64", 1, 64, 4096)),
    ("Mac Catalyst", f"{APPLE} __aarch64__ {PHONE} TARGET_OS_MACCATALYST=1", ("IOS", "ARM64", 1, 128, 16384)),
    ("Apple's, neither", f"{APPLE} __aarch64__ TARGET_OS_MAC=0", ("UNKNOWN", "ARM64", 1, 128, 16384)),
    ("Windows, x64, Microsoft", "_WIN32 _WIN64 _M_X64=100 _M_AMD64=100 _MSC_VER=1930", ("WINDOWS", "X64", 1, 64, 4096)),
    ("Windows, x86, Microsoft", "_WIN32 _M_IX86=600 _MSC_VER=1930", ("WINDOWS", "X86", 1, 64, 4096)),
    ("Windows, ARM64, Microsoft", "_WIN32 _WIN64 _M_ARM64=1 _MSC_VER=1930", ("WINDOWS", "ARM64", 1, 64, 4096)),
    ("Windows, ARM64EC", "_WIN32 _WIN64 _M_X64=100 _M_AMD64=100 _M_ARM64EC=1", ("WINDOWS", "ARM64", 1, 64, 4096)),
    ("Windows, ARM32, Microsoft", "_WIN32 _M_ARM=7 _MSC_VER=1930", ("WINDOWS", "ARM32", 1, 32, 4096)),
    ("Windows, x64, MinGW", f"_WIN32 _WIN64 __MINGW64__ __x86_64__ {LITTLE}", ("WINDOWS", "X64", 1, 64, 4096)),
    ("Web", f"__EMSCRIPTEN__ __wasm__ __wasm32__ __unix__ {LITTLE}", ("WEB", "WASM", 1, 64, 65536)),
    ("Web, as it once was", f"__EMSCRIPTEN__ __linux__ __wasm__ {LITTLE}", ("WEB", "WASM", 1, 64, 65536)),
    ("WebAssembly elsewhere", f"__wasm__ __wasi__ {LITTLE}", ("UNKNOWN", "WASM", 1, 64, 65536)),
    ("FreeBSD", f"__FreeBSD__=13 __unix__ __x86_64__ {LITTLE}", ("UNKNOWN", "X64", 1, 64, 4096)),
    ("Cygwin", f"__CYGWIN__ __unix__ __x86_64__ {LITTLE}", ("UNKNOWN", "X64", 1, 64, 4096)),
]
# What is refused, and by which words.
REFUSED = [("an order of PDP-11", f"__linux__ __arm__ {PDP}", "little or big endian"),
           ("an order that is not told", "__linux__ __arm__", "does not tell its byte order")]
REAL = ["x86_64-linux-gnu", "aarch64_be-linux-gnu", "armv7a-linux-gnueabihf", "riscv64-linux-gnu", "s390x-linux-gnu",
        "aarch64-linux-android30", "i686-linux-android30", "arm64-apple-macos12", "x86_64-apple-macos12",
        "arm64-apple-ios15", "arm64-apple-ios15-macabi", "x86_64-pc-windows-msvc", "aarch64-pc-windows-msvc",
        "i686-w64-windows-gnu", "wasm32-unknown-emscripten", "wasm32-wasi", "x86_64-unknown-freebsd13"]


def stand_ins(folder, conditionals):
    """Apple's header with these macros, and no other header of any system."""
    pathlib.Path(folder, "TargetConditionals.h").write_text(
        "".join(f"#define {one.replace('=', ' ')}\n" for one in conditionals))


def preprocess(command, header, conditionals=()):
    """The macros GRAPHITE_… that are defined in the end, or what the compiler said against it."""
    with tempfile.TemporaryDirectory() as folder:
        stand_ins(folder, conditionals)
        done = subprocess.run([*command, "-E", "-dM", "-DGRAPHITE_MACROS_ONLY", "-nostdinc", f"-I{folder}", "-xc", header], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr
    return dict(re.findall(r"^#define (GRAPHITE_\w+) (.*)$", done.stdout, re.MULTILINE))


def faked(cc, header, predefined):
    words = predefined.split()
    flags = [f"-D{word}" for word in words if not word.startswith("TARGET_OS_")]
    return preprocess([cc, "-undef", *flags], header, [word for word in words if word.startswith("TARGET_OS_")])


def decided(macros):
    """(platform, architecture, little endian, line, page), or a text that says what is wrong with them."""
    if not isinstance(macros, dict):
        return macros
    found = []
    for group, names in GROUPS.items():
        of_group = {name: value for name, value in macros.items() if name.startswith(f"GRAPHITE_{group}_") and not name.endswith("_H")}
        known = [name for name in names if of_group.get(f"GRAPHITE_{group}_{name}") == "1"]
        if len(known) != 1 or len(of_group) != 1:
            return f"not one of {group}: {of_group}"
        found += known
    if {macros.get("GRAPHITE_LITTLE_ENDIAN"), macros.get("GRAPHITE_BIG_ENDIAN")} != {"0", "1"}:
        return "the two byte orders are not 0 and 1"
    return (*found, *(int(macros[f"GRAPHITE_{one}"]) for one in ("LITTLE_ENDIAN", "CACHE_LINE_SIZE", "PAGE_SIZE")))


def agreement(facts, of_macros):
    """C++ that compiles only where the constants are what the macros say."""
    platform, architecture, little, line, page = of_macros
    platform = {"LINUX": "linux_"}.get(platform, platform.lower())
    return "".join(f"static_assert({one});\n" for one in (
        f"graphite::this_platform == graphite::platform_kind::{platform}",
        f"graphite::this_architecture == graphite::architecture_kind::{architecture.lower()}",
        f"(graphite::this_byte_order == std::endian::little) == {little}",
        f"graphite::cache_line_bytes_guess == {line}", f"graphite::page_bytes_guess == {page}"))


# As much of the standard library as the constants need, where a target's is not installed.
LIBRARY = {"bit": "namespace std { enum class endian { little = __ORDER_LITTLE_ENDIAN__, big = __ORDER_BIG_ENDIAN__, native = __BYTE_ORDER__ }; }\n",
           "cstddef": "namespace std { using size_t = decltype(sizeof 0); }\n",
           "cstdint": "namespace std { using uint8_t = unsigned char; }\n",
           "string_view": "namespace std { struct string_view { const char* text; constexpr string_view(const char* t) : text(t) {} }; }\n"}


def real_conditionals(target):
    return (PHONE if "ios" in target else MAC).split() if "apple" in target else []


def disagreement(command, facts, of_macros, conditionals):
    with tempfile.TemporaryDirectory() as folder:
        stand_ins(folder, conditionals)
        for name, text in LIBRARY.items():
            pathlib.Path(folder, name).write_text(text)
        program = pathlib.Path(facts).read_text().replace("#pragma once", "") + agreement(facts, of_macros)
        done = subprocess.run([*command, "-std=c++20", "-fsyntax-only", "-nostdinc", "-nostdinc++", f"-I{folder}", "-xc++", "-"],
                              input=program, capture_output=True, text=True)
    return done.stderr if done.returncode != 0 else None


def problems(cc, header, facts):
    for name, predefined, wanted in TARGETS:
        found = decided(faked(cc, header, predefined))
        if found != wanted:
            yield f"{name}: {found} instead of {wanted}"
    for name, predefined, words in REFUSED:
        found = faked(cc, header, predefined)
        if isinstance(found, dict) or words not in found:
            yield f"{name} is not refused: {found}"
    yield from disagreements([cc], header, facts)


def real_problems(header, facts, clang):
    for target in REAL:
        yield from disagreements([clang, f"--target={target}"], header, facts, real_conditionals(target))


def disagreements(command, header, facts, conditionals=()):
    found = decided(preprocess(command, header, conditionals))
    if isinstance(found, str):
        yield f"{' '.join(command)}: {found}"
    elif (wrong := disagreement(command, facts, found, conditionals)) is not None:
        yield f"{' '.join(command)}: the constants are not what the macros say, {found}:\n{wrong}"


def main(first, *others):
    if first == "--real" and not any(others[2:]):
        print("SKIPPED the real targets: there is no clang", flush=True)
        return SKIPPED
    found = list(real_problems(*others) if first == "--real" else problems(first, *others))
    for one in found:
        print(one, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
