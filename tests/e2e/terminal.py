"""A real terminal (tmux) with a shell in it, for tests that type and read as a person does."""

import contextlib
import os
import pathlib
import re
import shlex
import subprocess

from cloud import BIN, wait_until


class Terminal:
    """A shell in a tmux pane of a server of its own."""

    def __init__(self, env, socket, columns=100, rows=30):
        self.socket = socket
        self.ended = 0
        self.run("new-session", "-d", "-x", str(columns), "-y", str(rows), "-s", "t", "env", "-i",
                 *[f"{key}={value}" for key, value in env.items()], "TERM=xterm-256color", "PS1=ready> ",
                 "bash", "--norc", "--noprofile")
        self.at_prompt()

    def run(self, *argv):
        done = subprocess.run(["tmux", "-f", "/dev/null", "-S", self.socket, *argv], capture_output=True, text=True,
                              timeout=20)
        if done.returncode != 0:
            raise AssertionError(f"tmux {argv[0]}: {done.stderr}")
        return done.stdout

    def type(self, text):
        if text:
            self.run("send-keys", "-t", "t", "-l", text)
        self.key("Enter")

    def key(self, name):
        self.run("send-keys", "-t", "t", name)

    def screen(self, colours=False):
        return self.run("capture-pane", "-p", "-t", "t", "-S", "-200", *(["-e"] if colours else [])).rstrip()

    def now(self):
        """What is to be seen, without what has scrolled away."""
        return self.run("capture-pane", "-p", "-t", "t").rstrip()

    def wait(self, pattern, seconds=30, colours=False):
        try:
            return wait_until(pattern, lambda: re.search(pattern, self.screen(colours), re.MULTILINE), seconds)
        except AssertionError:
            raise AssertionError(f"never seen: {pattern}\n{self.screen()}") from None

    def at_prompt(self, seconds=30):
        """Waits until the shell reads what is typed; it drops what came while it took Ctrl-C."""
        self.wait(r"ready>\Z", seconds)

    def ends_with(self, code):
        """Waits until the command that was typed has ended, and expects this exit code of it."""
        self.at_prompt()
        self.does("(exit $?)", code)

    def does(self, command, code=0):
        """Types a command that asks nothing, and waits until it has ended so."""
        self.ended += 1
        self.type(f"{command}; echo code-{self.ended}=$?")
        self.wait(f"^code-{self.ended}={code}$")

    @contextlib.contextmanager
    def recorded(self):
        """Every byte that the terminal is sent meanwhile, in what it yields."""
        self.ended += 1
        path, record = pathlib.Path(f"{self.socket}.record-{self.ended}"), []
        path.touch()
        self.run("pipe-pane", "-t", "t", f"cat >{shlex.quote(str(path))}")
        yield record
        # What tmux has shown may not have come to the file yet, and what it has not sent at the end of this is lost.
        self.type(f"echo recorded-$((0 + {self.ended}))")
        wait_until("the record has all of it", lambda: f"recorded-{self.ended}\r".encode() in path.read_bytes())
        self.run("pipe-pane", "-t", "t")
        record.append(path.read_bytes().partition(b"echo recorded-")[0].decode())

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)


def terminal_of(test, cloud, **options):
    """One with mccli on its PATH and the cloud's settings, until `test` is over."""
    env = {**cloud.env, "PATH": f"{BIN}:{os.environ['PATH']}"}
    keep = ("PATH", "HOME", "MC_BROKER", "MC_CONNECT_TIMEOUT", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "LC_ALL")
    terminal = Terminal({key: env[key] for key in keep}, f"{cloud.dir}/tmux", **options)
    test.addCleanup(terminal.close)
    return terminal
