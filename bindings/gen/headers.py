"""What the public headers declare, as plain values.

Types come from pycparser, which reads the preprocessed headers; what a call means
(who owns a result, whether NULL is allowed, which enum a number is of) comes from the
comments, whose form the lint `docs` watches.
"""

import copy
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

from pycparser import c_ast, c_generator, c_parser

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = os.path.join(ROOT, "include")
UMBRELLA = "#include <aichat/aichat.h>\n"

sys.path.insert(0, os.path.join(ROOT, "tests", "lint"))
import cdecl  # noqa: E402  the lints' reader of comments

# In place of the system's, so that every machine generates the same.
SYSTEM_HEADERS = {
    "stddef.h": "typedef unsigned long size_t;\n",
    "stdint.h": "".join(f"typedef {kind} {name};\n" for name, kind in (
        ("int32_t", "int"), ("uint32_t", "unsigned"), ("int64_t", "long"),
        ("uint64_t", "unsigned long"))),
}


@dataclass
class Parameter:
    name: str
    type: str  # as in C, such as "const char *"
    doc: str

    @property
    def nullable(self):
        return re.search(r"\bNULL\b(?!-term)", self.doc) is not None


@dataclass
class Function:
    name: str
    result: str
    parameters: list
    summary: str
    returns: str

    @property
    def nullable(self):
        """Whether NULL may come back for an argument that is not NULL."""
        return re.search(r"\bNULL\b", self.returns.replace('"" for NULL', "")) is not None


@dataclass
class Enum:
    name: str
    members: list = field(default_factory=list)  # (name, number)


@dataclass
class Headers:
    functions: list
    enums: list
    handles: list
    hooks: dict  # name -> (result, [parameter types])
    constants: list  # (name, value)


def _preprocess(*flags):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in SYSTEM_HEADERS.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        command = [*os.environ.get("CC", "cc").split(), "-E", "-nostdinc", "-I", folder,
                   "-I", INCLUDE, "-D__attribute__(x)=", *flags, "-x", "c", "-"]
        return subprocess.run(command, input=UMBRELLA, stdout=subprocess.PIPE, text=True,
                              check=True).stdout


def _type(node):
    """The type of a parameter or result in C, such as "const char *"."""
    declared = copy.deepcopy(node.type if isinstance(node, c_ast.Decl) else node)
    inner = declared
    while not isinstance(inner, c_ast.TypeDecl):
        inner = inner.type
    inner.declname = None
    return c_generator.CGenerator().visit(c_ast.Typename(None, [], None, declared))


def _number(node, known):
    """The value of an enumerator."""
    if isinstance(node, c_ast.Constant):
        return int(node.value, 0)
    if isinstance(node, c_ast.UnaryOp) and node.op == "-":
        return -_number(node.expr, known)
    if isinstance(node, c_ast.ID):
        return known[node.name]
    raise SystemExit(f"{node.coord}: an enumerator is neither a number nor a name")


def _enum(node, known):
    enum, number = Enum(node.name), -1
    for item in node.values.enumerators:
        number = _number(item.value, known) if item.value else number + 1
        known[item.name] = number
        enum.members.append((item.name, number))
    return enum


def _comments():
    """Function name -> its comment, without the stars."""
    found = {}
    folder = os.path.join(INCLUDE, "aichat")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".h"):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                for function in cdecl.functions(path, file.read()):
                    found[function.name] = re.sub(r"^[ \t]*/?\*+/?[ \t]?", "",
                                                  function.doc or "", flags=re.M)
    return found



def _sections(comment):
    """The summary, {parameter: text}, and the text of @return, on one line each."""
    parts = re.split(r"^@(param|return)\b", comment, flags=re.M)
    summary = re.split(r"\n\s*\n", parts[0].strip())[0]
    parameters, returns = {}, ""
    for kind, text in zip(parts[1::2], parts[2::2]):
        text = " ".join(re.split(r"\n\s*\n", text)[0].split())
        if kind == "param":
            name, _, rest = text.partition(" ")
            parameters[name] = rest
        else:
            returns = text
    return " ".join(summary.split()), parameters, returns


def _function(node, comment):
    summary, docs, returns = _sections(comment)
    parameters = []
    for parameter in node.type.args.params:
        if parameter.name is None:  # (void)
            continue
        parameters.append(Parameter(parameter.name, _type(parameter),
                                    docs.get(parameter.name, "")))
    return Function(node.name, _type(node.type.type), parameters, summary, returns)


def _constants():
    found = []
    for line in _preprocess("-dM").splitlines():
        match = re.fullmatch(r'#define (AICHAT_\w+) \(?(-?\d+|"[^"]*")\)?', line)
        if match:
            found.append((match.group(1), match.group(2)))
    return sorted(found)


def read():
    comments = _comments()
    headers = Headers([], [], [], {}, _constants())
    known = {}
    for node in c_parser.CParser().parse(_preprocess("-P")).ext:
        if isinstance(node, c_ast.Typedef):
            target = node.type
            if isinstance(target, c_ast.PtrDecl) and isinstance(target.type, c_ast.FuncDecl):
                headers.hooks[node.name] = (
                    _type(target.type.type), [_type(p) for p in target.type.args.params])
            elif node.name.startswith("aichat"):
                headers.handles.append(node.name)
        elif isinstance(node.type, c_ast.Enum):
            headers.enums.append(_enum(node.type, known))
        elif isinstance(node.type, c_ast.FuncDecl):
            if node.name not in comments:
                raise SystemExit(f"{node.name}: declared without a comment")
            headers.functions.append(_function(node, comments[node.name]))
    return headers
