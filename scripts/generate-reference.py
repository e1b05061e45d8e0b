#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/configuration-reference.md, every key of both kinds of files, from their JSON schemas.

Usage: generate-reference.py [--check]. With --check nothing is written: exit code 1 when the file is another one.
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs/configuration-reference.md"
HEAD = """\
# Configuration reference

Every key of both kinds of files, made by `scripts/generate-reference.py` from the JSON schemas that `meshctl config schema` prints.
[configuration.md](configuration.md) tells what belongs together, with examples. `[]` behind a key: a list of such; `*`: any name.
"""
KINDS = (("settings", "meshd.yaml", "The agent's configuration, `/etc/meshd/meshd.yaml`."),
         ("registry", "Files of the registry", "Services, rules and settings, `/etc/meshd/services.d/*.yaml`; objects in stores have the same keys."))


class Reference:
    def __init__(self, schema):
        self.schema = schema
        self.rows = []

    def resolved(self, schema):
        while "$ref" in schema:
            target = self.schema
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target | {key: value for key, value in schema.items() if key != "$ref"}
        return schema

    def alternatives(self, schema):
        schema = self.resolved(schema)
        for word in ("anyOf", "oneOf"):
            if word in schema and "type" not in schema and "enum" not in schema:
                return [one for item in schema[word] for one in self.alternatives(item)]
        return [schema]

    def values(self, schema):
        """What may stand there, in words."""
        words = []
        for one in self.alternatives(schema):
            kinds = one.get("type", [])
            kinds = kinds if isinstance(kinds, list) else [kinds]
            if "enum" in one or "const" in one:
                words += [f"`{self.text(word)}`" for word in one.get("enum", [one.get("const")])]
            elif "integer" in kinds or "number" in kinds:
                low, high = one.get("minimum"), one.get("maximum")
                words.append("a number" if low is None and high is None else f"{'' if low is None else low} to {'any' if high is None else high}")
            elif "boolean" in kinds:
                words += ["`true`", "`false`"]
            elif "array" in kinds:
                words.append("list of " + self.values(one["items"]) if "items" in one else "list")
            elif "object" in kinds:
                words.append("mapping")
            else:
                words.append("text")
        return ", ".join(dict.fromkeys(words))

    @staticmethod
    def text(value):
        return value if isinstance(value, str) else json.dumps(value)

    def add(self, name, schema):
        schema = self.resolved(schema)
        default = f"`{self.text(schema['default'])}`" if "default" in schema and schema["default"] != "" else ""
        cells = [f"`{name}`", self.values(schema), default, schema.get("description", "")]
        self.rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        self.descend(name, schema)

    def descend(self, name, schema):
        known = set()
        alternatives = self.alternatives(schema)
        for one in alternatives:
            # One thing or a list of such: told once.
            if "items" in one and self.resolved(one["items"]) not in alternatives:
                self.descend(name + "[]", one["items"])
            for key, value in one.get("properties", {}).items():
                if key not in known and value is not False:
                    self.add(f"{name}.{key}" if name else key, value)
                known.add(key)
            if isinstance(one.get("additionalProperties"), dict):
                self.add(f"{name}.*", one["additionalProperties"])


def page():
    parts = [HEAD]
    for name, title, what in KINDS:
        schema = json.loads((ROOT / f"userspace/config/schema/{name}.schema.json").read_text(encoding="utf-8"))
        reference = Reference(schema)
        reference.descend("", schema)
        parts += [f"\n## {title}\n\n{what} {schema['description']}\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n",
                  "\n".join(reference.rows) + "\n"]
    return "".join(parts)


def main():
    text = page()
    if sys.argv[1:] != ["--check"]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.relative_to(ROOT)} is not what the JSON schemas say; run scripts/generate-reference.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
