"""Both ends agree on a faster rate, over a line that honours the rate of its terminals.

A machine that is busy with other things may miss the moment of a change, and a rate counts as failed
that is none; then nothing is lost but speed. So a rate is looked for more than once here; in virtual
time the link's own tests are exact.
"""

import models
from lines import LineTests
from processes import DIGITS

ATTEMPT_COUNT = 4


class RateTests(LineTests):
    def setUp(self):
        super().setUp()
        self.memory = self.folder / "state" / "wtserial" / "rates"

    def transfer_rates(self):
        """The rates that were tried, in order; the model has to arrive whatever they are."""
        sender, _ = self.transfer(DIGITS)
        self.assertEqual(models.differences(DIGITS, self.out), [])
        words = [event.get("message", "") for event in sender.events]
        return [int(text.split()[4]) for text in words if text.startswith("the line runs at ")]

    def settle_on(self, baud):
        """The rates of a transfer that ended at this one, of some attempts."""
        for _ in range(ATTEMPT_COUNT):
            rates = self.transfer_rates()
            if rates and rates[-1] == baud:
                return rates
            self.memory.unlink(missing_ok=True)
        self.fail(f"{baud} baud was not agreed on")

    def test_faster_rate_is_agreed_on(self):
        self.lay_line("--follow-termios", baud=115200)
        self.rate = "--baud=auto"
        self.assertEqual(self.settle_on(6000000), [6000000])
        self.assertFalse(self.memory.exists(), "nothing has failed")

    def test_rate_that_fails_is_found_out_and_remembered(self):
        self.lay_line("--follow-termios", "--highest-baud=500000", baud=115200)
        self.rate = "--baud=auto"
        self.settle_on(500000)
        _, failed, adapter = self.memory.read_text().split()
        self.assertEqual((failed, adapter), ("921600", str(self.a)))
        # The next one begins below it.
        self.assertLess(max(self.transfer_rates()), 921600)

    def test_rate_that_is_given_is_kept(self):
        self.lay_line("--follow-termios", baud=115200)
        sender, _ = self.transfer(DIGITS, "--precision=int4")
        self.assertNotIn("the line runs at", sender.output)
