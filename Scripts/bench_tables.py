"""The tables of the codec benchmark: sizes of integers and of whole models, quality against bytes.

A table is a list of rows, dictionaries with the same keys. A finding is a sentence about a row
where wtserial is not ahead; one that begins with `WRONG` is about data that did not come back.
"""

from functools import partial

import torch
from safetensors.torch import save_file

from bench_curves import THRESHOLDS, Curve, trace
from bench_models import CACHE
from bench_naive import affine_file, raw_file
from bench_one_shot import ONE_SHOT_QPS, one_shot_points
from bench_rivals import exact_sizes, integer_sizes
from bench_tensors import Buffers, cast, entropy_bytes, integers, matrices, quantized
from bench_tensors import to_bytes, top_exponent
from bench_wtserial import Stream
from evaluate_digits import load_state

PLANE_COUNTS = 3, 5, 7
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
WRONG = "WRONG"
ENTROPY = "zeroth-order entropy of each tensor"
OWN = "wtserial"
ONE_SHOT = "NNCodec, one file for each qp"


def behind(where, own, others):
    """The finding that the best of others is as small as wtserial or smaller, where it is."""
    known = {name: count for name, count in others.items() if count is not None}
    if not known:
        return []
    name = min(known, key=known.get)
    if own is not None and own < known[name]:
        return []
    return [f"wtserial is not ahead: {where}: {own} bytes, {name} {known[name]}"]


# The same integers


def rival_integers(model, plane_count):
    tensors = list(integers(model.state(), plane_count).values())
    entropy = round(sum(map(entropy_bytes, tensors)))
    return {ENTROPY: entropy} | integer_sizes(tensors)


def own_integers(model, wtserial):
    """Bytes by row and number of planes, and findings. Verified is the order that can be."""
    by_planes = Stream(wtserial, model.path, "--order", "planes")
    by_value = Stream(wtserial, model.path)
    sizes = {
        count: {
            f"{OWN}, planes in order": by_planes.plan.plane_bytes(count),
            f"{OWN}, by value": by_value.plan.plane_bytes(count),
        }
        for count in PLANE_COUNTS
    }
    findings = [it for count in PLANE_COUNTS for it in wrong_planes(model, by_planes, count)]
    return sizes, findings


def wrong_planes(model, stream, plane_count):
    """Findings on matrices whose values, cut to the planes received, are other integers."""
    where = f"{model.name}, {plane_count} planes"
    byte_count = stream.plan.bytes_until(plane_count)
    if byte_count is None:
        return [f"not verified: {where}: other planes lie between"]
    received = stream.received(byte_count)
    findings = []
    for name, weights in matrices(model.state()).items():
        exponent = top_exponent(weights)
        found = received[name].double().numpy()
        sent, found = (quantized(it, plane_count, exponent) for it in (weights, found))
        if (sent != found).any():
            findings.append(f"{WRONG}: {where}: {name}")
    return findings


def integers_table(model, wtserial, cache):
    sizes = {
        count: cache.get(model, f"integers {count}", partial(rival_integers, model, count))
        for count in PLANE_COUNTS
    }
    findings = []
    if wtserial:
        own, findings = own_integers(model, wtserial)
        for count in PLANE_COUNTS:
            others = {name: size for name, size in sizes[count].items() if name != ENTROPY}
            where = f"{model.name}, {count} planes"
            findings += behind(where, own[count][f"{OWN}, planes in order"], others)
            sizes[count] = own[count] | sizes[count]
    rows = []
    for name in sizes[PLANE_COUNTS[0]]:
        row = {"codec": name}
        for count in PLANE_COUNTS:
            size = sizes[count][name]
            share = size / sizes[count][ENTROPY]
            row |= {f"{count} planes": size, f"{count} planes / entropy": share}
        rows.append(row)
    return rows, findings


# Whole models, bit by bit


def checkpoint(model, dtype_name):
    """The model's own file, or a copy of it in another type."""
    if dtype_name == "float32":
        return model.path
    path = CACHE / f"{model.name}-{dtype_name}.safetensors"
    save_file(cast(model.state(), DTYPES[dtype_name]), path)
    return path


def rival_exact(model, dtype_name):
    dtype = DTYPES[dtype_name]
    return exact_sizes(Buffers.of(cast(model.state(), dtype), dtype), dtype_name)


def own_exact(model, wtserial, dtype_name):
    """The bytes of the whole stream, and a finding if it does not give back every bit."""
    path = checkpoint(model, dtype_name)
    stream = Stream(wtserial, path)
    byte_count = stream.plan.total_bytes
    sent, received = load_state(str(path)), stream.received(byte_count)
    names = sent | received
    differing = [it for it in names if not is_same(sent.get(it), received.get(it))]
    return byte_count, [f"{WRONG}: {model.name}, {dtype_name}: {name}" for name in differing]


def is_same(one, other):
    if one is None or other is None or (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    return to_bytes(one) == to_bytes(other)


def exact_table(model, wtserial, cache):
    sizes, findings = {}, []
    for name in DTYPES:
        sizes[name] = cache.get(model, f"exact {name}", partial(rival_exact, model, name))
        if wtserial:
            own, wrong = own_exact(model, wtserial, name)
            findings += wrong + behind(f"{model.name}, exact {name}", own, sizes[name])
            sizes[name] = {OWN: own} | sizes[name]
    rows = []
    for codec in sizes["float32"]:
        row = {"codec": codec}
        for name in DTYPES:
            size = sizes[name][codec]
            row |= {name: size, f"{name} / raw": size / sizes[name]["raw"]}
        rows.append(row)
    return rows, findings


# Quality against bytes


def naive_curves(model, final, cache, point_count):
    def points(schedule):
        def qualities_at(byte_count):
            return model.measure(schedule.received(byte_count))

        return trace("", schedule.total_bytes, qualities_at, final, point_count).points

    state = model.state()
    computations = {
        "float32, file order": (point_count, lambda: points(raw_file(state))),
        "int8 + deflate, file order": (point_count, lambda: points(affine_file(state))),
        ONE_SHOT: (ONE_SHOT_QPS, lambda: one_shot_points(model)),
    }
    for name, (where, compute) in computations.items():
        # JSON has no integers as keys.
        pairs = cache.get(model, f"{name}, {where}", lambda: list(compute().items()))
        yield Curve(name, dict(map(tuple, pairs)), is_progressive=name != ONE_SHOT)


def own_curves(model, final, wtserial, point_count):
    schedules = {f"{OWN}, by value": (), f"{OWN}, planes in order": ("--order", "planes")}
    for name, options in schedules.items():
        stream = Stream(wtserial, model.path, *options)

        def qualities_at(byte_count):
            return model.measure(stream.received(byte_count))

        yield trace(name, stream.plan.total_bytes, qualities_at, final, point_count)


def curves_of(model, wtserial, cache, point_count):
    final = model.measure(model.state())
    own = own_curves(model, final, wtserial, point_count) if wtserial else []
    return final, [*own, *naive_curves(model, final, cache, point_count)]


def curves_table(model, final, curves):
    """Bytes until a share of the final quality is there for good."""
    rows = [{"schedule": curve.name} for curve in curves]
    findings = []
    for measure, quality in final.items():
        for share in THRESHOLDS:
            title = f"{measure} {100 * share:.0f} %"
            for row, curve in zip(rows, curves):
                row[title] = curve.bytes_until(measure, share * quality)
            others = {row["schedule"]: row[title] for row in rows if OWN not in row["schedule"]}
            if OWN in rows[0]["schedule"]:
                findings += behind(f"{model.name}, {title}", rows[0][title], others)
    return rows, findings
