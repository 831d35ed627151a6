#!/usr/bin/env python3
"""Writes bindings/python/aichat/_ffi.py from the public headers.

    generate.py           write it
    generate.py check     say what differs, and fail if anything does

For each function there is the bare one under its C name, and one under the name without
`aichat_` that speaks Python. The latter follows from the conventions of the headers:

    const char *text, int64_t text_len     one str; without a length it may hold no NUL
    const void *data, size_t data_len      one bytes
    aichat_x **ret_x, char **ret_x, ...    results; what the caller owns is given back
                                           when Python forgets it
    a borrowed aichat_x *                  a reference, or one that keeps its owner
    "NULL" in the comment                  Optional
    aichat_error **reterr                  an exception
    a result below 0                       an exception, where the comment lists codes
    "enum aichat_x" in the comment         a member of that enum

A declaration that follows none of them stops the generator: then the header is changed,
or a convention is added here.
"""

import difflib
import os
import re
import sys

try:
    import headers
except ModuleNotFoundError as error:
    print(f"{error}: install python3-pycparser", file=sys.stderr)
    sys.exit(77)  # meson's word for "skipped"

TARGET = os.path.join(headers.ROOT, "bindings", "python", "aichat", "_ffi.py")
WIDTH = 88

SCALARS = {
    "int": ("c_int", "int"),
    "int32_t": ("c_int32", "int"),
    "uint32_t": ("c_uint32", "int"),
    "int64_t": ("c_int64", "int"),
    "uint64_t": ("c_uint64", "int"),
    "size_t": ("c_size_t", "int"),
    "double": ("c_double", "float"),
}

HEAD = '''\
"""Every function of libaichat, generated from its headers: do not edit.

The functions named as in C are the bare ones; those without `aichat_` take and return
Python's values, raise `aichat.Error`, and own what they return.

    python3 bindings/gen/generate.py
"""

from ctypes import (CFUNCTYPE, POINTER, byref, c_char_p, c_double, c_int, c_int64,
                    c_size_t, c_uint32, c_uint64, c_void_p)
from enum import IntFlag
from typing import Any, Optional, Sequence, Tuple

from ._library import load
from ._support import (Handle, OpenEnum, check, data, text_at, text_or_none, utf8,
                       utf8_no_nul)
'''


def stripped(ctype):
    """A pointer's target without const: "const aichat_x *" -> "aichat_x"."""
    return ctype.replace("const ", "").rstrip("* ").strip()


def class_name(enum):
    return "".join(word.capitalize() for word in enum.replace("aichat_", "", 1).split("_"))


