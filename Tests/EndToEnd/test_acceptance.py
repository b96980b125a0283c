"""Does what is sent arrive bit by bit, whatever it is?"""

import json
import random
import subprocess
import sys
from pathlib import Path

import models
import torch
from lines import LineTests
from processes import DIGITS, OK, ROOT, lasts
from safetensors.torch import save_file

FIXTURES = ROOT / "Tests/CheckpointsTests/Fixtures"
NOISE = "--bit-error-rate=1e-5", "--drop-rate=1e-5", "--seed=7"


class AcceptanceTests(LineTests):
    def assert_arrives(self, model, *options):
        self.transfer(model, *options)
        self.assertEqual(models.differences(model, self.out), [])
        self.assertFalse(Path(f"{self.out}.partial").exists())

    @lasts(20)
    def test_sample_model_over_a_noisy_line_of_115200_baud(self):
        self.lay_line(*NOISE, baud=115200)
        _, receiver = self.transfer(DIGITS)
        self.assertGreater(receiver.events[-1]["corrupt_frames"], 0)
        compare = ROOT / "Scripts/compare_checkpoints.py"
        done = subprocess.run(
            [sys.executable, compare, DIGITS, self.out], capture_output=True, text=True
        )
        self.assertEqual((done.returncode, done.stdout), (OK, "22 tensors agree\n"))

    def test_every_type_shared_and_strided_tensors(self):
        self.lay_line(*NOISE)
        self.assert_arrives(FIXTURES / "odd.pt")

    @lasts(15)
    def test_every_fixture(self):
        """The expected files have the tensors as PyTorch reads them, whatever reads them here."""
        for record in sorted(FIXTURES.glob("*.expected")):
            with self.subTest(record.name):
                # A line each: a seed's noise is that of the first bytes, too.
                self.lay_line(*NOISE)
                self.transfer(record.with_suffix(""))
                self.line.signal()
                self.line.wait()
                rows = json.loads(record.read_text())
                found = models.load_received(self.out)
                self.assertEqual(found.keys(), {row["name"] for row in rows})
                for row in rows:
                    expected = models.digest_of(bytes.fromhex(row["bytes"]))
                    self.assertEqual(models.digest(found[row["name"]]), expected, row["name"])

    def test_checkpoint_with_optimizer_and_settings(self):
        network = models.small_network()
        optimizer = torch.optim.Adam(network.parameters())
        network(torch.randn(4, 1, 6, 6)).sum().backward()
        optimizer.step()
        checkpoint = {
            "epoch": 3,
            "state_dict": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "samples": [torch.arange(3), (torch.tensor(True), {"x": torch.tensor([1.5])})],
        }
        self.lay_line(*NOISE)
        self.assert_arrives(models.save(self.folder / "checkpoint.pt", checkpoint))
        names = models.load_received(self.out).keys()
        self.assertTrue({"state_dict.0.weight", "optimizer.state.0.step", "samples.1.1.x"} <= names)

    def test_safetensors_in_and_out(self):
        self.lay_line(*NOISE)
        self.assert_arrives(FIXTURES / "types.safetensors")

    def test_types_that_safetensors_lacks_arrive_twice(self):
        self.lay_line()
        self.assert_arrives(FIXTURES / "odd.pt")
        first = self.out.rename(self.folder / "first.safetensors")
        self.assert_arrives(first)
        self.assertEqual(models.differences(FIXTURES / "odd.pt", self.out), [])

    def test_freshly_saved_network_with_nan_and_infinity(self):
        state = models.small_network().state_dict()
        state["3.weight"][0, :3] = torch.tensor([float("nan"), float("inf"), -0.0])
        self.lay_line(*NOISE)
        self.assert_arrives(models.save(self.folder / "network.pt", state))

    def test_without_compression(self):
        model = models.save(self.folder / "network.pt", models.small_network().state_dict())
        self.lay_line(*NOISE)
        self.assert_arrives(model, "--codec=none")

    def test_opaque_file_arrives_byte_by_byte(self):
        model = self.folder / "model.tflite"
        model.write_bytes(random.Random(3).randbytes(100_001))
        self.out = self.folder / "arrived.tflite"
        self.lay_line(*NOISE)
        self.transfer(model)
        self.assertEqual(self.out.read_bytes(), model.read_bytes())

    def test_empty_state_dict(self):
        self.lay_line()
        self.assert_arrives(models.save(self.folder / "empty.pt", {}))
        self.assertEqual(models.load_received(self.out), {})

    def test_one_scalar(self):
        self.lay_line()
        self.assert_arrives(models.save(self.folder / "scalar.pt", torch.tensor(0.1).double()))

    def test_long_and_foreign_names(self):
        names = ["a" * 1024, "größe.重み.🧠", "e\u0301", "\u00e9", "quo\"te\\", "new\nline", ""]
        state = {name: torch.tensor([index]) for index, name in enumerate(names)}
        self.lay_line()
        self.assert_arrives(models.save(self.folder / "names.pt", state))
        self.assertEqual(set(models.load_received(self.out)), set(names))

    def test_sender_that_starts_before_its_receiver(self):
        self.lay_line()
        model = models.save(self.folder / "network.pt", models.small_network().state_dict())
        sender = self.send(model)
        sender.wait_for_event("waiting")
        receiver = self.receive()
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(model, self.out), [])

    def test_file_name_with_spaces_and_foreign_letters(self):
        model = self.folder / "name with spaces, ünïcode.safetensors"
        save_file({"x": torch.arange(1000.0)}, model)
        self.lay_line()
        self.assert_arrives(model)


class MemoryTests(LineTests):
    MEBIBYTE = 1 << 20

    def send_90_megabytes(self, *options):
        """Both ends in little memory: written and locked memory count, mapped files do not."""
        torch.manual_seed(5)
        # Half precision in single, as many a checkpoint is: half of the bytes are zero.
        state = {f"layers.{i}.weight": torch.randn(1500, 1500).half().float() for i in range(10)}
        model = models.save(self.folder / "big.pt", state)
        del state
        self.lay_line(baud="unlimited")
        limit = ["prlimit", f"--data={48 * self.MEBIBYTE}"]
        peak = self.folder / "peak"
        measure = [sys.executable, Path(__file__).with_name("measure.py"), peak]
        # Long frames make an unlimited line fast.
        receiver = self.receive("--mtu=32768", before=[*limit, *measure])
        sender = self.send(model, *options, before=limit)
        self.assertEqual(sender.wait(limit=400), OK, sender)
        self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(model, self.out), [])
        return int(peak.read_text()) * 1024

    @lasts(120)
    def test_90_megabytes_in_little_memory(self):
        self.assertLess(self.send_90_megabytes("--codec=deflate"), 40 * self.MEBIBYTE)

    @lasts(120)
    def test_90_megabytes_in_planes(self):
        # The receiver works in the file that it has mapped.
        self.assertLess(self.send_90_megabytes(), 140 * self.MEBIBYTE)
