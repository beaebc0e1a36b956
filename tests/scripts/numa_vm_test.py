#!/usr/bin/env python3
"""What scripts/test-numa decides without a machine: sources of apt, QEMU's arguments, verdicts on threads and pages."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))
from numa_vm import debian, machine, service  # noqa: E402
from numa_vm.expect import POOLS  # noqa: E402
from numa_vm.kernel_lists import cpu_text, numbers_of  # noqa: E402
from numa_vm.layouts import LAYOUTS  # noqa: E402
from numa_vm.processes import mappings_in  # noqa: E402

BUILD_THREADS, ACTOR_THREADS = POOLS


class Report:
    """Keeps the last verdict."""

    def verdict(self, name, faults, detail):
        self.name = name
        self.faults = faults


def pool_faults(layout, pool, threads):
    report = Report()
    service.check_pool(report, layout, pool, threads)
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


if __name__ == "__main__":
    unittest.main()
