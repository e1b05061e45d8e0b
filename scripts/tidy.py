#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over the files whose names it reads, many at a time as one source, so that the headers they share are read once.

The files are written behind each other rather than included: they stay the main file, for which clang warns of more. Where such
a source has a finding, its files are looked at one by one, and what is found then counts. So a clash of names between files is
no finding, only slow; what is seen to clash is kept apart from the beginning (together.py).
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

sys.dont_write_bytecode = True
import together  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parent.parent
COUNTS = re.compile(r"^\d+ warnings?( and \d+ errors?)? (generated|treated).*\n", re.MULTILINE)
HEADERS = re.compile(r"\A(?:(?://.*|#include .*)?\n)*")

# Another file's names are no mistake; in one file alone g++ has an eye on it, which is stricter there.
ONLY_ALONE = "-Wno-shadow"


def headers(text):
    return [line for line in HEADERS.match(text).group().splitlines() if line.startswith("#")]


class Batch:
    def __init__(self, files, arguments):
        self.files = files
        self.arguments = [*arguments, *dict.fromkeys(("-iquote", str(file.path.parent)) for file in files)]

    def size(self):
        return sum(len(file.text) for file in self.files)

    def write(self, source):
        """Headers first: behind a class, some of what they define makes clang forget the fields of it that are not used."""
        first = dict.fromkeys(line for file in self.files for line in headers(file.text))
        source.write_text("\n".join([*first, *(f'#line 1 "{file.path}"\n{file.text}' for file in self.files)]))

    def command(self, source):
        words = [word for argument in self.arguments for word in argument]
        return {"directory": str(source.parent), "file": str(source), "arguments": [*words, ONLY_ALONE, "-c", str(source)]}


def arguments_of(entry):
    """Each argument of the compiler with its value, without source and object; places of headers are whole paths."""
    words = iter(entry.get("arguments") or shlex.split(entry["command"]))
    arguments = []
    for word in words:
        if word in ("-o", "-isystem", "-iquote", "-include"):
            arguments.append((word, next(words)))
        elif word.startswith("-I"):
            arguments.append(("-I" + os.path.abspath(os.path.join(entry["directory"], word[2:])),))
        else:
            arguments.append((word,))
    return [each for each in arguments if each[0] not in ("-o", "-c", entry["file"])]


def kind(path, arguments):
    """What files of one source must have in common: of the arguments, all but definitions and places of headers, which add up."""
    if not arguments:
        return path  # nobody says how to compile it: clang-tidy guesses, for this file alone
    return path.relative_to(TOP).parts[0], *(each for each in arguments if not each[0].startswith(("-I", "-D", "-isystem")))


def batches(build, paths, most):
    """The largest first."""
    arguments = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        arguments.setdefault(str(pathlib.Path(entry["file"]).resolve()), arguments_of(entry))
    alike = collections.defaultdict(list)
    for path in paths:
        alike[kind(path, arguments.get(str(path)))].append(together.File(path))
    made = []
    for files in alike.values():
        for group in together.groups(files, most):
            used = dict.fromkeys(each for file in group for each in arguments.get(str(file.path), []))
            made.append(Batch(group, used))
    return sorted(made, key=Batch.size, reverse=True)


def clang_tidy(build, file):
    ran = subprocess.run(["clang-tidy", "-p", build, "--quiet", file], capture_output=True, text=True)
    return ran.returncode, ran.stdout, COUNTS.sub("", ran.stderr)


def first_error(output):
    return next((line for line in output.splitlines() if " error: " in line), "no message").partition(" error: ")[2]


def look(build, source, batch):
    """Whether nothing is found."""
    clash = ""
    if len(batch.files) > 1:
        status, clash, _ = clang_tidy(source.parent, source)
        if status == 0:
            return True
    clean = True
    for file in batch.files:
        status, output, errors = clang_tidy(build, file.path)
        sys.stdout.write(output)
        sys.stderr.write(errors)
        clean = clean and status == 0
    if clean and clash:
        names = " ".join(str(file.path.relative_to(TOP)) for file in batch.files)
        print(f"clang-tidy: looked at one by one, because together there is: {first_error(clash)}: {names}")
    return clean


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-p", "--build", required=True, type=pathlib.Path, help="folder of compile_commands.json")
    parser.add_argument("-j", "--jobs", type=int, default=len(os.sched_getaffinity(0)), help="how many sources at once")
    parser.add_argument("-n", "--most", type=int, default=16, help="most files in one source")
    options = parser.parse_args()
    files = [pathlib.Path(line).resolve() for line in sys.stdin.read().split()]
    build = options.build.resolve()

    folder = build / "tidy"
    folder.mkdir(exist_ok=True)
    found = batches(build, files, min(options.most, -(-len(files) // options.jobs)))
    sources = [folder / f"{number}.cpp" for number in range(len(found))]
    for source, batch in zip(sources, found):
        batch.write(source)
    commands = [batch.command(source) for source, batch in zip(sources, found)]
    (folder / "compile_commands.json").write_text(json.dumps(commands))
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        return 0 if all(list(pool.map(look, [build] * len(found), sources, found))) else 1


if __name__ == "__main__":
    sys.exit(main())
