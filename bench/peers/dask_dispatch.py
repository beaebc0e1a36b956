#!/usr/bin/python3
"""What Dask distributed does where the bench `dispatch` has a coordinator and two nodes: a scheduler and two workers over
TCP, tasks with keys of their own that take 32 bytes and give 32. Prints {"event":"done","actions_per_s":…}.

    dask_dispatch.py COUNT FOLDER
"""
import json
import socket
import subprocess
import sys
import time

from distributed import Client


def answer(data):
    return data[:-1] + b"\x02"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    count, folder = int(sys.argv[1]), sys.argv[2]
    at = f"tcp://127.0.0.1:{free_port()}"
    log = open(f"{folder}/dask.log", "w")
    start = lambda *words: subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    running = [start("dask-scheduler", "--host", "127.0.0.1", "--port", at.rsplit(":", 1)[1], "--no-dashboard", "--no-show")]
    try:
        running += [start("dask-worker", at, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", f"w{i}",
                          "--local-directory", folder) for i in range(2)]
        with Client(at, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2)
            items = [i.to_bytes(8, "little") + bytes(24) for i in range(count)]
            client.gather(client.map(answer, items[:64], key=[f"warm-{i}" for i in range(64)], pure=False))
            begin = time.monotonic()
            results = client.gather(client.map(answer, items, key=[f"action-{i}" for i in range(count)], pure=False))
            took = time.monotonic() - begin
            assert results == [answer(one) for one in items]
            print(json.dumps({"event": "done", "actions_per_s": count / took}), flush=True)
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait()


main()
