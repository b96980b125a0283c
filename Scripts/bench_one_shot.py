"""A model as one file of NNCodec: quantized by its trellis, coded, decoded."""

import torch

from bench_rivals import NNCodec

# From nearly all of a model's quality to nearly none.
ONE_SHOT_QPS = range(-48, -7)
# For tensors of one dimension. NNCodec's default, -75, takes more bytes and gains no accuracy.
ONE_SHOT_VECTOR_QP = -40


def one_shot(state, qp):
    """Bytes and state of a model that NNCodec has quantized and coded; integers come for free."""
    codec = NNCodec(trellis=True)
    floats = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    quantized = [
        codec.quantize(tensor.float().numpy(), qp if tensor.dim() > 1 else ONE_SHOT_VECTOR_QP)
        for tensor in floats.values()
    ]
    stream = codec.encode([values for values, _ in quantized])
    decoded = codec.decode(stream, [values.shape for values, _ in quantized])
    restored = dict(state)
    for (name, tensor), values, (_, qp_used) in zip(floats.items(), decoded, quantized):
        restored[name] = torch.from_numpy(codec.dequantize(values, qp_used)).to(tensor.dtype)
    return len(stream), restored


def one_shot_points(model):
    """Qualities by the size of the file, for a sweep of the quantizer's step."""
    state, points = model.state(), {}
    for qp in ONE_SHOT_QPS:
        byte_count, restored = one_shot(state, qp)
        points[byte_count] = model.measure(restored)
    return points
