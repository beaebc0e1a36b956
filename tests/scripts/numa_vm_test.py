#!/usr/bin/env python3
"""What scripts/test-numa decides without a machine: sources of apt, QEMU's arguments, verdicts on what was seen."""
import pathlib
import struct
import sys
import unittest
import zlib
from xml.etree import ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))
from numa_vm import debian, guest, machine, pictures, project, service  # noqa: E402
from numa_vm.expect import POOLS  # noqa: E402
from numa_vm.kernel_lists import cpu_text, numbers_of  # noqa: E402
from numa_vm.layouts import LAYOUTS  # noqa: E402
from numa_vm.processes import mappings_in, private_pages_in  # noqa: E402
from numa_vm.workers import Process, Workers, check_places, check_work  # noqa: E402

BUILD_THREADS, ACTOR_THREADS = POOLS


class Report:
    """Keeps the last verdict."""

    def verdict(self, name, faults, detail):
        self.name = name
        self.faults = faults
        self.detail = detail


def pool_faults(layout, pool, threads):
    report = Report()
    service.check_pool(report, layout, pool, threads)
    return report.faults


def place_faults(layout, *processes):
    """Of (number, number of the server or 0, processors, threads)."""
    workers = Workers()
    workers.processes = {pid: Process(server, set(cpus.split()), threads) for pid, server, cpus, threads in processes}
    report = Report()
    check_places(report, layout, workers)
    return report.faults


def page_faults(layout, text):
    report = Report()
    service.check_pages(report, layout, list(mappings_in(text)))
    return report.faults


class KernelLists(unittest.TestCase):
    def test_ranges_and_numbers(self):
        self.assertEqual(numbers_of("0-2,5\n"), [0, 1, 2, 5])
        self.assertEqual(numbers_of("\n"), [])
        self.assertEqual(cpu_text([0, 1, 2, 5]), "0-2,5")


class AptSources(unittest.TestCase):
    def test_deb822_with_comments_and_several_suites(self):
        text = "Types: deb\n# a comment\nURIs: http://one/debian\nSuites: a a-updates\nComponents: main\nSigned-By: /key\n\n" \
               "Types: deb-src\nURIs: http://two\nSuites: a\nComponents: main\n\n" \
               "Types: deb\nEnabled: no\nURIs: http://three\nSuites: a\nComponents: main\n"
        self.assertEqual(list(debian.entries_of_sources(text)), [(["http://one/debian"], ["a", "a-updates"], ["main"], "/key")])

    def test_lines_with_options_and_comments(self):
        text = "# deb http://no a main\ndeb-src http://no a main\n" \
               "deb [arch=amd64 signed-by=/key] http://one/debian a main contrib # why\ndeb http://two a main\n"
        self.assertEqual(list(debian.entries_of_list(text)),
                         [(["http://one/debian"], ["a"], ["main", "contrib"], "/key"), (["http://two"], ["a"], ["main"], "")])


class Machines(unittest.TestCase):
    def test_distances_fit_the_nodes(self):
        for layout in LAYOUTS.values():
            count = len(layout.nodes)
            self.assertEqual([len(row) for row in layout.distances], [count] * count)
            self.assertEqual([layout.distances[node][node] for node in range(count)], [10] * count)

    def test_all_nodes_but_the_last_with_processors_are_full(self):
        for layout in LAYOUTS.values():
            cpus = [cpu for node in layout.domains() for cpu in layout.cpus_of(node)]
            self.assertEqual(cpus, list(range(len(cpus))))

    def test_memory_only_nodes_get_no_processors(self):
        words = " ".join(machine.layout_arguments(LAYOUTS["4"]))
        self.assertIn("-m 1280M -smp cpus=5,maxcpus=6,sockets=3,cores=1,threads=2", words)
        self.assertIn("node,nodeid=1,cpus=2-3,memdev=m1", words)
        self.assertIn("node,nodeid=3,memdev=m3", words)
        self.assertIn("dist,src=3,dst=2,val=17", words)

    def test_a_node_that_is_turned_off_is_no_domain(self):
        layout = LAYOUTS["4"].turned_off()
        self.assertEqual(layout.domains(), [0, 2])
        self.assertEqual(layout.cpus_of(2), [4])


