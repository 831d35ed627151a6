"""The binary interface as it was, in tests/abi/baseline, and what compares with it.

    baseline.py refresh     write it down as it is (./dev abi)

The baseline is the public headers without their comments and the symbol map, from which
old programs are built, and libaichat.abi, which abidiff reads. That file is made from a
library of empty functions, compiled from the headers: so it has what callers can see and
nothing that is ours alone. docs/api-changes.md says when it may change.
"""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FOLDER = os.path.join(HERE, "baseline")
XML = os.path.join(FOLDER, "libaichat.abi")
CC = os.environ.get("CC", "cc").split()

sys.path.insert(0, os.path.join(ROOT, "tests", "lint"))
import cdecl  # noqa: E402
import lint  # noqa: E402

ABIDW = ["abidw", "--exported-interfaces-only", "--no-corpus-path", "--no-comp-dir-path",
         "--no-show-locs", "--no-parameter-names", "--no-write-default-sizes",
         "--no-elf-needed", "--type-id-style", "hash"]


def run(*command):
    """Exit status and output of a command."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return done.returncode, done.stdout


def must(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                          **more).stdout


def read_interface(include, symbol_map):
    """Header -> text without comments, and the text of the map."""
    headers = {}
    folder = os.path.join(include, "aichat")
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".h"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = lint.without_comments(file.read())
        headers[name] = re.sub(r"\n[ \t]*(?=\n)", "", re.sub(r"[ \t]+$", "", text, flags=re.M))
    with open(symbol_map, encoding="utf-8") as file:
        return headers, file.read()


def current():
    return read_interface(os.path.join(ROOT, "include"),
                          os.path.join(ROOT, "libaichat", "libaichat.map"))


def baseline():
    return read_interface(FOLDER, os.path.join(FOLDER, "libaichat.map"))


def write_interface(interface, folder):
    headers, symbol_map = interface
    os.makedirs(os.path.join(folder, "aichat"), exist_ok=True)
    for name in set(os.listdir(os.path.join(folder, "aichat"))) - set(headers):
        os.unlink(os.path.join(folder, "aichat", name))
    for name, text in headers.items():
        with open(os.path.join(folder, "aichat", name), "w", encoding="utf-8") as file:
            file.write(text)
    with open(os.path.join(folder, "libaichat.map"), "w", encoding="utf-8") as file:
        file.write(symbol_map)


def build_stub(interface, folder):
    """A library of these functions that does nothing; the path of the shared object."""
    write_interface(interface, folder)
    declared = "\n".join(interface[0].values())
    source = os.path.join(folder, "stub.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write("#include <aichat/aichat.h>\n")
        for match in cdecl.API.finditer(declared):
            file.write(match.group().rstrip("; \n") + "\n{\n\t__builtin_trap();\n}\n")
    library = os.path.join(folder, "libaichat.so.0")
    must(*CC, "-g", "-O0", "-shared", "-fPIC", "-fvisibility=hidden", "-Wno-return-type",
         "-I" + folder, source, "-o", library, "-Wl,-soname,libaichat.so.0",
         "-Wl,--version-script=" + os.path.join(folder, "libaichat.map"))
    link = os.path.join(folder, "libaichat.so")
    if not os.path.exists(link):
        os.symlink("libaichat.so.0", link)
    return library


def constants(headers):
    """Names of all enumerators and of all macros that are a number."""
    text = "\n".join(headers.values())
    names = set(re.findall(r"^#define (AICHAT_\w+)[ \t]+[-\d(]", text, re.M))
    for body in re.findall(r"\benum\s+\w+\s*\{(.*?)\}", text, re.S):
        names |= set(re.findall(r"(?:^|,)\s*(AICHAT_\w+)\b(?!\()", body, re.M))
    # What the X-macro makes: the codes of errors.
    names |= {"AICHAT_" + name for name in re.findall(r"\bX\((E\w+),", text)}
    return sorted(names)


def constant_values(names, folder):
    """Name -> value by the headers in a folder; what is gone has none."""
    source = os.path.join(folder, "constants.c")
    program = os.path.join(folder, "constants")
    missing = set()
    while True:
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <stdio.h>\n#include <aichat/aichat.h>\nint main(void)\n{\n")
            for name in names:
                if name not in missing:
                    file.write(f'\tprintf("{name} %lld\\n", (long long)({name}));\n')
            file.write("}\n")
        status, output = run(*CC, "-I" + folder, source, "-o", program)
        gone = set(re.findall(r"[‘'](AICHAT_\w+)[’'] undeclared", output)) | \
            set(re.findall(r"undeclared identifier '(AICHAT_\w+)'", output))
        if status == 0:
            return dict(line.split() for line in must(program).splitlines())
        if not gone - missing:
            raise RuntimeError(output)
        missing |= gone


def write_xml(interface, path):
    with tempfile.TemporaryDirectory(prefix="aichat-abi-") as folder:
        text = must(*ABIDW, build_stub(interface, folder))
    # Folders of one machine.
    text = re.sub(r" path='[^']*/stub\.c'", " path='stub.c'", text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def problems(old, xml, new, library):
    """What a program built with the old interface trips over in a library and its
    headers."""
    # Additions are welcome; all else that callers can see is a change.
    status, output = run("abidiff", "--no-added-syms", xml, library)
    if status:
        yield f"abidiff ends with {status}:\n{output}"
    names = constants(old[0])
    with tempfile.TemporaryDirectory(prefix="aichat-abi-") as folder:
        write_interface(old, folder)
        before = constant_values(names, folder)
        write_interface(new, folder)
        after = constant_values(names, folder)
    for name in names:
        if before[name] != after.get(name):
            yield f"{name} was {before[name]} and is {after.get(name, 'gone')}"


def main():
    if sys.argv[1:] != ["refresh"]:
        sys.exit(__doc__)
    os.makedirs(FOLDER, exist_ok=True)
    write_interface(current(), FOLDER)
    write_xml(current(), XML)


if __name__ == "__main__":
    main()
