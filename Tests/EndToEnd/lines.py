"""Lines between two ports: `wtserial loopback`, and pseudo-terminals that the tests hold themselves."""

import os
import select
import signal
import termios
import threading

from processes import OK, ProcessTests


class LineTests(ProcessTests):
    """Tests with a line between port `a`, for the sender, and port `b`."""

    def lay_line(self, *options, baud=921600):
        """Starts a loopback and waits until both ports are there."""
        self.a, self.b = self.folder / "a", self.folder / "b"
        # Of a line that was killed: somebody else may have its terminals by now.
        for end in (self.a, self.b):
            if end.is_symlink():
                end.unlink()
        # What the ends go by; where nothing limits the line, high enough for short timers.
        self.rate = f"--baud={4_000_000 if baud == 'unlimited' else baud}"
        self.line = self.start(
            "loopback", "--json", "--a", self.a, "--b", self.b, "--baud", baud, *options
        )
        self.line.wait_for_event("ready")

    def crossed(self):
        """Ends the line; the bytes that have crossed it, both ways, since it was laid."""
        self.line.signal(signal.SIGTERM)
        self.line.wait()
        counts = self.line.events[-1]
        return counts["a_to_b"]["bytes_sent"] + counts["b_to_a"]["bytes_sent"]

    def receive(self, *options, out=None, **keywords):
        """Starts a receiver and waits until it listens."""
        command = self.start(
            "receive", "--json", self.rate, self.b, out or self.out, *options, **keywords
        )
        command.wait_for_event("waiting")
        return command

    def send(self, model, *options, **keywords):
        return self.start("send", "--json", self.rate, self.a, model, *options, **keywords)

    def transfer(self, model, *options, out=None, receiver_options=()):
        """Sends a model over the line that is laid; both ends have to end well."""
        receiver = self.receive(*receiver_options, out=out)
        sender = self.send(model, *options)
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        return sender, receiver

    def ask(self, command, *words, code=OK, texts=()):
        """What the receiver at `b` says to a command that asks it, event by event."""
        asked = self.start(command, "--json", self.rate, self.a, *words)
        self.assert_ends(asked, code, *texts)
        return asked.events

    def slots(self):
        """Of each slot its state and the digest of its model."""
        return [(slot["state"], slot.get("digest")) for slot in self.ask("info")[-1]["slots"]]


class Wires:
    """Two pseudo-terminals whose settings can be looked at, as one cannot with a loopback: it takes
    back what clients have set. `join` says what comes out of them for what goes in."""

    def __init__(self):
        self.masters, self.terminals = zip(*(os.openpty() for _ in range(2)))
        for terminal in self.terminals:
            os.set_blocking(terminal, False)
        self.names = [os.ttyname(terminal) for terminal in self.terminals]
        self.stop, self.stopped = os.pipe()
        self.thread = None

    def join(self, carry=lambda index, data: (1 - index, data)):
        """Carries bytes; `carry` says for those of one end at which end they arrive, and as what."""
        self.thread = threading.Thread(target=self._run, args=(carry,), daemon=True)
        self.thread.start()

    def _run(self, carry):
        while True:
            readable, _, _ = select.select([*self.masters, self.stop], [], [])
            if self.stop in readable:
                return
            for index, master in enumerate(self.masters):
                if master in readable:
                    target, data = carry(index, os.read(master, 4096))
                    os.write(self.masters[target], data)

    def close(self):
        os.write(self.stopped, b"x")
        if self.thread:
            self.thread.join()
        for descriptor in (*self.masters, *self.terminals, self.stop, self.stopped):
            os.close(descriptor)


def settings(terminal):
    """What is to be put back: all but HUPCL, which would drop DTR and reset a board."""
    *flags, control_characters = termios.tcgetattr(terminal)
    flags[2] &= ~termios.HUPCL
    return flags, control_characters
