"""What Package.swift says, as the checks need it. A target is portable where its settings name
`EmbeddedRestrictions`; nothing else marks it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

# Relative, so that findings are short.
ROOT = Path(os.path.relpath(Path(__file__).resolve().parent.parent))


@dataclass(frozen=True)
class Target:
    name: str
    kind: str  # regular, executable, plugin, test, system
    folder: Path
    dependencies: dict[str, bool]  # module → whether it is conditional on the platform
    settings: list[tuple]  # such as ("enableUpcomingFeature", "ExistentialAny")

    @property
    def is_portable(self):
        return ("treatWarning", "EmbeddedRestrictions", "error") in self.settings

    def sources(self):
        return sorted(self.folder.rglob("*.swift"))


def load_targets(root):
    """The targets of the package by name, each after those that it depends on."""
    command = ["swift", "package", "--package-path", root, "dump-package"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr.strip())
    return in_dependency_order(parse(target, root) for target in json.loads(run.stdout)["targets"])


def parse(target, root):
    base = {"test": "Tests", "plugin": "Plugins"}.get(target["type"], "Sources")
    folder = Path(root) / target.get("path", f"{base}/{target['name']}")
    dependencies = {}
    for dependency in target["dependencies"]:
        # {"byName": [name, condition]}, {"target": [name, condition]} or
        # {"product": [name, package, aliases, condition]}; here a product is named as its module.
        [fields] = dependency.values()
        dependencies[fields[0]] = fields[-1] is not None
    settings = []
    for setting in target["settings"]:
        [(kind, arguments)] = setting["kind"].items()
        settings.append((kind, *arguments.values()))
    return Target(target["name"], target["type"], folder, dependencies, settings)


def in_dependency_order(targets):
    by_name = {target.name: target for target in targets}
    graph = {name: target.dependencies for name, target in by_name.items()}
    order = TopologicalSorter(graph).static_order()
    # The sorter also yields the products of other packages.
    return {name: by_name[name] for name in order if name in by_name}
