"""Both ends agree on a faster rate, over a line that honours the rate of its terminals."""

import models
from lines import LineTests
from processes import DIGITS


class RateTests(LineTests):
    def setUp(self):
        super().setUp()
        self.memory = self.folder / "state" / "wtserial" / "rates"

    def test_faster_rate_is_agreed_on(self):
        self.lay_line("--follow-termios", baud=115200)
        self.rate = "--baud=auto"
        sender, receiver = self.transfer(DIGITS)
        for command in (sender, receiver):
            self.assertIn("the line runs at 6000000 baud", command.output)
        self.assertEqual(models.differences(DIGITS, self.out), [])
        self.assertFalse(self.memory.exists(), "nothing has failed")

    def test_rate_that_fails_is_found_out_and_remembered(self):
        self.lay_line("--follow-termios", "--highest-baud=500000", baud=115200)
        self.rate = "--baud=auto"
        sender, _ = self.transfer(DIGITS)
        self.assertIn("the line runs at 500000 baud", sender.output)
        self.assertEqual(models.differences(DIGITS, self.out), [])
        _, rate, adapter = self.memory.read_text().split()
        self.assertEqual(rate, "921600")
        self.assertEqual(adapter, str(self.a))
        # The next one begins below it.
        sender, _ = self.transfer(DIGITS)
        rates = [event["baud"] for event in sender.events if "the line runs" in event.get("message", "")]
        self.assertEqual(rates, [500000])

    def test_rate_that_is_given_is_kept(self):
        self.lay_line("--follow-termios", baud=115200)
        sender, _ = self.transfer(DIGITS, "--precision=int4")
        self.assertNotIn("the line runs at", sender.output)
