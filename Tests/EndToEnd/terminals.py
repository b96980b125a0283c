"""Terminals: real ones of tmux, which wrap and reflow, and bare ones that keep what is written."""

import fcntl
import os
import shlex
import struct
import subprocess
import termios
import threading

from processes import WTSERIAL


class Tmux:
    """A window of tmux that runs a command; what it shows stays when that has ended."""

    def __init__(self, folder, columns, *arguments, **environment):
        self.server = ["tmux", "-f", "/dev/null", "-S", str(folder / "tmux")]
        words = [f"{name}={value}" for name, value in environment.items()]
        state = f"XDG_STATE_HOME={folder / 'state'}"
        command = shlex.join(["env", state, *words, WTSERIAL, *map(str, arguments)])
        # A terminal of its own size, whoever looks at it; an hour, for tests end it.
        self.call(
            "new-session", "-d", "-x", str(columns), "-y", "30", f"{command}; exec sleep 3600"
        )

    def call(self, *words):
        done = subprocess.run([*self.server, *words], capture_output=True, text=True)
        assert done.returncode == 0, f"tmux {words}: {done.stderr}"
        return done.stdout

    def resize(self, columns):
        self.call("resize-window", "-x", str(columns))

    def lines(self):
        """What stands on the screen: a line that is wrapped is one."""
        return [line.rstrip() for line in self.call("capture-pane", "-p", "-J").splitlines() if line]

    def close(self):
        subprocess.run([*self.server, "kill-server"], capture_output=True)


class Screen:
    """A terminal that keeps what is written to it."""

    def __init__(self, columns):
        self.master, self.terminal = os.openpty()
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        self.bytes = b""
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            while data := os.read(self.master, 4096):
                self.bytes += data
        except OSError:
            pass  # Linux says so when the last writer has gone.

    def close(self):
        """Everything that was shown; to be called when the command has ended."""
        os.close(self.terminal)
        self.thread.join()
        os.close(self.master)
        return self.bytes.decode()
