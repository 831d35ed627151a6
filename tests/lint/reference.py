"""Doxygen makes the reference from the public headers and has nothing to complain about.

    reference.py DOXYFILE
"""

import re
import shutil
import subprocess
import sys
import tempfile

import lint


def complaints(doxyfile, *more):
    """The warnings of a run, with settings of ours after those of the file."""
    with open(doxyfile, encoding="utf-8") as file, tempfile.TemporaryDirectory() as folder:
        settings = "\n".join([file.read(), f"OUTPUT_DIRECTORY = {folder}", *more])
        run = subprocess.run(["doxygen", "-"], input=settings, cwd=lint.ROOT,
                             stderr=subprocess.PIPE, text=True)
    found = [line.replace(lint.ROOT + "/", "") for line in run.stderr.splitlines()
             if re.search(r"\b(?:warning|error): ", line)]
    return found or ([run.stderr] if run.returncode else [])


def main():
    if shutil.which("doxygen") is None:
        print("skipped: doxygen is not installed")
        return lint.SKIP
    sample = "\n".join(complaints(
        sys.argv[1], "INPUT = tests/lint/samples/reference.h", "USE_MDFILE_AS_MAINPAGE ="))
    for words in ("aichat_bare (typedef)", "aichat_nowhere", "AICHAT_ENOSUCH", "The following parameter"):
        if words not in sample:
            sys.exit(f"the lint itself is broken: nothing about {words}: {sample}")
    return lint.finish(complaints(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
