"""`wtserial simulate`: a transfer in virtual time."""

import json
import re

from processes import DIGITS, OK, USAGE, ProcessTests
from terminals import Screen

KEYS = {
    "goodput_share", "payload_bytes", "wire_bytes_forward", "wire_bytes_back", "virtual_seconds",
    "retransmissions", "corrected_symbols", "wrong_bytes_delivered", "milestones",
}  # fmt: skip


class SimulateTests(ProcessTests):
    def simulate(self, *options):
        command = self.start("simulate", "--json", *options)
        self.assert_ends(command, OK)
        return json.loads(command.output)

    def test_same_seed_gives_the_same_transfer(self):
        options = ("--bytes=20000", "--bit-error-rate=1e-4", "--latency-ms=1", "--seed=7")
        first = self.simulate(*options)
        self.assertLessEqual(KEYS, first.keys())
        self.assertEqual(first["payload_bytes"], 20000)
        self.assertEqual(first["wrong_bytes_delivered"], 0)
        self.assertGreater(first["retransmissions"] + first["corrected_symbols"], 0)
        self.assertEqual(self.simulate(*options), first)
        self.assertNotEqual(self.simulate(*options[:-1], "--seed=8"), first)

    def test_model_and_its_milestones(self):
        found = self.simulate(DIGITS, "--baud=921600")
        names = [milestone["name"] for milestone in found["milestones"]]
        self.assertEqual((names[0], names[-1]), ("connected", "verified"))
        times = [milestone["seconds"] for milestone in found["milestones"]]
        self.assertEqual(times, sorted(times))
        self.assertGreater(found["goodput_share"], 0.9)

    def test_trace_has_a_line_for_each_frame(self):
        command = self.start("simulate", "--trace", "--bytes=3000")
        self.assert_ends(command, OK)
        for kind in ("hello", "welcome", "data", "ack"):
            self.assertIn(kind, command.output.lower())

    def test_sweep_tells_how_far_it_is(self):
        """In a log now and then, on a terminal in one line; of a small model, for that is fast."""
        screen = Screen(60)
        log = self.start("simulate", "--sweep", "--bytes=2000")
        shown = self.start("simulate", "--sweep", "--bytes=2000", stderr=screen.terminal)
        self.assert_ends(log, OK, "0 of 30 done; 9600 baud, latency 0 ms, bit error rate 0 …")
        self.assertNotRegex(log.words, r"[\x1b\r]")
        self.assertEqual(shown.wait(), OK)
        self.assertEqual(shown.output, log.output)
        text = screen.close()
        states = re.findall(r"\r([^\r\n\x1b]+)\x1b\[J\r", text)
        found = [int(re.match(r"(\d+) of 30 done; \d+ baud, ", state)[1]) for state in states]
        self.assertEqual(found, list(range(30)))
        self.assertTrue(all(len(state) < 60 for state in states), states)
        # And nothing of it is left.
        self.assertTrue(text.endswith("\x1b[J"), text)
        cells = self.start("simulate", "--sweep", "--bytes=2000", "--json")
        self.assert_ends(cells, OK)
        self.assertEqual((len(cells.output.splitlines()), cells.words), (30, ""))

    def test_refusals(self):
        for options in (["--bytes=0x"], ["--baud=unlimited", "--bytes=100"], ["--window=0"], []):
            self.assert_ends(self.start("simulate", *options), USAGE)
        self.assert_ends(self.start("simulate", DIGITS, "--bytes=9"), USAGE, "not both")
        both_at_once = self.start("simulate", "--half-duplex", "--bytes=9")
        self.assert_ends(both_at_once, USAGE, "--window 1")
