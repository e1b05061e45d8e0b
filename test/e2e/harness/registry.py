# SPDX-License-Identifier: Apache-2.0
"""A directory of YAML files with services, written in the ways that editors and programs write files."""

import json
import os
import pathlib


def backend(address, port, **keys):
    return {"address": address, "port": port, **keys}


def service(name, address, port, backends, protocol="tcp", **keys):
    """A service with one port. `address` may be a list; `target` ports come from the backends."""
    where = {"addresses": address} if isinstance(address, list) else {"address": address}
    return {"name": name, **where, "ports": [{"port": port, "protocol": protocol}], **keys, "backends": backends}


def document(services):
    """One file of the registry. Lists of backends in flow form keep big files readable; JSON's scalars are YAML's."""
    lines = ["services:"]
    for item in services:
        for number, (key, value) in enumerate(item.items()):
            lead = "  - " if number == 0 else "    "
            if isinstance(value, list) and value and isinstance(value[0], dict):
                lines.append(f"{lead}{key}:")
                lines += [f"      - {_flow(entry)}" for entry in value]
            else:
                lines.append(f"{lead}{key}: {_flow(value)}")
    return "\n".join(lines if services else ["services: []"]) + "\n"


def _flow(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


class Registry:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.directory.chmod(0o755)

    def path(self, name="services"):
        return self.directory / f"{name}.yaml"

    def write(self, *services, name="services"):
        """As programs and good editors do: a complete new file takes the name of the old one."""
        self.replace(document(services), name)

    def replace(self, text, name="services"):
        beside = self.directory / f".{name}.new"
        beside.write_text(text)
        beside.chmod(0o644)
        os.replace(beside, self.path(name))

    def write_in_place(self, text, name="services"):
        """As `cat >` does: the file is cut to nothing, then filled."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def save_like_vim(self, text, name="services"):
        """The old file becomes a backup, a new one is made under its name, the backup goes."""
        backup = self.directory / f"{name}.yaml~"
        os.rename(self.path(name), backup)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        backup.unlink()

    def remove(self, name="services"):
        self.path(name).unlink()
