"""What the lints share: the files of the tree, C text without comments, reporting.

Every lint is a script that first proves on bad samples that it can fail, then reads
the tree. It ends with 0, or 1 after one line per problem, or 77 when it cannot run
here (meson's word for "skipped").
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(ROOT, "tests", "lint", "samples")
# What others wrote down, byte for byte: bad examples, and headers of long ago.
FOREIGN = {SAMPLES, os.path.join(ROOT, "tests", "abi", "baseline")}
SKIP = 77

_C_TOKEN = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def files(*extensions):
    """Paths, relative to the root, of the source tree; build folders are left out."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        inside = os.path.relpath(folder, ROOT)
        folders[:] = sorted(name for name in folders if not (
            name in (".git", "__pycache__", ".cache", "build") or
            (inside == "." and name.startswith("build")) or
            os.path.join(folder, name) in FOREIGN))
        for name in sorted(names):
            if not extensions or name.endswith(extensions):
                found.append(os.path.normpath(os.path.join(inside, name)))
    return found


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", newline="") as file:
        return file.read()


def blank(text):
    """The same number of lines, with nothing on them."""
    return re.sub(r"[^\n]", " ", text)


def without_comments(text, strings=True):
    """C text in which comments, and strings unless wanted, are blanks."""
    def replace(match):
        token = match.group()
        if token[0] == "/":
            return blank(token)
        return token if strings else token[0] + blank(token[1:-1]) + token[-1]
    return _C_TOKEN.sub(replace, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def expect(check, sample, *words, path=None):
    """Stop unless the check finds each of the words in the sample, as often as given.

    The sample may be checked as if it stood at another path."""
    text = read(os.path.join("tests", "lint", "samples", sample))
    problems = list(check(path or sample, text))
    for word in sorted(set(words)):
        seen = sum(word in problem for problem in problems)
        if seen != words.count(word):
            sys.exit(f"the lint itself is broken: {sample} has {seen} problems with "
                     f"'{word}', not {words.count(word)}: {problems}")


def finish(problems):
    problems = list(problems)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)
