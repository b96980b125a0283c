"""Both ends agree on a faster rate, over a line that honours the rate of its terminals."""

import os
from unittest.mock import patch

import models
from lines import LineTests
from processes import DIGITS


class RateTests(LineTests):
    def setUp(self):
        super().setUp()
        state = patch.dict(os.environ, XDG_STATE_HOME=str(self.folder / "state"))
        state.start()
        self.addCleanup(state.stop)
        self.memory = self.folder / "state" / "wtserial" / "rates"

    def test_faster_rate_is_agreed_on(self):
        self.lay_line("--follow-termios", baud=115200)
        self.rate = "--baud=auto"
        sender, receiver = self.transfer(DIGITS)
        for command in (sender, receiver):
            self.assertIn("the line runs at 6000000 baud", command.output)
        self.assertEqual(models.differences(DIGITS, self.out), [])
        self.assertFalse(self.memory.exists(), "nothing has failed")

    def test_line_that_is_slower_than_its_name_is_found_out_and_remembered(self):
        self.lay_line(baud=115200)
        self.rate = "--baud=auto"
        self.transfer(DIGITS)
        self.assertEqual(models.differences(DIGITS, self.out), [])
        _, rate, adapter = self.memory.read_text().split()
        self.assertLessEqual(int(rate), 460800)
        self.assertEqual(adapter, str(self.a))

    def test_rate_that_is_given_is_kept(self):
        self.lay_line("--follow-termios", baud=115200)
        sender, _ = self.transfer(DIGITS, "--precision=int4")
        self.assertNotIn("the line runs at", sender.output)
