"""Where the model is to go: no room, no permission, something in the way; and what is left behind."""

import os

import models
import torch
from lines import LineTests
from processes import (
    CANNOT_CREATE, DATA, DIGITS, NOBODY, OK, needs_mounts, needs_nobody,
)  # fmt: skip


class OutputTests(LineTests):
    def assert_both_fail(self, receiver, *texts):
        """The model cannot be kept: both ends know it, and why."""
        sender = self.send(DIGITS)
        self.assert_ends(receiver, CANNOT_CREATE, *texts)
        self.assert_ends(sender, CANNOT_CREATE, "receiver")
        self.assertFalse(self.out.exists())

    @needs_mounts
    def test_full_disk(self):
        small = self.folder / "small"
        small.mkdir()
        self.lay_line()
        # A file system of its own, seen by this process alone, and gone with it.
        mount = f"mount -t tmpfs -o size=64k tmpfs {small} && exec \"$@\""
        before = ["unshare", "--mount", "sh", "-c", mount, "sh"]
        receiver = self.receive(out=small / "out.safetensors", before=before)
        self.assert_both_fail(receiver, str(small), "No space left", "free some space")

    def test_limit_of_file_size(self):
        self.lay_line()
        receiver = self.receive(before=["prlimit", "--fsize=65536"])
        self.assert_both_fail(receiver, str(self.out), "File too large", "ulimit -f")
        self.assertEqual(list(self.folder.glob("out*")), [])

    @needs_mounts
    def test_read_only_disk(self):
        mount = f"mount --bind {self.folder} {self.folder} && "
        mount += f"mount -o remount,ro,bind {self.folder} && exec \"$@\""
        before = ["unshare", "--mount", "sh", "-c", mount, "sh"]
        self.assert_refused(self.out, "Read-only file system", before=before)

    @needs_nobody
    def test_folder_of_somebody_else(self):
        self.assert_refused(self.out, "Permission denied", "folder", before=NOBODY)

    def test_folder_that_does_not_exist(self):
        self.assert_refused(self.folder / "none/out.safetensors", "create the folder")

    def test_folder_in_place_of_a_file(self):
        self.out.mkdir()
        self.assert_refused(self.out, "name of a file")

    def test_pipe_or_device_in_place_of_a_file(self):
        os.mkfifo(self.out)
        for out in (self.out, "/dev/null"):
            self.assert_refused(out, "it is no file")
            self.assertFalse(os.path.isfile(out))

    def test_no_name(self):
        self.assert_refused("", "name of a file")

    def assert_refused(self, out, *texts, **options):
        """Known before any port is opened: nobody sends for an hour in vain."""
        command = self.run_command("receive", "/dev/no-such-port", out, **options)
        self.assert_ends(command, CANNOT_CREATE, str(out), *texts)

    def test_existing_file_is_replaced_at_the_end_only(self):
        self.out.write_bytes(b"the old one")
        self.lay_line(baud=115200)
        model = models.save(self.folder / "network.pt", models.small_network().state_dict())
        receiver, sender = self.receive("--only-complete"), self.send(model)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 0)
        self.assertEqual(self.out.read_bytes(), b"the old one")
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(model, self.out), [])
        self.assertEqual(list(self.folder.glob("*.partial")), [])

    def test_link_stays_and_leads_to_the_model(self):
        (self.folder / "models").mkdir()
        target = self.folder / "models/current.safetensors"
        target.write_bytes(b"the old one")
        self.out.symlink_to(target)
        self.lay_line()
        model = models.save(self.folder / "scalar.pt", torch.ones(1))
        receiver = self.receive()
        self.assert_ends(self.send(model), OK)
        self.assert_ends(receiver, OK)
        self.assertTrue(self.out.is_symlink())
        self.assertEqual(models.differences(model, target), [])

    def test_file_in_the_current_folder(self):
        self.lay_line()
        model = models.save(self.folder / "scalar.pt", torch.ones(1))
        receiver = self.receive(out="here.safetensors", cwd=self.folder)
        self.assert_ends(self.send(model), OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(model, self.folder / "here.safetensors"), [])

    def test_model_that_breaks_on_the_way_is_not_kept(self):
        state = {f"{i}.weight": torch.randn(100, 100) for i in range(10)}
        model = models.save(self.folder / "model.pt", state)
        contents = bytearray(model.read_bytes())
        contents[-60_000] ^= 1
        model.write_bytes(contents)
        self.out.write_bytes(b"the old one")
        self.lay_line()
        receiver, sender = self.receive(), self.send(model)
        self.assert_ends(sender, DATA, "damaged")
        # Known before anything is sent: a sender surveys its model first.
        self.assertNotIn("began", [event["event"] for event in receiver.events])
        receiver.signal()
        self.assertNotEqual(receiver.wait(), OK, receiver)
        self.assertEqual(self.out.read_bytes(), b"the old one")
