"""What mccli shows on a terminal and what it keeps from pipes: progress, colours, tables that fit; Tab in zsh and fish."""

import re
import signal
import unittest

from cloud import SharedCloudTest, wait_until
from terminal import terminal_of

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
WIPE = "\r\x1b[K"  # the line, from its begin
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Screens(SharedCloudTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud.start_worker("node-a")

    def setUp(self):
        super().setUp()
        self.terminal = terminal_of(self, self.cloud)

    def test_create_shows_its_steps_and_wipes_them(self):
        t, worker = self.terminal, self.cloud.workers["node-a"]
        self.addCleanup(worker.signal, signal.SIGCONT)
        with t.recorded() as record:
            worker.signal(signal.SIGSTOP)
            t.type("mccli create --name box; echo ended")
            t.wait(rf"^[{SPINNER}] creating box: placed on node-a \(\ds\)$")
            worker.signal(signal.SIGCONT)
            t.wait("^ended$")
        self.assertNotIn("creating box", t.screen())
        self.assertRegex(t.screen(), r"(?m)^box is running on node-a, ssh at 127\.0\.0\.1:\d+\n\n  mccli ssh box$")
        drawn = re.findall(rf"{re.escape(WIPE)}([{SPINNER}]) creating box: ([a-z -]+[a-z])", record[0])
        steps = list(dict.fromkeys(step for _, step in drawn))
        # One that is over when mccli comes to draw it is not drawn.
        self.assertEqual(steps, [step for step in ("placing", "placed on node-a", "creating", "starting", "waiting for sshd") if step in steps])
        self.assertGreater(len(steps), 1)
        self.assertGreater(len({turn for turn, _ in drawn}), 1, "it turns")

    def test_progress_of_several_fits_the_terminal(self):
        t = self.terminal
        t.run("resize-window", "-t", "t", "-x", "30", "-y", "30")
        with t.recorded() as record:
            t.does("mccli create -n 3")
        lines = re.findall(rf"{re.escape(WIPE)}([{SPINNER}].*?)(?=\r)", record[0])
        self.assertTrue([line for line in lines if "…" in line], lines)
        self.assertLess(max(len(line) for line in lines), 30)
        self.assertFalse(set(SPINNER) & set(t.screen()))

    def test_nothing_of_it_where_it_is_not_wanted(self):
        t, out, worker = self.terminal, f"{self.cloud.dir}/out", self.cloud.workers["node-a"]
        self.addCleanup(worker.signal, signal.SIGCONT)
        with t.recorded() as record:
            t.does("mccli create -q --name a")
            t.does("mccli create --name b 2>&1 | cat")
        self.assertNotIn(WIPE, record[0])
        self.assertFalse(set(SPINNER) & set(record[0]))
        # A create is done before it would say anything, if it is not held up.
        worker.signal(signal.SIGSTOP)
        t.type(f"mccli create --name c >{out}; echo ended")
        t.wait("creating c: ")  # stderr is the terminal still
        worker.signal(signal.SIGCONT)
        t.wait("^ended$")
        with open(out) as kept:
            self.assertRegex(kept.read(), r"^c is running on node-a, ssh at [\d.:]+\n\n  mccli ssh c\n$")

    def test_colours_only_where_wanted(self):
        t = self.terminal
        self.cloud.create("--name", "box")
        shows = "mccli list; mccli nodes; mccli doctor; mccli info box; mccli jobs; mccli top --once"
        with t.recorded() as record:
            t.does("mccli list")
        self.assertIn("\x1b[32mrunning", record[0])
        with t.recorded() as record:
            t.does(f"export NO_COLOR=1; {shows}; mccli create")
        self.assertIn("is running", record[0])
        self.assertFalse(COLOUR.search(record[0]))
        self.assertFalse(COLOUR.search(self.cloud.mccli("list").stdout))

    def test_tables_fit_narrow_terminals(self):
        t = self.terminal
        self.cloud.create("lab-{01..02}", "--ttl", "2h", "--label", "class=unix1")
        for columns, titles in ((80, "NAME +STATE +NODE +SSH +IMAGE +CPUS +AGE +EXPIRES"), (60, "NAME +STATE +NODE +SSH +IMAGE +AGE")):
            t.run("resize-window", "-t", "t", "-x", str(columns), "-y", "30")
            t.does("clear; mccli list")
            self.assertRegex(t.now(), rf"(?m)^{titles}")
            self.assertRegex(t.now(), r"(?m)^lab-02 +running +node-a +127\.0\.0\.1:\d+ ")
            for verb in ("list", "nodes", "nodes info node-a", "jobs", "audit"):
                t.does(f"clear; mccli {verb}")
                self.assertLessEqual(max(len(line) for line in t.now().split("\n")), columns, t.now())

    def completes(self):
        """In the shell that has the terminal."""
        t = self.terminal
        for begin, whole in (("inf\ta-lo\t", "info a-long-name"), ("create --pass\t", "create --password"),
                             ("nodes cordon \t", "nodes cordon node-a"), ("list -o j\t", "list -o json"),
                             ("cp a-lo\tetc", "cp a-long-name:etc"), ("apply -f ~/cla\t", r"apply -f ~/class\.yaml")):
            t.run("send-keys", "-t", "t", "-l", f"mccli {begin}")
            t.wait(f"ready> mccli {whole}$")
            t.key("C-u")
        t.run("send-keys", "-t", "t", "-l", "mccli stop b\t")
        t.wait("ready> mccli stop b-")
        t.run("send-keys", "-t", "t", "-l", "\t")
        t.wait("b-1 +b-2")

    def test_tab_in_zsh_and_fish(self):
        t = self.terminal
        for name in ("a-long-name", "b-1", "b-2"):
            self.cloud.mccli("create", "--detach", name)
        wait_until("they are taken on", lambda: len(self.cloud.vms()) == 3)
        open(f"{self.cloud.dir}/home/class.yaml", "w").close()
        t.does("zsh -f -c 'mkdir ~/completions; mccli completion zsh >~/completions/_mccli'")
        for rc in ("source <(mccli completion zsh)", "fpath=(~/completions $fpath); autoload -Uz compinit; compinit -u"):
            t.type("clear; zsh -f")
            t.at_prompt()
            t.type(f"clear; {rc}")
            self.completes()
            t.key("C-u")
            t.type("exit")
        t.type("clear; exec fish --private --init-command 'function fish_prompt; echo -n \"ready> \"; end'")
        t.type("clear; mccli completion fish | source")
        t.at_prompt()
        self.completes()


if __name__ == "__main__":
    unittest.main(verbosity=2)
