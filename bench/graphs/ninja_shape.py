#!/usr/bin/env python3
"""The shape of a build that ninja has made: for the bench `makespan`.

  ninja_shape.py BUILD_FOLDER > NAME.txt

One line an action, in an order in which each comes after all it needs: its milliseconds as .ninja_log has them and
the numbers of the lines (from 0) that it needs directly, as `ninja -t graph` says. Names are left out.
"""
import collections
import pathlib
import re
import subprocess
import sys

NODE = re.compile(r'^"(0x[0-9a-f]+)" \[label="([^"]*)"(.*)\]$')
ARROW = re.compile(r'^"(0x[0-9a-f]+)" -> "(0x[0-9a-f]+)"(.*)$')


def graph(folder):
    """Names of files by their number; actions as (inputs, outputs)."""
    text = subprocess.run(["ninja", "-C", folder, "-t", "graph"], check=True, capture_output=True, text=True).stdout
    files, rules, arrows = {}, set(), []
    for line in text.splitlines():
        if found := NODE.match(line):
            if "shape=ellipse" in found.group(3):
                rules.add(found.group(1))
            else:
                files[found.group(1)] = found.group(2)
        elif found := ARROW.match(line):
            arrows.append((found.group(1), found.group(2), "label=" in found.group(3)))
    actions, by_rule = [], collections.defaultdict(lambda: ([], []))
    for begin, end, direct in arrows:
        if begin in rules:
            by_rule[begin][1].append(end)
        elif end in rules:
            by_rule[end][0].append(begin)
        elif direct:
            actions.append(([begin], [end]))
    return files, actions + list(by_rule.values())


def durations(folder):
    out = {}
    for line in (pathlib.Path(folder) / ".ninja_log").read_text().splitlines():
        parts = line.split("\t")
        if len(parts) >= 4 and parts[0].isdigit():
            out[parts[3]] = int(parts[1]) - int(parts[0])
    return out


def main():
    files, actions = graph(sys.argv[1])
    took = durations(sys.argv[1])
    maker = {output: number for number, (_, outputs) in enumerate(actions) for output in outputs}
    cost = [max([took.get(files.get(output), 0) for output in outputs]) for _, outputs in actions]
    # What was not run (aliases such as `all`) is looked through.
    needs = [{maker[i] for i in inputs if i in maker} for inputs, _ in actions]
    order, state = [], {}

    def ran(number):
        return cost[number] > 0

    def through(number, seen):
        for need in needs[number]:
            if need in seen:
                continue
            seen.add(need)
            if ran(need):
                yield need
            else:
                yield from through(need, seen)

    sys.setrecursionlimit(100_000)

    def visit(number):
        if state.get(number):
            return
        state[number] = True
        for need in sorted(needs[number]):
            visit(need)
        if ran(number):
            order.append(number)

    for number in range(len(actions)):
        visit(number)
    line = {number: i for i, number in enumerate(order)}
    for number in order:
        print(cost[number], *sorted(line[need] for need in set(through(number, set()))))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
