"""What is written down of the lines of --json, to hold every line that a test gets to see against."""

import functools
import json
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "Sources/wtserial/events.schema.json"


def read():
    return json.loads(FILE.read_text())


@functools.cache
def validator():
    """Stricter than the schema, which lets a line have fields that a later version adds."""
    from jsonschema import Draft202012Validator

    def close(node):
        # Objects inside of lines; those of a line are put together from parts.
        if isinstance(node, list):
            return [close(item) for item in node]
        if not isinstance(node, dict):
            return node
        closed = {key: close(value) for key, value in node.items()}
        for key in ("items", "owner", "settings"):
            inner = closed.get(key)
            if isinstance(inner, dict) and "properties" in inner:
                closed[key] = {**inner, "additionalProperties": False}
        return closed

    schema = {**close(read()), "unevaluatedProperties": False}
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults(event):
    """What is wrong with a line, in words."""
    return [
        f"{'/'.join(map(str, error.absolute_path)) or 'line'}: {error.message}"
        for error in validator().iter_errors(event)
    ]


def names():
    """All events that there are."""
    return read()["properties"]["event"]["enum"]
