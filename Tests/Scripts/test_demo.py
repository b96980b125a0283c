"""Does the demo pass on what goes wrong, and leave nothing behind?"""

from support import PYTHON, ROOT, SCRIPTS, ScriptTests, run

COMMAND = """#!/bin/sh
case $1 in
  loopback)
    LOOPBACK
    touch "$3" "$5"
    exec sleep 60 ;;
  device)
    DEVICE ;;
  receive)
    RECEIVE ;;
  send)
    SEND ;;
esac
"""


class DemoTests(ScriptTests):
    """The real demo with a stand-in for wtserial."""

    def run_demo(self, loopback=":", device=":", receive=":", send=":"):
        command = COMMAND.replace("LOOPBACK", loopback).replace("DEVICE", device)
        self.write("wtserial", command.replace("RECEIVE", receive).replace("SEND", send))
        (self.root / "wtserial").chmod(0o755)
        (self.root / "tmp").mkdir(exist_ok=True)
        outcome = run(SCRIPTS / "demo", WTSERIAL=self.root / "wtserial", TMPDIR=self.root / "tmp")
        self.assertEqual(list((self.root / "tmp").iterdir()), [])
        return outcome

    def test_model_that_arrives_whole_is_called_identical(self):
        convert = "import sys, torch; from safetensors.torch import save_file; "
        convert += "save_file(torch.load(sys.argv[1]), sys.argv[2])"
        arrived = self.root / "arrived.safetensors"
        digits = ROOT / "Tests/Fixtures/Digits/digits.pt"
        self.assertEqual(run(PYTHON, "-c", convert, digits, arrived), (0, ""))
        status, output = self.run_demo(receive=f"cp {arrived} $3")
        self.assertEqual(status, 0, output)
        self.assertIn("\nidentical: 22 tensors", output)

    def test_sender_that_fails_gives_the_exit_code_and_the_word_of_the_device(self):
        status, output = self.run_demo(device="echo no frames; exec sleep 60", send="exit 75")
        self.assertEqual(status, 75)
        self.assertIn("no frames", output)

    def test_device_that_fails_gives_the_exit_code(self):
        status, output = self.run_demo(device="echo no port; exit 69")
        self.assertEqual(status, 69)
        self.assertIn("no port", output)

    def test_receiver_that_fails_gives_the_exit_code(self):
        status, output = self.run_demo(receive="echo disk full; exit 73")
        self.assertEqual(status, 73)
        self.assertIn("disk full", output)

    def test_line_that_does_not_come_up_ends_the_demo(self):
        status, output = self.run_demo(loopback="echo no ptys; exit 69")
        self.assertEqual(status, 1)
        self.assertIn("no ptys", output)

    def test_second_interruption_does_not_break_off_the_cleaning(self):
        again = 'trap "kill -INT $PPID; exit" TERM; touch "$3"; while :; do sleep 0.05; done'
        once = 'until [ -e "${2%/*}/received.safetensors" ]; do sleep 0.05; done; kill -INT $PPID'
        status, _ = self.run_demo(receive=again, send=f'case $2 in *fast-a) {once} ;; esac')
        self.assertEqual(status, 130)
