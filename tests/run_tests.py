"""Run meson's tests and close with one line that people and scripts can read.

    run_tests.py BUILD_FOLDER [--wrap=COMMAND] [--multiplier=N] [--compiled-only]
                 [--except=NAME...] [NAME...]

A NAME is a test or a suite; without one, everything runs, but what is excepted. The
last line of the output is "N passed, N failed, N skipped", in programs. The exit status
is 0 only if at least one test passed and none failed: a run in which nothing was tested
is no success.
"""

import argparse
import glob
import json
import os
import signal
import subprocess
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}


def known_tests(build, compiled_only):
    """Name -> suites of every test of the build folder, or of those that are programs
    of ours and not scripts."""
    text = subprocess.run(["meson", "introspect", build, "--tests"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    tests = {}
    inside = os.path.join(os.path.abspath(build), "")
    for test in json.loads(text):
        if compiled_only and not test["cmd"][0].startswith(inside):
            continue
        suites = {suite.split(":")[-1] for suite in test["suite"]}
        tests.setdefault(test["name"], set()).update(suites)
    return tests


def select(tests, names):
    """The tests that the names stand for, or None after a complaint."""
    chosen = set()
    for name in names:
        found = {test for test, suites in tests.items() if name == test or name in suites}
        if not found:
            every = sorted({suite for suites in tests.values() for suite in suites})
            print(f"no test or suite is called {name}; suites: {' '.join(every)}",
                  file=sys.stderr)
            return None
        chosen |= found
    return chosen


def results(build, chosen):
    """Test name -> result words, read from meson's log of this run."""
    found = {name: [] for name in chosen}
    for path in glob.glob(os.path.join(build, "meson-logs", "testlog*.json")):
        with open(path, encoding="utf-8") as log:
            for line in log:
                entry = json.loads(line)
                # "name", "suite - project:name" or "project:suite / name"
                name = entry["name"].split(" / ")[-1].split(":")[-1].split(" - ")[-1]
                found.setdefault(name, []).append(entry["result"])
    return found


def main():
    parser = argparse.ArgumentParser(description="run tests, print a tally")
    parser.add_argument("build")
    parser.add_argument("--wrap", help="run every test under this command")
    parser.add_argument("--compiled-only", action="store_true", help="no scripts")
    parser.add_argument("--except", action="append", default=[], metavar="NAME",
                        dest="left_out", help="a test or suite that does not run")
    parser.add_argument("--multiplier", default="1", help="of every time limit")
    parser.add_argument("names", nargs="*")
    args = parser.parse_intermixed_args()

    # Started by nohup or the like; a program that inherits this heeds it.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

    tests = known_tests(args.build, args.compiled_only)
    chosen = select(tests, args.names) if args.names else set(tests)
    left_out = select(tests, args.left_out)
    if chosen is None or left_out is None:
        return 2
    chosen -= left_out
    if not chosen:
        print("there are no tests", file=sys.stderr)
        return 1

    for path in glob.glob(os.path.join(args.build, "meson-logs", "testlog*")):
        os.unlink(path)
    command = ["meson", "test", "-C", args.build, "--no-rebuild", "--print-errorlogs",
               "--timeout-multiplier", args.multiplier]
    if args.wrap:
        command += ["--wrap", args.wrap]
    if args.names or args.left_out or args.compiled_only:
        command += sorted(chosen)
    status = subprocess.run(command, stdin=subprocess.DEVNULL).returncode

    passed = failed = skipped = 0
    for name, words in sorted(results(args.build, chosen).items()):
        if not words:
            print(f"{name}: did not run")
            failed += 1
        for word in words:
            if word in PASSED:
                passed += 1
            elif word in SKIPPED:
                skipped += 1
            else:
                failed += 1
    if passed == 0 and failed == 0:
        print("nothing was tested")
    sys.stdout.flush()
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if status == 0 and failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