class Wrapper:
    """The Python function around one C function."""

    def __init__(self, function, context):
        self.function = function
        self.context = context
        self.signature = []  # "name: type"
        self.before = []
        self.arguments = []
        self.after = []
        self.results = []  # (expression, type)
        self.errors = False
        self.parameters = list(function.parameters)

    def fail(self, parameter, why):
        raise SystemExit(f"{self.function.name}: {parameter.type} {parameter.name}: {why}")

    def follows(self, name, ctype):
        """Take the next parameter if it is this one."""
        first = self.parameters[0] if self.parameters else None
        if first and (first.name, first.type) == (name, ctype):
            return self.parameters.pop(0)
        return None

    def argument(self, parameter, kind, expression=None):
        optional = f"Optional[{kind}]" if parameter.nullable else kind
        self.signature.append(f"{parameter.name}: {optional}")
        self.arguments.append(expression or parameter.name)

    def input(self, p):
        if p.type in SCALARS:
            self.argument(p, SCALARS[p.type][1])
        elif p.type in self.context.hooks:
            self.argument(p, "Any", f"{p.type}() if {p.name} is None else {p.name}")
        elif p.type == "const char *" and (self.follows(f"{p.name}_len", "int64_t") or
                                           self.follows(f"{p.name}_len", "size_t")):
            self.before.append(f"{p.name}_bytes = utf8({p.name})")
            self.argument(p, "str", f"{p.name}_bytes")
            self.arguments.append(f"len({p.name}_bytes" + (' or b"")' if p.nullable else ")"))
        elif p.type == "const char *":
            self.argument(p, "str", f"utf8_no_nul({p.name})")
        elif p.type == "const void *" and self.follows(f"{p.name}_len", "size_t"):
            self.argument(p, "bytes")
            self.arguments.append(f"len({p.name})")
        elif p.type == "void *":
            self.argument(p, "Any")
        elif p.type.endswith("* const *") and self.follows("count", "size_t"):
            kind = stripped(p.type.replace("* const *", ""))
            self.before.append(f"{p.name}_array = ({kind} * len({p.name}))(*{p.name})")
            self.argument(p, f"Sequence[{kind}]", f"{p.name}_array")
            self.arguments.append(f"len({p.name})")
        elif stripped(p.type) in self.context.handles and p.type.count("*") == 1:
            self.argument(p, stripped(p.type))
        else:
            self.fail(p, "no convention for such a parameter")

    def output(self, p):
        kind = stripped(p.type)
        if "set on failure" in p.doc:
            self.arguments.append("None")
        elif kind in self.context.handles and p.type.count("*") == 2:
            self.before.append(f"{p.name} = {kind}()")
            self.result(p.name, p.name, kind)
        elif kind == "char" and p.type.count("*") == 2:
            length = (self.follows(f"{p.name}_len", "size_t *") or
                      self.follows("ret_len", "size_t *"))
            self.before.append(f"{p.name} = c_void_p()")
            self.arguments.append(f"byref({p.name})")
            size = ""
            if length:
                self.before.append(f"{length.name} = c_size_t()")
                self.arguments.append(f"byref({length.name})")
                size = f", {length.name}.value"
            if "caller owns" in p.doc:
                maybe = "set when" in p.doc
                read = "text_or_none" if maybe else "text_at"
                self.after.append(f"{p.name}_text = {read}({p.name}.value{size})")
                self.after.append(f"aichat_free({p.name})")
                self.results.append((f"{p.name}_text", "Optional[str]" if maybe else "str"))
            elif p.name == "ret_bytes":  # of others, who may send anything
                self.results.append((f"data({p.name}.value{size})", "Optional[bytes]"))
            else:
                self.results.append((f"text_or_none({p.name}.value{size})", "Optional[str]"))
        elif kind in SCALARS and p.type.count("*") == 1:
            self.before.append(f"{p.name} = {SCALARS[kind][0]}()")
            self.result(p.name, f"{p.name}.value", SCALARS[kind][1])
        else:
            self.fail(p, "no convention for such a result")

    def result(self, name, expression, kind):
        self.arguments.append(f"byref({name})")
        self.results.append((expression, kind))

    def returned(self):
        """What the function itself returns: statements around the call, and a result."""
        function, returns = self.function, self.function.returns
        call = f"{function.name}({{}})"
        kind = stripped(function.result)
        enum = re.search(r"enum (aichat_\w+)", returns)
        if function.result == "int" and (self.errors or "AICHAT_E" in returns):
            error = ", reterr" if self.errors else ""
            self.after.insert(0, f"check(code{error})")
            if not re.match(r"0, or|as ", returns):
                self.results.insert(0, ("code", "int"))
                return f"code: int = {call}"
            return f"code = {call}"
        if function.result in SCALARS and enum:
            name = class_name(enum.group(1))
            if "; 0 " in returns and not returns.startswith("bits of"):
                self.results.insert(0, (f"{name}(number) if number else None",
                                        f"Optional[{name}]"))
            else:
                self.results.insert(0, (f"{name}(number)", name))
            return f"number = {call}"
        if function.result in SCALARS:
            truth = re.match(r"1 or 0\b", returns)
            self.results.insert(0, ("number == 1", "bool") if truth
                                else ("number", SCALARS[function.result][1]))
            return f"number: {SCALARS[function.result][1]} = {call}"
        if function.result == "void":
            return call
        if kind in self.context.handles:
            self.returned_handle(kind)
            return f"pointer = {call}"
        if kind in ("char", "void"):
            self.returned_text(kind)
            return f"pointer = {call}"
        raise SystemExit(f"{function.name}: no convention for the result {function.result}")

    def returned_handle(self, kind):
        if "caller owns" in self.function.returns:
            self.after.insert(0, "check(ErrorCode.ENOMEM if pointer is None else 0)")
            self.results.insert(0, (f"{kind}(pointer)", kind))
        elif f"{kind}_ref" in self.context.names:
            self.results.insert(0, (f"{kind}({kind}_ref(pointer)) if pointer else None",
                                    f"Optional[{kind}]"))
        else:
            keeper = self.function.parameters[0].name
            self.results.insert(0, (f"{kind}.of(pointer, {keeper}) if pointer else None",
                                    f"Optional[{kind}]"))

    def returned_text(self, kind):
        name = self.function.name
        size = ""
        if any(p.name == "ret_len" for p in self.function.parameters):
            size = ", ret_len.value"
        elif f"{name}_len" in self.context.names:
            size = f", {name}_len({', '.join(p.name for p in self.function.parameters)})"
        if kind == "void":
            self.results.insert(0, (f"data(pointer{size})", "Optional[bytes]"))
        elif self.function.nullable:
            self.results.insert(0, (f"text_or_none(pointer{size})", "Optional[str]"))
        else:
            self.results.insert(0, (f"text_at(pointer{size})", "str"))

    def render(self):
        while self.parameters:
            p = self.parameters.pop(0)
            if p.name == "reterr":
                self.errors = True
                self.before.append("reterr = aichat_error()")
                self.arguments.append("byref(reterr)")
            elif p.name == "ret_len" and stripped(self.function.result) in ("char", "void"):
                self.before.append("ret_len = c_size_t()")
                self.arguments.append("byref(ret_len)")
            elif p.name.startswith("ret_"):
                self.output(p)
            else:
                self.input(p)
        call = self.returned()
        kinds = [kind for _, kind in self.results]
        result = {0: "None", 1: kinds[0] if kinds else ""}.get(
            len(kinds), f"Tuple[{', '.join(kinds)}]")
        lines = folded(f"def {self.function.name[len('aichat_'):]}(", self.signature,
                       f") -> {result}:")
        lines += docstring(self.function.summary)
        lines += [f"    {line}" for line in self.before]
        head, _, tail = call.partition("{}")
        lines += folded(f"    {head}", self.arguments, tail)
        lines += [f"    {line}" for line in self.after]
        if self.results:
            lines.append(f"    return {', '.join(expression for expression, _ in self.results)}")
        return "\n".join(lines) + "\n"


