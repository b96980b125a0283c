"""The codecs that wtserial is compared with: how each is called, in one thread, at its best.

Nothing here counts names, shapes or headers of a container in a rival's disfavour: general-purpose
codecs get all tensors as one buffer, and of NNCodec only the arithmetic coder's bytes are counted.
"""

import gzip
import lzma
import zlib

import numpy as np
import zipnn
import zstandard
from nncodec.extensions import deepCABAC

# NNCodec's own defaults for what its `compress_model` passes down.
UNARY_LENGTH = 11
SCAN_ORDER = 0
PROFILE = 1
QP_DENSITY = 2
LAMBDA_SCALE = 0.0
NO_HISTORY = (deepCABAC.HdspMode.AlwaysOff, np.zeros(2, np.int8))
NO_CODEBOOK = (0, 0)


class Mismatch(Exception):
    """A rival did not give back what went in: its figure would mean nothing."""


def checked(name, contents, coded, decode):
    if decode(coded) != contents:
        raise Mismatch(name)
    return len(coded)


def gzip_bytes(contents):
    return checked("gzip", contents, gzip.compress(contents, 9, mtime=0), gzip.decompress)


def xz_bytes(contents):
    coded = lzma.compress(contents, preset=9)
    return checked("xz", contents, coded, lzma.decompress)


def zstd_bytes(contents):
    coded = zstandard.ZstdCompressor(level=19).compress(contents)
    return checked("zstd", contents, coded, zstandard.ZstdDecompressor().decompress)


def shuffled(contents, item_size):
    """First the first byte of each item, then the second of each, and so on."""
    items = np.frombuffer(contents, np.uint8).reshape(-1, item_size)
    return items.T.tobytes()


def zipnn_bytes(contents, dtype_name):
    """`dtype_name` is float32 or bfloat16."""
    if not contents:
        return 0
    codec = zipnn.ZipNN(input_format="byte", bytearray_dtype=dtype_name, threads=1)
    # It works in the buffer that it is given.
    coded = codec.compress(bytearray(contents))
    return checked("ZipNN", contents, coded, lambda it: bytes(codec.decompress(it)))


class NNCodec:
    """DeepCABAC, the arithmetic coder of NNCodec (ISO/IEC 15938-17), on tensors of integers.

    With `trellis`, the integers are those of its dependent quantizer.
    """

    def __init__(self, trellis=False):
        self.dependent = int(trellis)

    def encode(self, tensors):
        """One stream for all; the contexts begin anew with each tensor, as in its files."""
        encoder = deepCABAC.Encoder()
        for values in tensors:
            encoder.initCtxModels(UNARY_LENGTH, 1)
            skipped = np.zeros(values.shape[0], np.int32)
            encoder.encodeLayer(
                values, self.dependent, SCAN_ORDER, PROFILE, 0, 0, skipped,
                *NO_HISTORY, *NO_CODEBOOK,
            )  # fmt: skip
        return encoder.finish()

    def decode(self, stream, shapes):
        decoder = deepCABAC.Decoder()
        decoder.setStream(stream)
        tensors = []
        for shape in shapes:
            decoder.initCtxModels(UNARY_LENGTH)
            values = np.zeros(shape, np.int32)
            decoder.decodeLayer(
                values, self.dependent, SCAN_ORDER, PROFILE, 0, *NO_HISTORY, *NO_CODEBOOK
            )
            tensors.append(values)
        decoder.finish()
        return tensors

    def quantize(self, weights, qp):
        """The integers for a float32 array, and the QP that it really came to."""
        values = np.zeros(weights.shape, np.int32)
        encoder = deepCABAC.Encoder()
        encoder.initCtxModels(UNARY_LENGTH, 0)
        qp = encoder.quantLayer(
            weights, values, self.dependent, QP_DENSITY, qp, LAMBDA_SCALE,
            UNARY_LENGTH - 1, SCAN_ORDER, PROFILE,
        )  # fmt: skip
        return values, qp

    def dequantize(self, values, qp):
        """As float32, of integers straight from the decoder."""
        weights = np.zeros(values.shape, np.float32)
        deepCABAC.Decoder().dequantLayer(weights, values, QP_DENSITY, qp, SCAN_ORDER)
        return weights

    def checked_bytes(self, tensors):
        stream = self.encode(tensors)
        decoded = self.decode(stream, [values.shape for values in tensors])
        if not all(map(np.array_equal, tensors, decoded)):
            raise Mismatch("NNCodec")
        return len(stream)


def integer_sizes(tensors):
    """Bytes by the rival's name for int32 tensors within the range of an int8."""
    contents = b"".join(values.astype(np.int8).tobytes() for values in tensors)
    return {
        "NNCodec": NNCodec().checked_bytes(tensors),
        "gzip -9": gzip_bytes(contents),
        "zstd -19": zstd_bytes(contents),
        "xz -9": xz_bytes(contents),
    }


def exact_sizes(buffers, dtype_name):
    """Bytes by the rival's name for a whole model; what is no float is deflated for ZipNN."""
    rest = len(zlib.compress(buffers.rest, 9)) if buffers.rest else 0
    floats, everything = buffers.floats, buffers.floats + buffers.rest
    return {
        "raw": buffers.byte_count,
        "gzip -9": gzip_bytes(everything),
        "zstd -19": zstd_bytes(everything),
        "shuffled, zstd -19": zstd_bytes(shuffled(floats, buffers.item_size)) + rest,
        "ZipNN, each tensor": sum(zipnn_bytes(it, dtype_name) for it in buffers.tensors) + rest,
        "ZipNN, one buffer": zipnn_bytes(floats, dtype_name) + rest,
    }
