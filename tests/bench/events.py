"""What an event costs whoever takes it: the Python package beside C, on one stream."""

import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

from fakellm import Fakellm  # noqa: E402

ROUNDS = 7


def us(nanoseconds):
    return "%.1f us" % (nanoseconds / 1e3)


def figures(*command):
    """What a program prints: nanoseconds of the taking thread per event."""
    env = {**os.environ, "AICHAT_LIBRARY": os.environ["LIBAICHAT"],
           "PYTHONDONTWRITEBYTECODE": "1",
           "PYTHONPATH": os.path.join(ROOT, "bindings", "python")}
    done = subprocess.run(command, capture_output=True, check=True, timeout=120, env=env)
    return [float(word) for word in done.stdout.split()]


def bench_python(table):
    program = os.path.join(os.environ["AICHAT_BUILD"], "tests", "bench", "bench_events")
    script = os.path.join(HERE, "bench_events.py")
    with Fakellm() as provider:
        url = provider.base("n/4000/rate/4000/v1")
        rounds = [(figures(program, url), figures(sys.executable, script, url))
                  for _ in range(ROUNDS)]
    c = [statistics.median(column) for column in zip(*(pair[0] for pair in rounds))]
    python = [statistics.median(column) for column in zip(*(pair[1] for pair in rounds))]
    for what, ours, peer, target in (
            ("as it streams, for / C", python[0], c[0], 8.0),
            ("as it streams, async for / C", python[2], c[0], 16.0),
            ("that is there, for / C", python[1], c[1], 8.0),
            ("that is there, async for / C", python[3], c[1], 8.0)):
        table.row("Python: event " + what, us(ours), us(peer), ours / peer, target)