def folded(head, items, tail):
    """A call or definition, broken into lines where it is too long."""
    line = head + ", ".join(items) + tail
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()) + 8)
    lines, current = [head], indent
    for n, item in enumerate(items):
        piece = item + ("," if n < len(items) - 1 else tail)
        if len(current) + len(piece) > WIDTH and current.strip():
            lines.append(current.rstrip())
            current = indent
        current += piece + " "
    return lines + [current.rstrip()]


def docstring(text):
    words, lines = text.replace("\\", "\\\\").split(), ['    """']
    for word in words:
        joined = lines[-1] + (" " if lines[-1].strip(' "') else "") + word
        if len(joined) > WIDTH - 3:
            lines.append("    " + word)
        else:
            lines[-1] = joined
    lines[-1] += '"""'
    return lines


class Context:
    """What a wrapper has to know of the whole."""

    def __init__(self, all_headers):
        self.handles = all_headers.handles
        self.hooks = all_headers.hooks
        self.names = {function.name for function in all_headers.functions}
        self.flags = set(re.findall(r"bits of enum (\w+)", "\n".join(
            function.returns for function in all_headers.functions)))


def is_release(function):
    """What gives an object or memory back; handles call it by themselves."""
    return bool(re.search(r"_(?:unref|free|close)$", function.name))


