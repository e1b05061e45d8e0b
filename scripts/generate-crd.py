#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes deploy/kubernetes/crd.yaml, whose spec is a file of the registry, from the JSON schema of such a file.

Usage: generate-crd.py [--check]. With --check nothing is written: exit code 1 when the file is another one, or does not take an example
that the JSON schema takes; 77 when a Python module is missing.
"""
import json
import pathlib
import sys

try:
    import yaml
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCHEMA = json.loads((ROOT / "userspace/config/schema/registry.schema.json").read_text(encoding="utf-8"))
TARGET = ROOT / "deploy/kubernetes/crd.yaml"
HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# MeshConfiguration: services, rules of the policy and settings for services, as a file of the registry has them (docs/kubernetes.md).
# Made by scripts/generate-crd.py from the JSON schema of such a file. Keys that are not known are kept, so that meshd can refuse them
# with their names: without them an object might say something else, and a rule of the policy mean everybody.
"""
# What a structural schema may say of a value as it stands. Defaults are left out: the server would write them into the object, as if
# somebody had given them.
KEPT = ("description", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
        "maxProperties", "required")


def resolved(schema):
    while "$ref" in schema:
        target = SCHEMA
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target | {key: value for key, value in schema.items() if key != "$ref"}
    return schema


def types_of(schema):
    schema = resolved(schema)
    if "anyOf" in schema and "type" not in schema:
        return {one for alternative in schema["anyOf"] for one in types_of(alternative)}
    if "type" in schema:
        return {schema["type"]}
    words = schema.get("enum", [schema.get("const")])
    return {"integer" if isinstance(word, int) else "string" for word in words}


def structural(schema):
    schema = resolved(schema)
    types = types_of(schema)
    made = {key: schema[key] for key in KEPT if key in schema}
    if "const" in schema:
        made["enum"] = [schema["const"]]
    if types == {"integer", "string"}:
        return {"x-kubernetes-int-or-string": True} | ({"description": made["description"]} if "description" in made else {})
    if "object" in types and len(types) > 1:  # a word, or a mapping that says more
        return {"x-kubernetes-preserve-unknown-fields": True} | made
    made["type"] = types.pop()
    if made["type"] == "integer":
        made["format"] = "int32"
    if "items" in schema:
        made["items"] = structural(schema["items"])
    if "properties" in schema:
        made["properties"] = {key: structural(value) for key, value in schema["properties"].items()}
        made["x-kubernetes-preserve-unknown-fields"] = True
    elif isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = structural(schema["additionalProperties"])
    return made


def text(description, **keys):
    return {"type": "string", "description": description} | keys


CONDITION = {
    "type": "object",
    "required": ["type", "status"],
    "properties": {
        "type": text("Accepted: whether the nodes take this object."),
        "status": text("False: the last version that was good stays in force.", enum=["True", "False", "Unknown"]),
        "reason": text("Accepted or Refused."),
        "message": text("Why it is refused, with the field."),
        "observedGeneration": {"type": "integer", "format": "int64", "description": "The generation that this is said of."},
        "lastTransitionTime": text("When the status became this.", format="date-time"),
    },
}


def definition():
    spec = structural({key: value for key, value in SCHEMA.items() if key != "type"} | {"type": "object"})
    schema = {
        "type": "object",
        "description": "What a file of meshd's registry can say, for all nodes that follow this cluster.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": {"type": "object", "description": "Written by meshd.", "properties": {
                "conditions": {"type": "array", "items": CONDITION,
                               "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}}},
        },
    }
    accepted = '.status.conditions[?(@.type=="Accepted")]'
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "meshconfigurations.meshd.dev"},
        "spec": {
            "group": "meshd.dev",
            "scope": "Cluster",
            "names": {"kind": "MeshConfiguration", "listKind": "MeshConfigurationList", "plural": "meshconfigurations",
                      "singular": "meshconfiguration", "shortNames": ["meshconf"]},
            "versions": [{
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    {"name": "Accepted", "type": "string", "jsonPath": f"{accepted}.status"},
                    {"name": "Reason", "type": "string", "jsonPath": f"{accepted}.reason"},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    }


class Plain(yaml.SafeDumper):
    def ignore_aliases(self, _):
        return True


def refused_examples():
    """Examples that a validator finds wrong by the schema. Its own keys are none that a validator knows, so those are left open."""
    try:
        import jsonschema
    except ImportError as error:
        print(f"examples are not checked: {error}")
        return []
    validator = jsonschema.Draft202012Validator(definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"])
    wrong = []
    for path in sorted((ROOT / "deploy/examples/services.d").glob("*.yaml")):
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
        wrong += [f"{path.name}: {error.message}" for error in validator.iter_errors(value or {})]
    return wrong


def main():
    made = HEAD + yaml.dump(definition(), Dumper=Plain, sort_keys=False, width=120)
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(made, encoding="utf-8")
        return 0
    failures = refused_examples()
    if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != made:
        failures.append(f"{TARGET.relative_to(ROOT)} is not what the JSON schema says; run scripts/generate-crd.py")
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
