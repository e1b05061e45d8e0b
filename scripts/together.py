#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which files can stand in one source: those where no name that only one of them should see means something in another.

    together.py MOST FILE...   # prints each FILE behind the number of its group; a group has at most MOST

It reads the text and knows no C++: it may keep apart what would go together, and it may fail to see a clash. Who uses it does
without when the compiler sees one.
"""

import pathlib
import re
import sys

# What stands at the left margin and only this file should see: what an unnamed namespace has, an alias, a using-declaration.
UNNAMED = re.compile(r"^namespace \{$(.*?)^\}  // namespace$", re.MULTILINE | re.DOTALL)
TYPE = re.compile(r"^(?:struct|class|union|enum(?: class)?) (\w+)(?! *;)", re.MULTILINE)
NOT_DEFINED = r"(?!using|namespace|static_assert|template|struct|class|enum)"
DEFINED = re.compile(rf"^{NOT_DEFINED}[A-Za-z][\w:<>,*&. ]*?(?<![\w:])(\w+) ?[(={{[;]", re.MULTILINE)
ALIAS = re.compile(r"^(?:using|namespace) (\w+) = ([^;]+);", re.MULTILINE)
USING = re.compile(r"^using ([\w:]+::(\w+));", re.MULTILINE)
MAIN = re.compile(r"^int (main)\(", re.MULTILINE)
# They define what the C library's header of that name does, which others include.
KERNEL_HEADER = re.compile(r"^#include <(linux/(?:if|in|in6|ip|tcp|udp)\.h)>", re.MULTILINE)

TEXT = re.compile(r'//.*|"(?:[^"\\\n]|\\.)*"')
WORD = re.compile(r"(?<![\w.>:])[A-Za-z_]\w*")
HEADERS = re.compile(r"\A(?:(?://.*|#include .*)?\n)*")


class File:
    def __init__(self, path):
        self.path = path
        self.text = path.read_text()
        self.names = {}  # what only this file should see -> what it stands for; nothing for a definition
        for block in UNNAMED.findall(self.text):
            self.names.update({name: None for pattern in (TYPE, DEFINED) for name in pattern.findall(block)})
        self.names.update({name: None for name in MAIN.findall(self.text)})
        self.names.update(ALIAS.findall(self.text))
        self.names.update({name: target for target, name in USING.findall(self.text)})
        self.kernel_headers = set(KERNEL_HEADER.findall(self.text))
        self.words = set(WORD.findall(TEXT.sub(" ", self.text)))

    def disturbs(self, other):
        if self.kernel_headers != other.kernel_headers:
            return True
        for name, target in self.names.items():
            if name in other.names and target is not None:
                if target != other.names[name]:
                    return True
            elif name in other.words or name in other.names:
                return True
        return False

    def goes_with(self, others):
        return not any(self.disturbs(other) or other.disturbs(self) for other in others)

    def headers(self):
        return [line for line in HEADERS.match(self.text).group().splitlines() if line.startswith("#")]


def groups(files, most):
    made = []
    for file in files:
        group = next((each for each in made if len(each) < most and file.goes_with(each)), None)
        if group:
            group.append(file)
        else:
            made.append([file])
    return made


def main():
    for number, group in enumerate(groups([File(pathlib.Path(path)) for path in sys.argv[2:]], int(sys.argv[1]))):
        for file in group:
            print(number, file.path)


if __name__ == "__main__":
    main()