class Threads(unittest.TestCase):
    def test_each_on_the_processors_of_its_node(self):
        threads = [("build0-0", "0-1"), ("build0-1", "0-1"), ("build1-0", "2"), ("other", "0-2")]
        self.assertEqual(pool_faults(LAYOUTS["2"], BUILD_THREADS, threads), [])

    def test_elsewhere_too_few_and_of_no_domain(self):
        threads = [("build0-0", "0-1"), ("build1-0", "0-2"), ("build2-0", "2")]
        self.assertEqual(len(pool_faults(LAYOUTS["2"], BUILD_THREADS, threads)), 3)

    def test_numbers_of_nodes_and_domains_differ(self):
        both = [("build0-0", "0-1"), ("build0-1", "0-1")]
        layout = LAYOUTS["4"].turned_off()
        self.assertEqual(pool_faults(layout, BUILD_THREADS, [*both, ("build2-0", "4")]), [])
        self.assertEqual(len(pool_faults(layout, BUILD_THREADS, [*both, ("build1-0", "4")])), 2)

    def test_a_domain_without_threads(self):
        self.assertEqual(len(pool_faults(LAYOUTS["2"], BUILD_THREADS, [("build0-0", "0-1"), ("build0-1", "0-1")])), 1)

    def test_a_program_that_binds_nothing(self):
        self.assertEqual(len(pool_faults(LAYOUTS["2"], BUILD_THREADS, [("build-0", "0-2")] * 3)), 2)

    def test_the_actors_on_the_first_domain(self):
        threads = [("caf.multiplexer", "0-1"), ("caf.clock", "0-1"), ("build1-0", "2"), ("graphite-engine", "0-2")]
        self.assertEqual(pool_faults(LAYOUTS["2"], ACTOR_THREADS, threads), [])
        self.assertEqual(len(pool_faults(LAYOUTS["2"], ACTOR_THREADS, [*threads, ("caf.actor", "0-2")])), 1)

    def test_no_actors(self):
        self.assertEqual(len(pool_faults(LAYOUTS["2"], ACTOR_THREADS, [("graphite-engine", "0-1")])), 1)


class Pages(unittest.TestCase):
    def test_bound_pages_on_their_nodes(self):
        text = "7f00 bind:1 anon=9 dirty=9 N1=9 kernelpagesize_kB=4\n7f01 default file=/lib/a mapped=3 N0=3\n" \
               "7f02 bind=static:0-1 anon=2 N0=1 N1=1\n"
        self.assertEqual(page_faults(LAYOUTS["2"], text), [])

    def test_bound_pages_elsewhere(self):
        self.assertEqual(len(page_faults(LAYOUTS["2"], "7f00 bind:1 anon=9 dirty=9 N0=4 N1=5 kernelpagesize_kB=4\n")), 1)

    def test_without_bound_pages_the_name_says_so(self):
        for text, vacuous in (("7f00 default anon=9 dirty=9 N0=9\n", True), ("7f00 bind:1 anon=9 dirty=9 N1=9\n", False)):
            report = Report()
            service.check_pages(report, LAYOUTS["2"], list(mappings_in(text)))
            self.assertEqual("binds none" in report.name, vacuous)

    def test_preferred_pages_may_lie_elsewhere(self):
        self.assertEqual(page_faults(LAYOUTS["2"], "7f00 prefer:1 anon=9 dirty=9 N0=9 kernelpagesize_kB=4\n"), [])

    def test_private_pages_are_of_no_file(self):
        text = "7f00 default anon=9 dirty=9 N0=7 N1=2\n7f01 default file=/lib/a mapped=3 N0=3\n7f02 default heap anon=1 N1=1\n"
        self.assertEqual(private_pages_in(text), {0: 7, 1: 3})


