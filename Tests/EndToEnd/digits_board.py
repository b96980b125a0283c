"""Tests of the application `digits` on an emulated board."""

import device_images
import models
import torch
from emulated import Machine, firmware
from lines import LineTests
from processes import DIGITS, OK

# Trials take most of the time, and are of no use to tests of what comes before and after them.
NO_TRIALS = "DIGITS_MILESTONE_SAMPLES=0", "DIGITS_SAMPLES=0"


class DigitsTests(LineTests):
    """A board with the application; `self.a` is the port to send to."""

    board = "mps2-an385"
    defines = NO_TRIALS

    @property
    def elf(self):
        return firmware(self.board, "digits", *self.defines)

    def start_board(self, *options, port=None):
        """A board with a terminal of its own, which has no rate, or at the port of a line."""
        words = ("--port", port) if port else ()
        machine = Machine(self.board, self.elf, *words, *options)
        self.addCleanup(machine.close)
        if not port:
            self.a, self.rate = machine.path, "--baud=115200"
        return machine

    def start_board_on_line(self, *faults, baud=115200, options=()):
        """A board at the end of a line that has a rate, and these faults."""
        firmware(self.board, "digits", *self.defines)
        self.lay_line(*faults, baud=baud)
        return self.start_board(*options, port=self.b)

    def send_model(self, model=DIGITS, *options):
        sender = self.send(model, *options)
        self.assert_ends(sender, OK)
        return sender

    def variant(self, seed, noise=0.02):
        """Another model of the same tensors: the weights of the sample model, and noise."""
        torch.manual_seed(seed)
        state = models.load(DIGITS)
        for name, tensor in state.items():
            if device_images.is_planed(tensor):
                state[name] = tensor + noise * torch.randn_like(tensor)
        return models.save(self.folder / f"variant{seed}.pt", state)
