"""Tables, as Markdown for people or as JSON for programs."""

import json


class Times(float):
    """How many times one number is another, where that is far from a share."""


def entry(value):
    """1234 → 1,234; shares to a tenth of a percent; what there is not is a dash."""
    if value is None:
        return "—"
    if isinstance(value, Times):
        return f"{value:.1f}"
    if isinstance(value, float):
        return f"{100 * value:.1f} %"
    return f"{value:,}" if isinstance(value, int) else str(value)


def markdown(rows):
    """The lines of a table of dictionaries that have the same keys; numbers to the right."""
    columns = list(rows[0])
    cells = [columns, *([entry(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]

    def row(line):
        first, *others = zip(line, widths)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return "| " + " | ".join(padded) + " |"

    rules = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return [row(cells[0]), row(rules), *map(row, cells[1:])]


class Markdown:
    def begin(self, versions):
        print(", ".join(f"{program} {version}" for program, version in versions.items()))

    def table(self, model, title, rows):
        print("\n".join(["", f"### {model}: {title}", "", *markdown(rows)]), flush=True)

    def end(self, findings):
        print("\n" + "\n".join(f"- {finding}" for finding in findings))


class JSONLines:
    def begin(self, versions):
        print(json.dumps({"versions": versions}), flush=True)

    def table(self, model, title, rows):
        for row in rows:
            print(json.dumps({"model": model, "table": title} | row), flush=True)

    def end(self, findings):
        print(json.dumps({"summary": findings}))
