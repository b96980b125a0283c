"""Is a quantized model as near to the original as its scheme promises?"""

import models
import torch
from lines import LineTests

# What has fewer elements, or one dimension, is sent exactly: Protocol.md leaves it to the sender.
SMALL = 512


def is_quantized(tensor):
    return tensor.is_floating_point() and tensor.dim() > 1 and tensor.numel() >= SMALL


def state():
    """Tensors of different kinds and magnitudes, among them channels that are zero or constant."""
    torch.manual_seed(9)
    weight = torch.randn(40, 30) * torch.logspace(-20, 10, 40).reshape(-1, 1)
    weight[3] = 0
    weight[4] = -2.5
    network = {f"network.{k}": v for k, v in models.small_network().state_dict().items()}
    return network | {
        "weight": weight,
        "constant": torch.full((24, 32), 0.1),
        "zero": torch.zeros(32, 32),
        "half": torch.randn(30, 20).half(),
        "brain": torch.randn(30, 20).bfloat16(),
        "double": torch.randn(30, 20).double(),
        "transposed": torch.randn(30, 40).t(),
        "nan": torch.randn(30, 30).index_fill_(0, torch.tensor([1]), float("nan")),
        "infinite": torch.randn(30, 30).index_fill_(1, torch.tensor([2]), float("-inf")),
        "integers": torch.arange(2000).reshape(40, 50),
    }


def channel_step(values, bits):
    magnitude = values.abs().flatten(1).amax(1)
    return (magnitude / (2 ** (bits - 1) - 1)).reshape(-1, *[1] * (values.dim() - 1))


def affine_step(values, bits):
    return (values.max() - values.min()) / (2**bits - 1)


class PrecisionTests(LineTests):
    def received(self, *options):
        """Sends the tensors so; yields those to be near: name, original, what arrived."""
        model = models.save(self.folder / "model.pt", state())
        self.lay_line(baud="unlimited")
        sender, _ = self.transfer(model, *options)
        original, arrived = models.load(model), models.load_received(self.out)
        self.assertEqual(original.keys(), arrived.keys())
        near = {}
        for name, tensor in original.items():
            self.assertEqual((tensor.dtype, tensor.shape), (arrived[name].dtype, arrived[name].shape))
            if is_quantized(tensor) and tensor.isfinite().all():
                near[name] = tensor, arrived[name]
            elif not is_quantized(tensor):
                self.assertEqual(models.digest(tensor), models.digest(arrived[name]), name)
        self.assertEqual(len(near), 9)
        return sender, near, {n: (original[n], arrived[n]) for n in ("nan", "infinite")}

    def check_quantizer(self, step, bits, *options):
        sender, near, special = self.received(*options)
        for name, (tensor, arrived) in near.items():
            values = tensor.double()
            # The result is rounded to the type, a scale to float32: an ulp beside half a step.
            rounding = values.abs() * 2 * torch.finfo(tensor.dtype).eps
            error = (arrived.double() - values).abs()
            self.assertTrue((error <= step(values, bits) / 2 + rounding).all(), name)
            # No more values than there are codes, or nothing has been quantized.
            rows = arrived.flatten(1) if step is channel_step else arrived.reshape(1, -1)
            self.assertTrue(all(len(row.unique()) <= 2**bits for row in rows), name)
        for name, (tensor, arrived) in special.items():
            self.assertEqual(models.digest(tensor), models.digest(arrived), name)
        notices = [e["message"] for e in sender.events if e["event"] == "notice"]
        self.assertEqual(sum(int(notice.split()[0]) for notice in notices), 2, notices)
        return near

    def test_int8_without_planes(self):
        self.check_quantizer(channel_step, 8, "--precision=int8", "--codec=deflate")

    def test_int6_without_planes(self):
        self.check_quantizer(channel_step, 6, "--precision=int6", "--codec=deflate")

    def test_int4_without_planes(self):
        self.check_quantizer(channel_step, 4, "--precision=int4", "--codec=none")

    def test_int2_without_planes(self):
        self.check_quantizer(channel_step, 2, "--precision=int2", "--codec=none")

    def check_planes(self, bits):
        """Sign and magnitude in whole steps, of a power of two that the largest weight sets."""
        sender, near, special = self.received(f"--precision=int{bits}")
        for name, (tensor, arrived) in (near | special).items():
            finite = tensor.isfinite()
            self.assertTrue(torch.equal(finite, arrived.isfinite()), name)
            self.assertTrue(torch.equal(tensor.isnan(), arrived.isnan()), name)
            values, found = tensor[finite].double(), arrived[finite].double()
            step = 2.0 ** (values.abs().max().log2().floor() - bits + 2)
            is_zero = values.abs() < step
            self.assertTrue((found[is_zero] == 0).all(), name)
            self.assertTrue(((found - values)[~is_zero].abs() <= step / 2).all(), name)
            self.assertTrue((found[~is_zero].sign() == values[~is_zero].sign()).all(), name)
            self.assertLess(len(found.unique()), 2**bits, name)
        self.assertEqual([e for e in sender.events if e["event"] == "notice"], [])

    def test_int8(self):
        self.check_planes(8)

    def test_int6(self):
        self.check_planes(6)

    def test_int4(self):
        self.check_planes(4)

    def test_int2(self):
        self.check_planes(2)

    def test_channel_of_5_bits(self):
        self.check_quantizer(channel_step, 5, "--quantizer=channel", "--bits=5")

    def check_cast(self, dtype, name, codec="planes"):
        _, near, special = self.received(f"--precision={name}", f"--codec={codec}")
        for name, (tensor, arrived) in (near | special).items():
            # PyTorch's own rounding to nearest, ties to even, is the reference; a tensor that would
            # hold more infinities than before is sent exactly, and without planes one that has any.
            rounded = tensor.to(dtype).to(tensor.dtype)
            allowed = tensor.isfinite() if codec == "planes" else torch.ones_like(tensor, dtype=bool)
            expected = rounded if rounded[allowed].isfinite().all() else tensor
            same = torch.equal(expected.nan_to_num(1.5), arrived.nan_to_num(1.5))
            self.assertTrue(same, name)
            self.assertTrue(torch.equal(expected.isnan(), arrived.isnan()), name)

    def test_bf16(self):
        self.check_cast(torch.bfloat16, "bf16")

    def test_f16(self):
        self.check_cast(torch.float16, "f16")

    def test_bf16_without_planes(self):
        self.check_cast(torch.bfloat16, "bf16", "deflate")

    def test_f16_without_planes(self):
        self.check_cast(torch.float16, "f16", "none")


def affine_test(bits):
    def test(self):
        near = self.check_quantizer(affine_step, bits, "--quantizer=affine", f"--bits={bits}")
        tensor, arrived = near["constant"]
        self.assertTrue(torch.equal(tensor, arrived))

    return test


for bits in range(2, 9):
    setattr(PrecisionTests, f"test_affine_of_{bits}_bits", affine_test(bits))
