"""Every public function is documented, in the house's form, in its header."""

import re
import sys

import cdecl
import lint

THREADS = ("any", "one at a time", "owner")
BLOCKS = ("no", "storage", "network")


def label_problem(doc, label, values):
    found = re.search(label + r":\s+(.*?)\s*(?:\.|;|\s{2,}|\n|\*/)", doc)
    if not found:
        return f"no '{label}:'"
    if values and not any(found.group(1).startswith(value) for value in values):
        return f"'{label}: {found.group(1)}' is none of {', '.join(values)}"
    return None


def function_problems(function):
    doc = function.doc
    if doc is None:
        yield "no comment of the form /** ... */ right above it"
        return
    lines = [line.strip(" \t*/") for line in doc.split("\n")]
    if not next((line for line in lines if line), "@")[0].isupper():
        yield "the comment does not start with a sentence"
    documented = re.findall(r"^[ \t*]*@param(?:\[\w+\])?\s+(\w+)[ \t]+\S", doc, re.M)
    if None in function.parameters:
        yield "a parameter has no name"
    elif documented != function.parameters:
        yield (f"@param says ({', '.join(documented)}), the declaration "
               f"({', '.join(function.parameters)})")
    returns = re.search(r"@return\s+\S", doc)
    if function.result == "void" and returns:
        yield "@return for a function that returns nothing"
    if function.result != "void" and not returns:
        yield "no @return"
    if re.search(r"@return\s+as aichat_", doc):
        yield "@return refers to another function; list the codes"
    for label, values in (("Threads", THREADS), ("Blocks", BLOCKS), ("Since", ())):
        problem = label_problem(doc, label, values)
        if problem:
            yield problem


def check(path, text):
    if not re.search(r"/\*\*\n \* @file\n", text):
        yield f"{path}: no '@file' comment; Doxygen would leave the header out"
    for function in cdecl.functions(path, text):
        for problem in function_problems(function):
            yield f"{function.where}: {function.name}: {problem}"
    code = lint.without_comments(text)
    for match in re.finditer(r"AICHAT_API\b", code):
        line = code[:match.start()].rsplit("\n", 1)[-1]
        if "#" not in line and not cdecl.API.match(code, match.start()):
            yield f"{path}:{lint.line_of(code, match.start())}: not a plain function"


def main():
    lint.expect(check, "docs.h", "no comment of the form", "start with a sentence",
                "@param says", "@param says", "a parameter has no name", "no @return",
                "@return for", "no 'Threads:'", "is none of", "no 'Since:'",
                "not a plain function", "no '@file'",
                "list the codes")
    lint.finish(problem for path in lint.files(".h") if path.startswith("include/")
                for problem in check(path, lint.read(path)))


if __name__ == "__main__":
    sys.exit(main())