def is_reference(function):
    return function.name.endswith("_ref")


def is_length(function, context):
    return function.name.endswith("_len") and function.name[:-4] in context.names


def ctype(text, context, result=False):
    """What ctypes calls a type."""
    if text in SCALARS:
        return SCALARS[text][0]
    if text == "void":
        return "None"
    if text in context.hooks:
        return text
    target, stars = stripped(text.replace("* const *", "**")), text.count("*")
    if stars == 2 and target == "char":
        return "POINTER(c_void_p)"
    if stars == 2 and target in context.handles:
        return f"POINTER({target})"
    if stars == 1 and target in SCALARS:
        return f"POINTER({SCALARS[target][0]})"
    if stars == 1 and target == "char" and not result:
        return "c_char_p"
    if stars == 1 and target in context.handles and not result:
        return target
    if stars == 1:
        return "c_void_p"  # what comes out is an address, read by length
    raise SystemExit(f"no ctypes type for {text}")


def render_enum(enum, context):
    names = [name for name, _ in enum.members]
    prefix = os.path.commonprefix(names)
    prefix = prefix[:prefix.rindex("_") + 1]
    base = "IntFlag" if enum.name in context.flags else "OpenEnum"
    lines = [f"class {class_name(enum.name)}({base}):",
             f'    """enum {enum.name}"""', ""]
    lines += [f"    {name[len(prefix):]} = {number}" for name, number in enum.members]
    return "\n".join(lines) + "\n"


def render_handle(name, context, releases):
    free = releases.get(name)
    lines = [f"class {name}(Handle):", f'    """{name} *"""']
    if free:
        lines.append("")
        lines.append(f'    release = declare("{free}", c_void_p, c_void_p)')
    return "\n".join(lines) + "\n"


def render_bare(function, context):
    types = [ctype(p.type, context) for p in function.parameters]
    lines = folded(f"{function.name} = declare(",
                   [f'"{function.name}"', ctype(function.result, context, True), *types], ")")
    return "\n".join(lines) + "\n"


def generate():
    every = headers.read()
    context = Context(every)
    releases = {stripped(f.parameters[0].type): f.name for f in every.functions
                if is_release(f) and stripped(f.parameters[0].type) in every.handles}
    parts = [HEAD, "".join(f"{name[len('AICHAT_'):]} = {value}\n"
                           for name, value in every.constants) +
             "\ndeclare = load(ABI)\n"]
    parts += ["\n" + render_enum(enum, context) for enum in every.enums]
    parts += ["\n" + render_handle(name, context, releases) for name in every.handles]
    for name, (result, parameters) in every.hooks.items():
        types = [ctype(result, context), *(ctype(p, context) for p in parameters)]
        parts.append(f"\n{name}: Any = CFUNCTYPE({', '.join(types)})\n")
    parts.append("".join(render_bare(function, context) for function in every.functions))
    parts += ["\n" + Wrapper(function, context).render() for function in every.functions
              if not (is_release(function) or is_reference(function) or
                      is_length(function, context))]
    return "\n".join(parts)


def differences(old, new):
    return list(difflib.unified_diff(old.splitlines(), new.splitlines(), "_ffi.py",
                                     "generated", lineterm=""))


def main():
    text = generate()
    if sys.argv[1:] == ["check"]:
        assert differences(text.replace("c_int64", "c_int", 1), text)
        with open(TARGET, encoding="utf-8") as file:
            found = differences(file.read(), text)
        if found:
            print("\n".join(found))
            sys.exit("_ffi.py differs from the headers; python3 bindings/gen/generate.py "
                     "writes it anew")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        with open(TARGET, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
