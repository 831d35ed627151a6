"""All C files are as clang-format 14 would leave them (`./dev fmt` makes it so).

Another version lays some things out differently; then there is nothing to compare.
"""

import os
import re
import shutil
import subprocess
import sys

import lint

VERSION = 14


def formatter():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path:
            text = subprocess.run([path, "--version"], stdout=subprocess.PIPE,
                                  text=True).stdout
            found = re.search(r"version (\d+)", text)
            if found and int(found.group(1)) == VERSION:
                return path
    return None


def problems(program, paths):
    """One line for each file that would change, with its first place."""
    run = subprocess.run([program, "--dry-run", "--style=file", *paths], cwd=lint.ROOT,
                         stderr=subprocess.PIPE, text=True)
    found = {}
    for line in run.stderr.splitlines():
        if "clang-format-violations" in line:
            path, number = line.split(":")[:2]
            found.setdefault(path, []).append(number)
    return [f"{path}:{numbers[0]}: laid out otherwise ({len(numbers)} places; ./dev fmt)"
            for path, numbers in sorted(found.items())]


def main():
    program = formatter()
    if program is None:
        print(f"skipped: clang-format {VERSION} is not installed")
        return lint.SKIP
    sample = os.path.join("tests", "lint", "samples", "format.c")
    if not problems(program, [sample]):
        sys.exit("the lint itself is broken: the bad sample passes")
    return lint.finish(problems(program, lint.files(".c", ".h")))


if __name__ == "__main__":
    sys.exit(main())
