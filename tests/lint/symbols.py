"""Declared in a public header = named in the map = exported by the shared library.

    symbols.py check SHARED_OBJECT ARCHIVE
    symbols.py fix          write what the headers declare into AICHAT_UNRELEASED

Also: every global of the archive carries the project's prefix, nothing of it runs before
main() or after it, every public header is installed, the umbrella includes it, and the
SONAME carries the ABI's number.
"""

import re
import subprocess
import sys

import cdecl
import lint

MAP = "libaichat/libaichat.map"
HEADERS = "include/aichat/"
UNRELEASED = "AICHAT_UNRELEASED"

# What sanitizers add to an object.
FOREIGN = re.compile(r"__(?:odr_asan|asan|tsan|ubsan|sancov)|\.|_init$|_fini$")


def tool(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def declared():
    return {function.name for path in lint.files(".h") if path.startswith(HEADERS)
            for function in cdecl.functions(path, lint.read(path))}


def mapped(text):
    """Symbol -> node."""
    found = {}
    text = lint.without_comments(text)
    for node, body in re.findall(r"(\w+)\s*\{([^}]*)\}", text):
        section = "global"
        for word in re.findall(r"[\w*]+:?", body):
            if word.endswith(":"):
                section = word[:-1]
            elif section == "global":
                found[word] = node
    return found


def exported(nm_output):
    """Symbol -> node, from nm -D."""
    found = {}
    for line in nm_output.splitlines():
        name = line.split()[-1]
        kind = line.split()[-2]
        symbol, _, node = name.partition("@")
        if kind != "A" and not FOREIGN.match(symbol):
            found[symbol] = node.strip("@")
    return found


def compare(in_headers, in_map, in_object):
    for name in sorted(in_headers - set(in_map)):
        yield f"{name}: declared, but not in {MAP} (symbols.py fix adds it)"
    for name in sorted(set(in_map) - in_headers):
        yield f"{name}: in {MAP}, but declared in no public header"
    for name in sorted(set(in_map) - set(in_object)):
        yield f"{name}: in {MAP}, but not defined by the library"
    for name in sorted(set(in_object) - set(in_map)):
        yield f"{name}: exported, but not in {MAP}"
    for name in sorted(set(in_object) & set(in_map)):
        if in_object[name] != in_map[name]:
            yield f"{name}: exported by {in_object[name]}, the map says {in_map[name]}"


def prefix_problems(nm_output):
    for line in nm_output.splitlines():
        words = line.split()
        if len(words) < 3:
            continue
        if not words[2].startswith(("aic_", "aichat_")) and not FOREIGN.match(words[2]):
            yield f"{words[2]}: a global that starts with neither aic_ nor aichat_"


def constructor_problems(readelf_output):
    """From readelf -SW of the archive; what the C runtime adds is in none of its files."""
    file = ""
    for line in readelf_output.splitlines():
        if line.startswith("File: "):
            file = line[6:]
        found = re.search(r"\] (\.(?:preinit_array|init_array|fini_array|ctors|dtors)\S*)", line)
        # Sanitizers register their globals so.
        if found and not found.group(1).endswith((".00099", ".00001")):
            yield f"{file}: {found.group(1)}: a static constructor or destructor"


def header_problems():
    installed = lint.read(HEADERS + "meson.build")
    umbrella = lint.read(HEADERS + "aichat.h")
    for path in lint.files(".h"):
        name = path[len(HEADERS):]
        if not path.startswith(HEADERS):
            continue
        if f"'{name[:-2]}'" not in installed:
            yield f"{path}: not installed by {HEADERS}meson.build"
        if name != "aichat.h" and f"#include <aichat/{name}>" not in umbrella:
            yield f"{path}: not included by aichat.h"


def version_problems(shared):
    text = lint.read(HEADERS + "version.h")
    abi = re.search(r"#define AICHAT_ABI (\d+)", text).group(1)
    version = re.search(r'#define AICHAT_VERSION "([^"]+)"', text).group(1)
    if f"SONAME: [libaichat.so.{abi}]" not in re.sub(
            r"soname", "SONAME", tool("readelf", "-dW", shared)):
        yield f"{shared}: its SONAME is not libaichat.so.{abi}"
    if f"version: '{version}'" not in lint.read("meson.build"):
        yield f"meson.build: version.h says {version}"


def self_test():
    in_map = mapped("/* a: */ V1 {\nglobal:\n\tgone;\n\tsame;\nlocal:\n\t*;\n};\n"
                    "NEXT {\nglobal:\n\tmoved;\n} V1;\n")
    assert in_map == {"gone": "V1", "same": "V1", "moved": "NEXT"}, in_map
    in_object = exported("01 T same@@V1\n00 A NEXT\n02 T extra@@V1\n03 T moved@@V1\n")
    problems = list(compare({"same", "moved", "new"}, in_map, in_object))
    assert len(problems) == 5, problems
    assert len(list(prefix_problems("01 T aic_x\nx.o:\n01 T other\n"))) == 1
    sections = "File: x.a(x.o)\n  [ 1] .text  PROGBITS\n  [ 5] .init_array  INIT_ARRAY\n"
    assert len(list(constructor_problems(sections))) == 1


def fix():
    text = lint.read(MAP)
    old = mapped(text)
    names = sorted(name for name in declared()
                   if old.get(name, UNRELEASED) == UNRELEASED)
    body = "".join(f"\t{name};\n" for name in names)
    section = f"global:\n{body}" if names else ""
    # The catch-all belongs to the first node, whichever that is.
    first = re.search(r"^(\w+) \{", text, re.M).group(1) == UNRELEASED
    catch_all = "local:\n\t*;\n" if first else ""
    text = re.sub(UNRELEASED + r" \{[^}]*\}", UNRELEASED + " {\n" +
                  (section + catch_all).replace("\\", "") + "}", text)
    with open(f"{lint.ROOT}/{MAP}", "w", encoding="utf-8") as file:
        file.write(text)


def main():
    self_test()
    if sys.argv[1:] == ["fix"]:
        return fix()
    if len(sys.argv) != 4 or sys.argv[1] != "check":
        sys.exit(__doc__)
    shared, archive = sys.argv[2:]
    problems = list(compare(declared(), mapped(lint.read(MAP)),
                            exported(tool("nm", "-D", "--defined-only", shared))))
    problems += prefix_problems(tool("nm", "-g", "--defined-only", archive))
    problems += constructor_problems(tool("readelf", "-SW", archive))
    problems += header_problems()
    problems += version_problems(shared)
    return lint.finish(problems)


if __name__ == "__main__":
    sys.exit(main())
