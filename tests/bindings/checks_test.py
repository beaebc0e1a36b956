#!/usr/bin/env python3
"""symbols.py, snippets.py, headers.py and platform_macros.py find what they look for."""
import contextlib
import io
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import headers
import platform_macros
import snippets
import symbols

HEADER = """
#define GRAPHITE_API __attribute__((visibility("default")))
/* GRAPHITE_API int not_this(void); */
GRAPHITE_API const char* first(void); /* and this: GRAPHITE_API */
GRAPHITE_API graphite_result second(const thing* of,
                                    void (*callback)(int));
GRAPHITE_API third_type*
    third(void);
void no_function_of_the_library(void);
"""


class Symbols(unittest.TestCase):
    def test_reads_declarations(self):
        self.assertEqual(symbols.declared(HEADER), (["first", "second", "third"], 0))
        self.assertEqual(symbols.declared("#define GRAPHITE_FOLLOW_CHANNEL graphite_follow_9\n"), (["graphite_follow_9"], 0))
        self.assertEqual(symbols.declared("GRAPHITE_API extern int variable;\n"), ([], 1))

    def test_finds_functions_whose_comment_does_not_tell_the_cost(self):
        header = ("/* Cost: none. */\nGRAPHITE_API int good(void);\nGRAPHITE_API int bare(void);\n"
                  "/* Cost: none. */\ntypedef int thing;\n/* Something\n * else. */\nGRAPHITE_API thing\n  silent(void);\n")
        self.assertEqual(list(symbols.without_cost(header)), ["bare", "silent"])

    def test_reads_nm(self):
        self.assertEqual(symbols.exported("00 A NODE_1\n01 T b@@NODE_1\n02 D a\n"), ["a", "b@@NODE_1"])

    def found(self, exported, listed, declared):
        return list(symbols.problems(exported, listed, declared))

    def test_finds_nothing_where_all_is_well(self):
        self.assertEqual(self.found(["a@@N", "b@@N"], ["a@@N", "b@@N"], ["a", "b"]), [])

    def test_finds_what_is_wrong(self):
        self.assertEqual(self.found(["a@@N"], ["a@@N"], ["a", "b"]), ["b is declared and not exported"])
        self.assertEqual(self.found(["a@@N", "b"], ["a@@N"], ["a"]),
                         ["b is exported and not listed", "b is exported and not declared"])
        self.assertEqual(self.found(["a@@N"], ["a@@N", "b@@N"], ["a"]), ["b@@N is listed and not exported"])
        self.assertEqual(self.found(["a@@M"], ["a@@N"], ["a"]),
                         ["a@@M is exported and not listed", "a@@N is listed and not exported"])
        self.assertEqual(self.found(["a", "b"], ["b", "a"], ["a", "b"]), ["the list is not in order"])
        self.assertEqual(self.found(["a"], ["a"], ["a", "a"]), ["a function is declared twice"])


class Snippets(unittest.TestCase):
    def compiles(self, text):
        with tempfile.TemporaryDirectory() as include:
            pathlib.Path(include, "graphite.h").write_text("int answer(int);\n")
            pathlib.Path(include, "graphite.hpp").write_text('#include <string>\n#include "graphite.h"\n')
            compilers = {"c": shutil.which("cc"), "cpp": shutil.which("c++")}
            found = [snippets.problem(compilers, include, "x.md", block) for block in snippets.blocks(text)]
        self.assertNotEqual(found, [], "a block was not seen")
        return found == [None] * len(found)

    def test_a_body(self):
        self.assertTrue(self.compiles("text\n\n```c\nint x = answer(1);\n```\n"))
        self.assertFalse(self.compiles("```c\nint x = answer(1, 2);\n```\n"))
        self.assertFalse(self.compiles("```c\nunsigned x = 1;\nif (x < -1) answer(1);\n```\n"), "a warning")

    def test_functions_of_a_body_see_what_is_above_them(self):
        body = ("```cpp\n#include <graphite.hpp>\n#include <vector>\nstd::vector<int> all;\n\n"
                "void frame() {\n  all.push_back(answer(1));\n}\n{}```\n")
        self.assertTrue(self.compiles(body.replace("{}", "void again() { frame(); }  // so\n")))
        self.assertFalse(self.compiles(body.replace("{}", "void again() { fram(); }\n")))

    def test_what_the_reader_has(self):
        body = "```cpp\ndraw(std::to_string(answer(1)));\n```\n"
        self.assertFalse(self.compiles(body))
        self.assertTrue(self.compiles("<!-- compiled with: void draw(const std::string&); -->\n" + body))

    def test_a_file(self):
        self.assertTrue(self.compiles("```c\n#include <graphite.h>\nint main(void) {\n  return answer(1);\n}\n```\n"))
        self.assertFalse(self.compiles("```c\nint main(void) {\n  return answer(1);\n}\n```\n"), "it includes nothing")
        self.assertTrue(self.compiles("```c\nstatic int one(void) {\n  return 1;\n}\n```\n"))

    def test_the_example_of_a_header(self):
        header = ("/* What it is.\n *\n *   int x = answer(1);\n *   if (x == 0) ...\n *\n *   answer(x);\n *\n"
                  " * Threads: any, and this goes\n *   on.\n *\n * The end. */\nint answer(int);\n *\n *   not this\n")
        (line, language, _, code), = snippets.examples("x.h", header)
        self.assertEqual((line, language), (2, "c"))
        self.assertEqual(code, "#include <x.h>\n\nint x = answer(1);\nif (x == 0) (void)0;\n\nanswer(x);\n")

    def test_other_languages_and_plain_blocks_are_left_alone(self):
        self.assertEqual(list(snippets.blocks("```\nx\n```\n\n```csharp\ny\n```\n")), [])