class BuiltInWorkers(unittest.TestCase):
    SERVERS = (10, 0, "0-1", 1), (20, 0, "2", 1)

    def test_each_on_its_domain(self):
        found = (11, 10, "0-1", 2), (12, 10, "0-1", 2), (21, 20, "2", 1)
        self.assertEqual(place_faults(LAYOUTS["2"], *self.SERVERS, *found), [])

    def test_a_thread_that_might_leave_is_told(self):
        found = (11, 10, "0-1", 2), (12, 10, "0-1 0-2", 2), (21, 20, "2", 1)
        self.assertEqual(place_faults(LAYOUTS["2"], *self.SERVERS, *found),
                         ["a worker may run on 0-1 and 0-2, which is no domain"])

    def test_a_domain_without_workers_or_server(self):
        found = (11, 10, "0-1", 2),
        self.assertEqual(place_faults(LAYOUTS["2"], *self.SERVERS, *found), ["no worker of node 1"])
        self.assertEqual(place_faults(LAYOUTS["2"], self.SERVERS[0], *found),
                         ["0 servers of node 1", "no worker of node 1"])

    def test_one_pool_for_all_domains(self):
        self.assertEqual(len(place_faults(LAYOUTS["2"], (10, 0, "0-2", 1), (11, 10, "0-2", 3))), 6)

    def test_a_worker_of_another_domains_server(self):
        found = (11, 10, "0-1", 2), (21, 10, "2", 1)
        self.assertEqual(place_faults(LAYOUTS["2"], *self.SERVERS, *found), ["a worker of node 1 is of another's server"])

    def test_a_worker_with_the_threads_of_all_domains(self):
        found = (11, 10, "0-1", 3), (21, 20, "2", 1)
        self.assertEqual(place_faults(LAYOUTS["2"], *self.SERVERS, *found), ["a worker of node 0 has 3 threads, not 2"])

    def test_a_domain_whose_workers_only_wait(self):
        workers = Workers()
        workers.processes = {11: Process(10, {"0-1"}, 2, used_s=3.5, pages={0: 3}),
                             21: Process(20, {"2"}, 1, used_s=0.5, pages={0: 1})}
        report = Report()
        check_work(report, LAYOUTS["2"], workers, {11: 0.5, 21: 0.45})
        self.assertEqual(report.faults, ["those of node 1 used 0.050 of 3.050 s"])
        self.assertIn("75 %", report.detail)


def ktx2(levels, side=pictures.SIDE):
    """The smallest level first, as files have them."""
    at = 80 + 24 * len(levels)
    index = []
    for data in reversed(levels):
        index.insert(0, struct.pack("<QQQ", at, len(data), len(data)))
        at += len(data)
    header = struct.pack("<9I", pictures.RGBA8_SRGB, 1, side, side, 0, 0, 1, len(levels), 0) + bytes(32)
    return pictures.KTX2_MARK + header + b"".join(index) + b"".join(reversed(levels))


def texture(number):
    small = [bytes(4 * (pictures.SIDE >> which) ** 2) for which in range(pictures.LEVELS_KNOWN, pictures.LEVELS)]
    return ktx2([*(pictures.level(number, which) for which in range(pictures.LEVELS_KNOWN)), *small])


class Textures(unittest.TestCase):
    def test_a_picture_is_a_png_of_its_colours(self):
        data = pictures.png(3)
        packed = data[data.index(b"IDAT") + 4:-16]
        rows = zlib.decompress(packed)
        self.assertEqual(len(rows), pictures.SIDE * (3 * pictures.SIDE + 1))
        self.assertEqual(rows[1:4], pictures.level(3, 0)[:3])

    def test_known_pixels(self):
        self.assertEqual(pictures.texture_fault(3, texture(3)), "")
        self.assertEqual(pictures.texture_fault(4, texture(3)), "level 0 has other pixels")
        broken = bytearray(texture(3))
        broken[-4 * pictures.SIDE ** 2 - 1] ^= 1
        self.assertEqual(pictures.texture_fault(3, bytes(broken)), "level 1 has other pixels")

    def test_another_size_or_form(self):
        self.assertIn("9 levels", pictures.texture_fault(3, ktx2([bytes(4)] * 9) + bytes(100)))
        self.assertIn("level 0 has 1048576 bytes at", pictures.texture_fault(3, texture(3)[:-1]))
        self.assertIn("no KTX2", pictures.texture_fault(3, b""))

    def test_missing_and_unexpected_assets(self):
        found = {f"src/{number}.txt.out": f"input {number}\n".encode() for number in range(project.INPUTS)}
        found |= {f"art/{number}.ktx2": texture(number) for number in range(project.PICTURES)}
        self.assertEqual(project.content_faults(dict(found)), [])
        del found["src/1.txt.out"]
        found["art/more.ktx2"] = found.pop("art/2.ktx2")
        self.assertEqual(len(project.content_faults(found)), 3)


class TestPrograms(unittest.TestCase):
    def test_a_file_without_tests_in_the_program(self):
        results = ElementTree.fromstring('<testsuites><testcase result="completed" file="/tree/one_test.cpp"/></testsuites>')
        report = Report()
        guest.count_tests(report, "numa_tests", ["one_test.cpp", "two_test.cpp"], results, 0)
        self.assertEqual(report.faults, ["it has no test of two_test.cpp"])
        guest.count_tests(report, "numa_tests", ["one_test.cpp"], results, 0)
        self.assertEqual((report.faults, report.detail), ([], "1 tests of 1 files passed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
