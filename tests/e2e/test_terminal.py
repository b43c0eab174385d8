"""mccli in a real terminal (tmux): TTY exec, ssh, menu, watch, top, Tab, Ctrl-C, window size."""

import unittest

from cloud import CloudTest, wait_until
from terminal import terminal_of


class InATerminal(CloudTest):
    def setUp(self):
        super().setUp()
        cloud = self.new_cloud()
        cloud.start_worker("node-a")
        self.terminal = terminal_of(self, cloud)

    def test_exec_with_a_tty(self):
        t = self.terminal
        self.cloud.create("--name", "box")
        t.type("mccli exec box -- bash --norc")
        t.wait(r"[#$]$")
        t.type("echo inside-$(hostname)")
        t.wait("^inside-box$")
        # The size and what is typed go to the engine by two ways: the size may be the later one.
        t.type("until stty size | grep -x '30 100'; do sleep 0.1; done")
        t.wait("^30 100$")
        t.run("resize-window", "-t", "t", "-x", "90", "-y", "25")
        t.type("clear; until stty size | grep -x '25 90'; do sleep 0.1; done")
        t.wait("^25 90$")
        # Ctrl-C goes to the shell, and not to what it is about to start, until that runs.
        t.type("sh -c 'echo begun; exec sleep 1000'")
        t.wait("^begun$")
        t.key("C-c")
        # The terminal drops what is typed while it takes Ctrl-C, as each does.
        t.wait(r"\^C\n\S*#$")
        t.type("echo after-$?")
        t.wait("^after-130$")
        t.type("exit 5")
        t.ends_with(5)
        # The terminal is as it was: what is typed is shown, and Enter works.
        t.type("stty -a | tr ' ' '\\n' | grep -x echo")
        t.wait("^echo$")

    def test_ssh_is_a_real_login(self):
        t = self.terminal
        self.cloud.create("--name", "box")
        t.type("mccli ssh box")
        t.wait(r"box.*[#$]$")
        t.type("echo over-$(tty)")
        t.wait("^over-/dev/pts/")
        t.type("exit 4")
        t.ends_with(4)

    def test_menu(self):
        t = self.terminal
        t.type("mccli menu")
        for line in ("1.*[Cc]reate", "2.*[Ll]ist", "3.*ssh", "4.*[Dd]elete", "5.*[Ee]xit"):
            t.wait(line)
        t.type("1")
        t.wait("[Nn]ame.*:$")
        t.type("")  # the next number
        wait_until("the menu made a VM", lambda: [v["state"] for v in self.cloud.vms().values()] == ["running"], 30)
        t.wait("vm-1")
        t.type("2")
        t.wait("vm-1 .*running")
        t.type("4")
        t.wait("[Nn]ame.*:$|[Ww]hich.*:$")
        t.type("vm-1")
        wait_until("the menu deleted it", lambda: self.cloud.vms() == {} or not t.type("y"), 15, 1)
        t.type("5")
        t.ends_with(0)

    def test_tab_completes_live_names(self):
        t = self.terminal
        self.cloud.create("--name", "a-long-name")
        t.type("source <(mccli completion bash)")
        t.run("send-keys", "-t", "t", "-l", "mccli inf\ta-lo\t")
        t.wait("ready> mccli info a-long-name$")
        t.type("")
        t.wait("^name: +a-long-name$")
        t.run("send-keys", "-t", "t", "-l", "mccli cp a-lo\t")
        t.wait("ready> mccli cp a-long-name:$")
        t.key("C-c")
        t.at_prompt()
        t.run("send-keys", "-t", "t", "-l", "mccli list --output=js\t --node=no\t")
        t.wait("ready> mccli list --output=json +--node=node-a$")
        t.key("C-c")

    def test_watch_and_ctrl_c(self):
        t = self.terminal
        t.type("mccli watch")
        wait_until("the watch shows a create", lambda: self.cloud.create() and "vm.running" in t.screen(), 30, 0.5)
        t.key("C-c")
        t.ends_with(0)

    def test_top_takes_the_screen_and_gives_it_back(self):
        t, cloud = self.terminal, self.cloud
        cloud.create("-n", "9")
        cloud.create("--name", "busy")
        cloud.mccli("exec", "busy", "--", "sh", "-c", "while :; do :; done >/dev/null 2>&1 & :")
        t.type("echo before-$((40 + 2)); stty -a > ~/mode; mccli top; stty -a | cmp - ~/mode && echo same-mode")
        # It comes to 100 % where nobody else wants the core.
        t.wait(r"^busy +node-a +[1-9]\d*\.\d% +1 +[\d.]+[KM] +512M +\d")
        t.wait(r"^vm-9 +node-a +\d\.\d% ")
        t.wait(r"^node-a +10 +[1-9]\d*\.\d% ")
        lines = t.now().split("\n")
        self.assertTrue(lines[0].startswith("mccli top  "), lines[0])
        self.assertTrue(next(line for line in lines[4:] if "node-a" in line).startswith("busy"), "who uses most is first")
        self.assertNotIn("before-42", "\n".join(lines))
        first = lines[0]
        wait_until("it is drawn anew", lambda: t.now().split("\n")[0] != first, 10)
        t.run("resize-window", "-t", "t", "-x", "60", "-y", "9")
        t.wait(r"^… and 7 more VMs$")
        wait_until("it fits the window", lambda: len(t.now().split("\n")) <= 9, 10)
        self.assertTrue(all(len(line) <= 60 for line in t.now().split("\n")))
        t.run("resize-window", "-t", "t", "-x", "100", "-y", "30")
        t.wait(r"^vm-9 ")
        t.key("q")
        t.wait("^same-mode$")
        self.assertNotIn("mccli top  ", t.now(), "the screen is as it was before")
        self.assertIn("before-42", t.now())
        self.assertEqual(t.run("display-message", "-p", "-t", "t", "#{cursor_flag}").strip(), "1", "the cursor is there")
        for key in ("C-c", "q"):
            t.type("clear; mccli top")
            t.wait("^mccli top  ")
            t.key(key)
            t.ends_with(0)
        # Once, and for programs.
        t.type("clear; mccli top --once -n 1")
        t.wait(r"^busy ")
        t.at_prompt()
        shown = cloud.json("top")
        self.assertEqual(shown[0]["name"], "busy")
        self.assertGreater(shown[0]["cpu_percent"], 1)
        self.assertLess(shown[0]["cpu_percent"], 110)
        self.assertGreater(shown[0]["memory_used_bytes"], 100_000)
        self.assertEqual(len(shown), 10)

    def test_top_outlives_a_restart_of_the_broker_and_ends_at_once_without_one(self):
        t, cloud = self.terminal, self.cloud
        cloud.create("--name", "box")
        t.type("MC_CONNECT_TIMEOUT=10s mccli top")
        t.wait(r"^box +node-a +\d")
        cloud.broker.kill()
        t.wait("does not answer")
        t.wait(r"^box ")
        cloud.start_broker()
        t.wait(r"^mccli top  ", 20)
        t.wait(r"^box +node-a +\d", 30)
        cloud.broker.kill()
        t.wait("does not answer")
        t.key("q")
        t.at_prompt(5)  # it does not wait for an answer


if __name__ == "__main__":
    unittest.main(verbosity=2)
