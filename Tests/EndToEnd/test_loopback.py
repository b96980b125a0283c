"""The loopback as a command: names, statistics, clients that come and go."""

import os
import select
import signal
import termios
import time

import models
import torch
from lines import LineTests
from processes import CANNOT_CREATE, LIMIT, OK, TRY_AGAIN, USAGE


class LoopbackTests(LineTests):
    def end_line(self, number=signal.SIGTERM):
        """Stops the loopback and returns its statistics."""
        self.line.signal(number)
        self.assertEqual(self.line.wait(), OK, self.line)
        return self.line.events[-1]

    def test_five_transfers_in_a_row_over_one_line(self):
        self.lay_line("--bit-error-rate=1e-5", "--seed=11")
        sent = received = 0
        for number in range(5):
            model = models.save(self.folder / f"{number}.pt", {"x": torch.randn(10, 10 + number)})
            out = self.folder / f"{number}.safetensors"
            sender, receiver = self.transfer(model, out=out)
            self.assertEqual(models.differences(model, out), [])
            sent += sender.events[-1]["wire_bytes_sent"]
            received += receiver.events[-1]["wire_bytes_sent"]
        statistics = self.end_line()
        self.assertEqual(statistics["event"], "statistics")
        # The ends' last words come after their last figures: some CLOSE frames.
        for direction, count in (("a_to_b", sent), ("b_to_a", received)):
            counters = statistics[direction]
            self.assertIn(counters["bytes_sent"] - count, range(0, 5 * 60), direction)
            lost = sum(counters[key] for key in (
                "bytes_received", "bytes_dropped", "bytes_unattended", "bytes_overrun",
                "bytes_lost_in_cuts",
            ))  # fmt: skip
            self.assertLessEqual(counters["bytes_sent"], lost + 64)
        self.assertFalse(os.path.lexists(self.a) or os.path.lexists(self.b))

    def test_statistics_count_every_kind_of_fault(self):
        faults = ("bit-error", "drop", "insert", "duplicate")
        self.lay_line(*(f"--{fault}-rate=1e-4" for fault in faults), "--seed=5")
        model = models.save(self.folder / "network.pt", models.small_network().state_dict())
        self.transfer(model)
        self.assertEqual(models.differences(model, self.out), [])
        counters = self.end_line(signal.SIGINT)["a_to_b"]
        for key in ("bits_flipped", "bytes_dropped", "bytes_inserted", "bytes_duplicated"):
            self.assertGreater(counters[key], 0, key)

    def test_same_seed_same_faults(self):
        text = bytes(range(256)) * 8
        found = []
        for _ in range(2):
            self.lay_line("--bit-error-rate=1e-3", "--seed=42", baud="unlimited")
            a, b = self.open_port(self.a, termios.B9600), self.open_port(self.b, termios.B9600)
            os.write(a, text)
            found.append((self.read(b, len(text)), self.end_line()))
        (first, one), (second, other) = found
        self.assertNotEqual(first, text)
        self.assertEqual(first, second)
        self.assertEqual(one["a_to_b"], other["a_to_b"])
        self.assertGreater(one["a_to_b"]["bits_flipped"], 0)

    def test_words_for_people(self):
        a, b = self.folder / "x", self.folder / "y"
        line = self.start("loopback", "--a", a, "--b", b, "--baud=9600", "--seed=1")
        line.wait_for_text(f"{a} <-> {b}  9600 baud  seed 1\n")
        line.signal()
        self.assertEqual(line.wait(), OK)
        self.assertRegex(line.output, r"bytes sent +0 +0\n")
        self.assertEqual(line.words, "")

    def test_name_that_is_taken(self):
        taken = self.folder / "taken"
        taken.write_text("something of value")
        command = self.run_command("loopback", "--a", taken)
        self.assert_ends(command, CANNOT_CREATE, str(taken), "choose another")
        self.assertEqual(taken.read_text(), "something of value")

    def test_name_of_a_running_loopback(self):
        self.lay_line()
        command = self.run_command("loopback", "--a", self.a)
        self.assert_ends(command, TRY_AGAIN, str(self.a), "end it")
        self.transfer(models.save(self.folder / "scalar.pt", torch.ones(1)))

    def test_one_name_for_both_ports(self):
        name = self.folder / "name"
        command = self.run_command("loopback", "--a", name, "--b", name)
        self.assert_ends(command, USAGE, str(name), "two names")

    def test_name_left_by_a_killed_loopback_is_taken_over(self):
        self.lay_line()
        self.line.kill()
        self.lay_line()
        self.transfer(models.save(self.folder / "scalar.pt", torch.ones(1)))

    def open_port(self, path, rate):
        """Opens a port as a program of its own would, and returns its descriptor."""
        port = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, port)
        self.set_rate(port, rate)
        return port

    def set_rate(self, port, rate):
        settings = termios.tcgetattr(port)
        settings[4] = settings[5] = rate
        termios.tcsetattr(port, termios.TCSANOW, settings)

    def read(self, port, count):
        data = b""
        while len(data) < count:
            self.assertTrue(select.select([port], [], [], LIMIT)[0], f"{len(data)} of {count} bytes")
            data += os.read(port, count - len(data))
        return data

    def test_ports_of_different_rates_do_not_understand_each_other(self):
        self.lay_line("--follow-termios")
        self.assertIs(self.line.events[0]["follow_termios"], True)
        a, b = self.open_port(self.a, termios.B9600), self.open_port(self.b, termios.B115200)
        text = bytes(range(50))
        os.write(a, text)
        self.assertNotIn(text, self.read(b, 3 * len(text)))
        self.open_port(self.b, termios.B9600)
        os.write(a, text)
        self.assertEqual(self.read(b, len(text)), text)
        self.assertEqual(self.end_line()["a_to_b"]["bytes_misread"], len(text))

    def test_port_that_is_opened_again_at_once_keeps_the_rate_that_it_is_set_to(self):
        self.lay_line("--follow-termios")
        b = self.open_port(self.b, termios.B9600)
        text = bytes(range(50))
        for _ in range(10):
            first = os.open(self.a, os.O_RDWR | os.O_NOCTTY)
            self.set_rate(first, termios.B9600)
            os.close(first)
            again = os.open(self.a, os.O_RDWR | os.O_NOCTTY)
            self.set_rate(again, termios.B9600)
            # When the second text goes, the loopback has heard of all that.
            for _ in range(2):
                os.write(again, text)
                self.assertEqual(self.read(b, len(text)), text)
            os.close(again)

    def test_bytes_take_the_time_of_the_ports_rate(self):
        self.lay_line("--follow-termios")
        a, b = self.open_port(self.a, termios.B9600), self.open_port(self.b, termios.B9600)
        start = time.monotonic()
        os.write(a, bytes(500))
        self.read(b, 500)
        self.assertGreaterEqual(time.monotonic() - start, 500 * 10 / 9600)

    def test_transfer_at_another_rate_than_the_lines(self):
        self.lay_line("--follow-termios", baud=300)
        self.rate = "--baud=921600"
        self.transfer(models.save(self.folder / "scalar.pt", torch.ones(100, 100)))

    def test_bytes_that_cross_a_half_duplex_line_are_garbage(self):
        self.lay_line("--half-duplex", baud=1200)
        self.assertIs(self.line.events[0]["half_duplex"], True)
        a, b = self.open_port(self.a, termios.B1200), self.open_port(self.b, termios.B1200)
        os.write(a, bytes(100))
        os.write(b, bytes(10))
        self.assertNotEqual(self.read(a, 10), bytes(10))
        self.assertNotEqual(self.read(b, 100), bytes(100))
        statistics = self.end_line()
        self.assertEqual(statistics["b_to_a"]["bytes_garbled"], 10)
        self.assertIn(statistics["a_to_b"]["bytes_garbled"], (10, 11, 12))

    def test_unlimited_line_has_no_rates_and_no_collisions(self):
        for option in ("--follow-termios", "--half-duplex"):
            command = self.run_command("loopback", "--baud=unlimited", option)
            self.assert_ends(command, USAGE, f"{option} needs a --baud")
