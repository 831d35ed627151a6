"""Words and paths that do not belong into the tree."""

import os
import re
import subprocess
import sys

import lint

# The letters in brackets keep this file from finding itself.
RULES = [
    (re.compile(r"(?<![\w.$}/:-])/(?:hom[e]|roo[t]|User[s]|mn[t])/[\w.]"),
     "a path of somebody's machine"),
    (re.compile(r"\.\./share[d](?!/recordings\b)"), "a path outside of the tree"),
    (re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b"), "a note instead of the work"),
    (re.compile(r"\bfor [n]ow\b|\bnot (?:yet )?[i]mplemented\b", re.I),
     "a note instead of the work"),
    (re.compile(r"^(?:<{7}|>{7}|={7})(?: |$)", re.M), "a conflict marker"),
    (re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_]{24,}"), "looks like a secret key"),
    (re.compile(r"\r\n"), "a carriage return"),
]

# Bytes of the wire, of terminals and of other people's files.
FREE = re.compile(r"tests/fixtures/|tests/fuzz/corpus/|tests/[a-z]+/(?:data|golden|fixtures)/")


def check(path, text):
    for pattern, why in RULES:
        for match in pattern.finditer(text):
            word = match.group().strip()
            yield f"{path}:{lint.line_of(text, match.start())}: '{word}' is {why}"
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end"


def tracked():
    """What git would keep; everything where this is no checkout."""
    run = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"], cwd=lint.ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL) if os.path.exists(f"{lint.ROOT}/.git") else None
    if run is None or run.returncode != 0:
        return lint.files()
    names = [os.fsdecode(name) for name in run.stdout.split(b"\0") if name]
    return [name for name in names
            if not name.startswith("tests/lint/samples/") and
            os.path.isfile(os.path.join(lint.ROOT, name))]


def main():
    lint.expect(check, "words.txt", *["somebody's machine"] * 2, *["outside of"] * 1,
                *["instead of the work"] * 2, *["conflict marker"] * 2, "secret key")
    found = []
    for path in tracked():
        if FREE.match(path):
            continue
        try:
            text = lint.read(path)
        except UnicodeDecodeError:
            found.append(f"{path}: neither UTF-8 nor in a folder for raw bytes")
            continue
        found += check(path, text)
    lint.finish(found)


if __name__ == "__main__":
    sys.exit(main())
