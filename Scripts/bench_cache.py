"""Results that do not depend on wtserial, kept in .bench: they take most of the time."""

import hashlib
import json
from importlib.metadata import version

from bench_models import CACHE

RIVALS = "torch", "zipnn", "nncodec", "zstandard"


def versions():
    return {name: version(name) for name in RIVALS}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Cache:
    """A JSON file of results by model, question and the versions of the rivals."""

    def __init__(self, is_fresh):
        self.path = CACHE / "rivals.json"
        self.results = {} if is_fresh else self.stored()

    def stored(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def get(self, model, question, compute):
        """What `compute` gives, or gave for the same file; it must survive a way through JSON."""
        key = json.dumps([model.name, digest(model.path), question, versions()])
        if key not in self.results:
            self.results[key] = compute()
            self.store()
        return self.results[key]

    def store(self):
        CACHE.mkdir(exist_ok=True)
        # Another run may have added to it; and who breaks this one off must not lose what took hours.
        written = self.path.with_suffix(".partial")
        written.write_text(json.dumps(self.stored() | self.results, indent=1))
        written.rename(self.path)
