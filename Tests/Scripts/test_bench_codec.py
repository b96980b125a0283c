"""Does the codec benchmark count what it says? Tested without the other codecs: they take minutes."""

import sys
import xml.etree.ElementTree as ElementTree

from support import PYTHON, SCRIPTS, ScriptTests, run

sys.path.insert(0, str(SCRIPTS))

from bench_curves import Curve, grid, settled, trace  # noqa: E402
from bench_plan import Plan  # noqa: E402
from bench_report import Times, markdown  # noqa: E402
from bench_svg import chart  # noqa: E402


def plane_unit(plane, name, byte_count):
    return {"tensor": "w", "plane": plane, "pass": name, "bytes": byte_count, "gain": 1}


def other_unit(name, byte_count):
    return {"tensor": "b", "plane": None, "pass": name, "bytes": byte_count, "gain": 0}


class CurveTests(ScriptTests):
    def test_quality_counts_from_where_it_stays(self):
        self.assertEqual(settled({10: 0.1, 20: 0.9, 30: 0.5, 40: 0.9, 50: 0.9}, 0.9), (30, 40))
        self.assertEqual(settled({10: 0.9, 20: 0.9}, 0.9), (0, 10))
        self.assertEqual(settled({10: 0.9, 20: 0.1}, 0.9), (20, None))

    def test_grid_ascends_in_equal_ratios_to_all_bytes(self):
        self.assertEqual(grid(30000, 3), [100, 1732, 30000])
        self.assertEqual(grid(2, 40), [1, 2])

    def test_last_crossing_is_found_closely_behind_a_dip(self):
        def qualities_at(count):
            return {"accuracy": float(count >= 4321 and not 6000 <= count < 7777)}

        curve = trace("", 30000, qualities_at, {"accuracy": 1.0}, 40)
        self.assertTrue(7777 <= curve.bytes_until("accuracy", 0.99) <= 7777 * 1.02)
        self.assertEqual(list(curve.points), sorted(curve.points))

    def test_search_among_a_few_bytes_ends(self):
        curve = trace("", 9, lambda count: {"accuracy": float(count > 4)}, {"accuracy": 1.0}, 3)
        self.assertEqual(curve.bytes_until("accuracy", 0.9), 5)


class PlanTests(ScriptTests):
    def test_planes_end_where_the_last_of_their_units_does(self):
        units = [
            other_unit("short", 5), plane_unit(0, "significance", 10),
            plane_unit(1, "significance", 20), plane_unit(1, "refinement", 30),
            plane_unit(2, "significance", 40), other_unit("exact", 50),
        ]  # fmt: skip
        plan = Plan(total_bytes=162, milestones=[], units=units)  # 7 of them before the units
        self.assertEqual(plan.plane_bytes(2), 60)
        self.assertEqual(plan.bytes_until(2), 72)

    def test_planes_between_others_end_nowhere(self):
        units = [plane_unit(k, "significance", 10) for k in (0, 2, 1)]
        plan = Plan(total_bytes=30, milestones=[], units=units)
        self.assertEqual(plan.plane_bytes(2), 20)
        self.assertEqual(plan.bytes_until(1), 10)
        self.assertIsNone(plan.bytes_until(2))


class ReportTests(ScriptTests):
    def test_table_is_aligned_markdown(self):
        rows = [
            {"codec": "ours", "bytes": 1234, "share": 0.5, "times": Times(39.05)},
            {"codec": "x", "bytes": None, "share": 1.0, "times": Times(0.5)},
        ]
        self.assertEqual(markdown(rows), [
            "| codec | bytes |   share | times |",
            "| ----- | ----: | ------: | ----: |",
            "| ours  | 1,234 |  50.0 % |  39.0 |",
            "| x     |     — | 100.0 % |   0.5 |",
        ])  # fmt: skip

    def test_chart_is_well_formed_with_odd_names_and_milestones_outside(self):
        curves = [
            Curve("a < b", {10: {"top-1": 0.0}, 1000: {"top-1": 1.0}}),
            Curve("dots", {500: {"top-1": 0.5}}, is_progressive=False),
        ]
        milestones = [{"name": "first & last", "bytes": 100}, {"name": "far", "bytes": 10**9}]
        root = ElementTree.fromstring(chart("t", curves, "top-1", milestones))
        texts = [element.text for element in root.iter() if element.tag.endswith("text")]
        self.assertIn("first & last", texts)
        self.assertNotIn("far", texts)
        self.assertIn("a < b", texts)


class TensorTests(ScriptTests):
    """These need PyTorch, and so another Python."""

    def check(self, code):
        status, output = run(PYTHON, "-c", code, PYTHONPATH=str(SCRIPTS))
        self.assertEqual((status, output), (0, ""))

    def test_integers_are_cut_magnitudes_below_the_top_exponent(self):
        self.check("""import numpy as np; from bench_tensors import *
weights = np.array([4.0, -7.99, 3.99, 0.5, -0.25, 0.0])
assert top_exponent(weights) == 2
assert quantized(weights, 1, 2).tolist() == [1, -1, 0, 0, 0, 0]
assert quantized(weights, 4, 2).tolist() == [8, -15, 7, 1, 0, 0]
assert top_exponent(weights * 0) == 0
assert entropy_bytes(np.array([0, 0, 1, 1] * 8)) == 4""")

    def test_models_in_file_order_come_back_from_any_prefix(self):
        self.check("""import torch; from bench_naive import *
torch.manual_seed(0)
state = {"w": torch.randn(32, 32), "b": torch.randn(3), "n": torch.tensor(7)}
for file, error in (raw_file(state), 0), (affine_file(state), 0.02):
    assert all((it == 0).all() for it in file.received(0).values())
    for count in range(0, file.total_bytes, 97):
        assert {name: it.shape for name, it in file.received(count).items()} \\
            == {name: it.shape for name, it in state.items()}
    whole = file.received(file.total_bytes)
    assert torch.allclose(whole["w"], state["w"], rtol=0, atol=error)
    assert torch.equal(whole["b"], state["b"]) and torch.equal(whole["n"], state["n"])""")
