"""One run of the codec benchmark, table after table."""

import csv

import torch

from bench_cache import Cache, versions
from bench_models import MODELS
from bench_report import JSONLines, Markdown, Times
from bench_speed import own_speeds, rival_speeds
from bench_svg import chart
from bench_tables import WRONG, curves_of, curves_table, exact_table, integers_table
from bench_wtserial import Stream

# Ten bits of it make a byte.
FASTEST_LINE = "times 921600 baud"
FASTEST_LINE_RATE = 92160


class Session:
    def __init__(self, arguments, wtserial):
        """`wtserial` is the path of the command, or None to do without."""
        self.arguments = arguments
        self.wtserial = wtserial
        self.cache = Cache(arguments.fresh)
        self.report = JSONLines() if arguments.json else Markdown()

    def run(self):
        """The exit status: 1 where something did not come back as it was sent."""
        torch.set_num_threads(1)
        self.report.begin(versions())
        findings = []
        for name in self.arguments.models:
            model = MODELS[name]()
            for table in self.arguments.tables:
                rows, found = getattr(self, table)(model)
                self.report.table(name, getattr(self, table).__doc__, rows)
                findings += found
        self.report.end(findings or ["nothing to remark"])
        return int(any(finding.startswith(WRONG) for finding in findings))

    def integers(self, model):
        """bytes for the same integers"""
        return integers_table(model, self.wtserial, self.cache)

    def exact(self, model):
        """bytes for the whole model, bit by bit"""
        return exact_table(model, self.wtserial, self.cache)

    def curves(self, model):
        """bytes until a share of the final quality is there for good"""
        final, curves = curves_of(model, self.wtserial, self.cache, self.arguments.points)
        if self.arguments.svg:
            self.draw(model, final, curves)
        return curves_table(model, final, curves)

    def speed(self, model):
        """weights and coded bytes a second, one core"""
        own = own_speeds(model) if self.wtserial else []
        # Never from the cache: speeds compare only where the machine is as busy for all.
        speeds = [*own, *rival_speeds(model)]
        return [
            {
                "codec": speed["name"],
                "weights/s": round(speed["values_per_second"]),
                "bytes/s": round(speed["bytes_per_second"]),
                FASTEST_LINE: Times(speed["bytes_per_second"] / FASTEST_LINE_RATE),
            }
            for speed in speeds
        ], []

    def draw(self, model, final, curves):
        folder = self.arguments.svg
        folder.mkdir(parents=True, exist_ok=True)
        milestones = Stream(self.wtserial, model.path).plan.milestones if self.wtserial else []
        for measure in final:
            name = model.name if len(final) == 1 else f"{model.name}-{measure}"
            picture = chart(f"{model.name}: {measure}", curves, measure, milestones)
            (folder / f"{name}.svg").write_text(picture)
        with open(folder / f"{model.name}.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["schedule", "bytes", *final])
            for curve in curves:
                for count, qualities in curve.points.items():
                    rows.writerow([curve.name, count, *(qualities[it] for it in final)])
