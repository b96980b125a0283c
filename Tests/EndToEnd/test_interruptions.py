"""What happens when one end dies or is stopped: the other says so and what to do, and nothing half
done looks done."""

import random
import signal
import time
from pathlib import Path

import models
from lines import LineTests
from processes import DIGITS, INTERRUPTED, OK, TRY_AGAIN, UNAVAILABLE, lasts

# LinkConfiguration: silenceLimit is 8 s, reconnectLimit 20 s; the rest is for a machine that has
# much else to do.
SILENCE_LIMIT = 8 + 20 + 12


class InterruptionTests(LineTests):
    def begin(self, *options):
        """A transfer of some seconds that is under way."""
        self.lay_line(baud=230400)
        self.partial = Path(f"{self.out}.partial")
        self.receiver = self.receive(*options)
        self.sender = self.send(DIGITS)
        for command in (self.receiver, self.sender):
            command.wait_for_event("began")

    def begin_and_wait_for_a_random_moment(self, seed, *options):
        print(f"seed {seed}", flush=True)
        self.begin(*options)
        # From before the first milestone to shortly before the end.
        time.sleep(random.Random(seed).uniform(0, 4))

    def assert_tells(self, command, code, *texts):
        """It ends within the limit of silence, with a sentence that says what to do."""
        command.wait(SILENCE_LIMIT)
        self.assert_ends(command, code, "again", *texts)

    @lasts(32)
    def test_receiver_killed(self):
        self.check_receiver_killed(0)

    @lasts(32)
    def test_receiver_killed_with_seed_1(self):
        self.check_receiver_killed(1)

    @lasts(32)
    def test_receiver_killed_with_seed_2(self):
        self.check_receiver_killed(2)

    def check_receiver_killed(self, seed):
        self.out.write_bytes(b"the old one")
        self.begin_and_wait_for_a_random_moment(seed, "--only-complete")
        self.receiver.kill()
        self.assert_tells(self.sender, TRY_AGAIN, "fallen silent")
        self.assertEqual(self.out.read_bytes(), b"the old one")

    @lasts(20)
    def test_receiver_killed_and_started_again(self):
        self.begin_and_wait_for_a_random_moment(3)
        self.receiver.kill()
        # The new receiver knows nothing of the session, and says so: the sender begins anew.
        receiver = self.receive()
        self.assert_ends(self.sender, OK)
        self.assert_ends(receiver, OK)
        self.assertIn("looking for it", self.sender.output)
        self.assertEqual(models.differences(DIGITS, self.out), [])
        self.assertFalse(self.partial.exists())

    @lasts(32)
    def test_sender_killed(self):
        self.begin("--only-complete")
        self.receiver.wait_for_event("progress", lambda event: event["bytes"] > 30_000)
        self.sender.kill()
        self.assert_tells(self.receiver, TRY_AGAIN, "what has come", str(self.partial))
        self.assertTrue(self.partial.exists())
        self.assertFalse(self.out.exists())

    @lasts(14)
    def test_sender_killed_and_started_again(self):
        self.begin_and_wait_for_a_random_moment(4)
        self.sender.kill()
        self.assert_ends(self.send(DIGITS), OK)
        self.assert_ends(self.receiver, OK)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    @lasts(8)
    def test_sender_killed_and_another_model_sent(self):
        self.begin()
        self.receiver.wait_for_event("progress", lambda event: event["bytes"] > 30_000)
        self.sender.kill()
        other = models.save(self.folder / "other.pt", models.small_network(2).state_dict())
        self.assert_ends(self.send(other), OK)
        self.assert_ends(self.receiver, OK)
        self.assertEqual(models.differences(other, self.out), [])

    def check_stopped(self, stopped, other, number):
        stopped.signal(number)
        self.assert_ends(stopped, INTERRUPTED, "interrupted", "again")
        self.assert_ends(other, TRY_AGAIN, "stopped", "again")
        # Told, not timed out: an end that falls silent is another sentence.
        self.assertNotIn("silent", other.words)
        self.assertFalse(self.out.exists())

    def test_sender_interrupted(self):
        self.begin("--only-complete")
        self.check_stopped(self.sender, self.receiver, signal.SIGINT)

    def test_receiver_interrupted(self):
        self.begin("--only-complete")
        self.check_stopped(self.receiver, self.sender, signal.SIGINT)

    def test_sender_terminated(self):
        self.begin("--only-complete")
        self.check_stopped(self.sender, self.receiver, signal.SIGTERM)

    def test_receiver_that_loses_its_terminal(self):
        if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
            self.skipTest("started by nohup, which the command respects")
        self.begin("--only-complete")
        self.check_stopped(self.receiver, self.sender, signal.SIGHUP)

    def test_interrupted_before_anybody_came(self):
        self.lay_line()
        receiver = self.receive()
        receiver.signal()
        self.assert_ends(receiver, INTERRUPTED, "before anything had come; nothing is lost")
        self.assertEqual(list(self.folder.glob("out*")), [])
        sender = self.send(DIGITS)
        sender.wait_for_event("waiting")
        sender.signal()
        self.assert_ends(sender, INTERRUPTED, "before anything was sent; nothing is lost")
        self.assertNotIn("anew", sender.words)
        # Nor was there a port.
        sender = self.start("send", "--wait=forever", self.folder / "none", DIGITS)
        sender.wait_for_text("waiting for it")
        sender.signal()
        self.assert_ends(sender, INTERRUPTED, "before anything was sent; nothing is lost")

    @lasts(12)
    def test_line_cut_for_a_while(self):
        self.lay_line("--cut-after=1", "--cut-for=3", baud=230400)
        sender, _ = self.transfer(DIGITS)
        self.assertGreater(sender.events[-1]["retransmissions"], 0)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    @lasts(34)
    def test_line_cut_for_good(self):
        self.lay_line("--cut-after=1", "--cut-for=1000", baud=230400)
        receiver, sender = self.receive(), self.send(DIGITS)
        for command in (sender, receiver):
            command.wait_for_event("began")
            self.assert_tells(command, TRY_AGAIN, "fallen silent", "cable")

    def test_receiver_gone_before_the_sender_comes(self):
        self.lay_line()
        self.receive().kill()
        sender = self.send(DIGITS, "--timeout=1")
        self.assert_ends(sender, UNAVAILABLE, "wtserial receive")