class Headers(unittest.TestCase):
    def compiles(self, name, text):
        with tempfile.TemporaryDirectory() as folder:
            header = pathlib.Path(folder, name)
            header.write_text(text)
            return [headers.problem(shutil.which("cc" if language is headers.C else "c++"), standard, language, header) == []
                    for standard, language in headers.LANGUAGES[header.suffix]]

    def test_a_language_at_a_time(self):
        self.assertEqual(self.compiles("x.h", "#pragma once\nint answer(void);\n"), [True, True, True])
        self.assertEqual(self.compiles("x.h", "#pragma once\nint answer();\n"), [False, True, True])
        self.assertEqual(self.compiles("x.h", "#pragma once\nenum { trailing, };\nstruct s { int _Alignas(8) x; };\n"),
                         [True, False, False])
        self.assertEqual(self.compiles("x.hpp", "#pragma once\n#include <span>\nstd::span<int> all();\n"), [False, True])

    def test_a_header_that_does_not_guard_itself(self):
        self.assertEqual(self.compiles("x.hpp", "struct twice {};\n"), [False, False])


class PlatformMacros(unittest.TestCase):
    ROOT = pathlib.Path(__file__).parents[2]
    HEADER, FACTS = ROOT / "bindings/c/graphite_platform.h", ROOT / "core/platform_facts.hpp"

    def found(self, mistake=("", ""), mistaken_fact=("", "")):
        with tempfile.TemporaryDirectory() as folder:
            for source, (right, wrong) in ((self.HEADER, mistake), (self.FACTS, mistaken_fact)):
                text = source.read_text()
                self.assertIn(right, text)
                pathlib.Path(folder, source.name).write_text(text.replace(right, wrong) if right else text)
            return "\n".join(platform_macros.problems(shutil.which("cc"), pathlib.Path(folder, self.HEADER.name),
                                                      pathlib.Path(folder, self.FACTS.name)))

    def test_nothing_where_all_is_well(self):
        self.assertEqual(self.found(), "")

    def test_a_general_one_that_hides_a_particular_one(self):
        self.assertRegex(self.found(("defined(__ANDROID__)", "0")), r"Android, x64: \('LINUX', 'X64'")
        self.assertRegex(self.found(("#if TARGET_OS_IPHONE", "#if 0")), r"iOS: \('MACOS'.*\n(?:.*\n)*Mac Catalyst: ")
        self.assertRegex(self.found(("defined(__EMSCRIPTEN__)", "0")), r"Web, as it once was: \('LINUX'")
        self.assertIn("Windows, ARM64EC", self.found((" || defined(_M_ARM64EC)", "")))

    def test_two_of_a_group_and_none(self):
        self.assertIn("not one of PLATFORM", self.found(("PLATFORM_LINUX 1", "PLATFORM_LINUX 1\n#define GRAPHITE_PLATFORM_WEB 1")))
        self.assertIn("not one of ARCH", self.found(("#define GRAPHITE_ARCH_UNKNOWN 1", "")))

    def test_a_byte_order_that_is_wrong_or_guessed(self):
        self.assertIn("Linux, s390x", self.found(("LITTLE_ENDIAN 0", "LITTLE_ENDIAN 1")))
        self.assertIn("not told is not refused", self.found(("#error \"this compiler", "#define GRAPHITE_LITTLE_ENDIAN 1 //")))

    def test_constants_that_are_something_else(self):
        self.assertIn("not what the macros say", self.found(mistaken_fact=("platform_kind::linux_;", "platform_kind::web;")))
        self.assertIn("not what the macros say", self.found(mistaken_fact=("std::endian::native", "std::endian::big")))

    def test_no_clang_is_told_as_skipped(self):
        for without in ([], [""]):
            with contextlib.redirect_stdout(io.StringIO()) as said:
                self.assertEqual(platform_macros.main("--real", str(self.HEADER), str(self.FACTS), *without), 77)
            self.assertRegex(said.getvalue(), "^SKIPPED ")

    @unittest.skipUnless(shutil.which("clang") or shutil.which("clang-14"), "there is no clang")
    def test_real_targets_whose_constants_are_something_else(self):
        clang = shutil.which("clang") or shutil.which("clang-14")
        with tempfile.TemporaryDirectory() as folder:
            facts = pathlib.Path(folder, "facts.hpp")
            facts.write_text(self.FACTS.read_text().replace("platform_kind::ios;", "platform_kind::macos;"))
            found = list(platform_macros.real_problems(str(self.HEADER), str(facts), clang))
        self.assertRegex("\n".join(found), "arm64-apple-ios15: the constants are not what the macros say")
        self.assertNotIn("linux", "".join(one.partition(":")[0] for one in found))


if __name__ == "__main__":
    unittest.main(verbosity=0)
