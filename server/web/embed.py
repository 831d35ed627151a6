"""Turn the files of this folder into C: embed.py OUTPUT PATH=FILE..."""

import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8"}


def main(output, *files):
    lines = ['#include <string.h>', '', '#include "web.h"', '']
    rows = []
    for number, entry in enumerate(files):
        path, _, name = entry.partition("=")
        data = pathlib.Path(name).read_bytes()
        numbers = ",".join(map(str, data))
        lines.append(f"static const unsigned char file_{number}[] = {{ {numbers} }};")
        rows.append(f'\t{{ "{path}", "{TYPES[pathlib.Path(name).suffix]}", '
                    f'(const char *)file_{number}, {len(data)} }},')
    lines += ["", "static const struct web_file files[] = {", *rows, "};", "",
              "const struct web_file *web_find(const char *path)", "{",
              "\tfor (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)",
              "\t\tif (strcmp(files[i].path, path) == 0)",
              "\t\t\treturn &files[i];", "\treturn NULL;", "}", ""]
    pathlib.Path(output).write_text("\n".join(lines))


main(*sys.argv[1:])
