"""Each public header compiles alone, as strict C99 and as strict C++11.

    headers.py C_COMPILER CXX_COMPILER
"""

import concurrent.futures
import subprocess
import sys

import lint

FLAGS = ["-pedantic", "-Wall", "-Wextra", "-Wundef", "-Werror", "-fsyntax-only"]


def check(compilers, path):
    """The first complaint of each language about the header, if any."""
    for language, standard, compiler in zip(("c", "c++"), ("c99", "c++11"), compilers):
        source = f"#include \"{path}\"\nextern int lint_unit;\n"
        run = subprocess.run(
            [compiler, f"-std={standard}", *FLAGS, "-I", "include", "-I", ".",
             "-x", language, "-"],
            input=source, cwd=lint.ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode != 0:
            errors = [line for line in run.stdout.splitlines() if "error:" in line]
            yield f"{path} as {standard}: {(errors or [run.stdout])[0]}"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    compilers = sys.argv[1:]
    for sample, standards in (("not_c99.h", ["c99"]), ("not_cxx.h", ["c++11"]),
                              ("not_alone.h", ["c99", "c++11"])):
        problems = list(check(compilers, f"tests/lint/samples/{sample}"))
        found = [problem.split(" as ")[1].split(":")[0] for problem in problems]
        if found != standards:
            sys.exit(f"the lint itself is broken: {sample}: {problems}")
    headers = [path for path in lint.files(".h") if path.startswith("include/")]
    if not headers:
        sys.exit("no public headers")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda path: list(check(compilers, path)), headers)
    lint.finish(problem for problems in found for problem in problems)


if __name__ == "__main__":
    sys.exit(main())
