#!/usr/bin/env python3
"""A test that is left out is told of, and one that does not exist is no success."""
import contextlib
import io
import sys
import unittest

import support


def passes():
    pass


def is_skipped():
    support.skip("no reason")


def takes_long():
    raise support.Failed("it was not named")


def run_main(*names):
    """What `main` prints for this command line, and its exit code."""
    sys.argv[1:], out = names, io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            support.main([passes, is_skipped], when_named=[takes_long])
        except SystemExit as end:
            return out.getvalue(), end.code
    return out.getvalue(), None


class Main(unittest.TestCase):
    def test_a_skip_is_told_with_its_reason(self):
        out, code = run_main()
        self.assertIn("SKIPPED is_skipped: no reason", out)
        self.assertEqual(code, 0)

    def test_what_runs_only_when_named_is_told(self):
        self.assertIn("not run takes_long", run_main()[0])
        self.assertEqual(run_main("takes_long")[1], 1)

    def test_a_test_that_does_not_exist_is_an_error(self):
        out, code = run_main("passes", "passses")
        self.assertEqual((out, code), ("", "no such test: passses"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
