#include "cli/core/verb_table.hpp"
#include "protocol/limits.hpp"

namespace mc::cli {
namespace {

constexpr std::string_view group = "Inside a VM";

/// The options of every verb that runs an OpenSSH client.
std::vector<OptionSpec> with_ssh_options(std::vector<OptionSpec> options) {
    options.insert(
        options.end(),
        {{"identity", 'i', "FILE", "private key to log in with, besides the usual ones", true},
         {"user", 'u', "USER", "log in as USER (default root)"},
         {"route", 0, "ROUTE",
          "how to get there: direct, to the node; broker, through the broker; or auto, which is direct if that "
          "takes a connection within 1.5 s, and else through the broker (default auto)"}});
    return options;
}

VerbSpec ssh_verb() {
    return VerbSpec{
        .id = VerbId::ssh,
        .name = "ssh",
        .aliases = {"sh", "shell"},
        .group = group,
        .operands = "NAME [-- COMMAND...]",
        .summary = "Log in to a VM, or run a command in it, with OpenSSH",
        .description =
            "Runs the real ssh client. The VM's host key came with its creation and is pinned in minicloud's own "
            "known_hosts file under the VM's id, so there is no yes/no prompt and the key is always checked. A "
            "terminal is asked for as ssh does: for a login, not for a command, unless -t is given.\n\n"
            "Where the VM's node can't be reached from here, the connection goes through the broker; see --route. "
            "Where the "
            "VM's image has no sshd, a shell is opened through exec instead.\n\n"
            "Ends with the command's exit code, or 255 when ssh could not connect: at once when the VM refuses, after "
            "20 s when it does not answer.",
        .options = with_ssh_options({{"tty", 't', "", "ask for a terminal for a command too"}}),
        .examples =
            {
                {"mccli ssh vm-1", "log in"},
                {"mccli ssh vm-1 -- uname -a", "run a command"},
                {"mccli ssh vm-1 -t -- top", "a command that needs a terminal"},
            },
        .operands_min = 1,
        .operands_max = 1,
        .takes_command = true,
    };
}

VerbSpec exec_verb() {
    return VerbSpec{
        .id = VerbId::exec,
        .name = "exec",
        .group = group,
        .operands = "NAME -- COMMAND...",
        .summary = "Run a command in a VM through the broker, with no SSH",
        .description =
            "Works wherever the broker can be reached, whether or not the VM's node can. When both stdin and stdout "
            "are terminals the command gets one too, as with -it; else its output and errors stay apart, and input "
            "is passed on only with -i.\n\n"
            "Ends with the command's exit code. Ctrl-C, where the command has no terminal, stops the command.",
        .options =
            {
                {"interactive", 'i', "", "pass stdin on to the command"},
                {"tty", 't', "", "give the command a terminal"},
                {"no-tty", 'T', "", "no terminal, even when there is one here"},
                {"env", 'e', "NAME=VALUE", "environment variable of the command", true},
                {"user", 'u', "USER", "run as USER (default: the image's)"},
                {"workdir", 'w', "DIR", "run in DIR (default: the image's)"},
            },
        .examples =
            {
                {"mccli exec vm-1 -- uname -a", ""},
                {"mccli exec vm-1 -- bash", "a shell"},
                {"mccli exec -i vm-1 -- tar xz -C /srv <site.tgz", "with input"},
            },
        .operands_min = 1,
        .operands_max = 1,
        .takes_command = true,
    };
}

VerbSpec logs_verb() {
    return VerbSpec{
        .id = VerbId::logs,
        .name = "logs",
        .group = group,
        .operands = "NAME",
        .summary = "Show what a VM's first process wrote",
        .description = "Works for stopped VMs too.",
        .options =
            {
                {"follow", 'f', "", "go on with what is written from now on; Ctrl-C ends"},
                {"tail", 'n', "N", "the last N lines only"},
                {"since", 0, "TIME", "from TIME on: 10m (ago) or 2026-11-23T12:00:00Z"},
                {"timestamps", 't', "", "begin each line with its time"},
            },
        .examples = {{"mccli logs vm-1 --tail 20 -f", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
}

VerbSpec copy_verb() {
    return VerbSpec{
        .id = VerbId::copy,
        .name = "cp",
        .aliases = {"scp", "copy"},
        .group = group,
        .operands = "SOURCE... DESTINATION",
        .summary = "Copy files to or from a VM, with OpenSSH's scp",
        .description =
            "One side is in a VM, NAME:PATH, the other one here. A PATH in a VM that does not begin with / begins in "
            "the "
            "user's home. A path here with a colon begins with ./ or /.\n\n"
            "Host key, keys and the way to the VM are as with `mccli ssh`. Ends with scp's exit code.",
        .options = with_ssh_options({{"recursive", 'r', "", "directories too, with all that is in them"},
                                     {"preserve", 'p', "", "keep times and modes"}}),
        .examples =
            {
                {"mccli cp notes.txt vm-1:", "into root's home"},
                {"mccli cp -r site vm-1:/srv", "a directory"},
                {"mccli cp vm-1:/var/log/syslog vm-1:/etc/hosts .", "from there"},
            },
        .operands_min = 2,
        .operands_max = limits::arguments_max,
    };
}

VerbSpec forward_verb() {
    return VerbSpec{
        .id = VerbId::forward,
        .name = "port-forward",
        .aliases = {"forward"},
        .group = group,
        .operands = "NAME PORT...",
        .summary = "Make ports of a VM ports of this machine",
        .description =
            "PORT is HERE:THERE, or one number for both. What connects to HERE on this machine comes out at THERE in "
            "the "
            "VM, from its own localhost, inside an SSH connection. Goes on until Ctrl-C, or until the VM is gone.\n\n"
            "Host key, keys and the way to the VM are as with `mccli ssh`.",
        .options = with_ssh_options(
            {{"address", 0, "ADDRESS",
              "where to listen; others can use the port too if this is no loopback (default 127.0.0.1)"}}),
        .examples =
            {
                {"mccli port-forward vm-1 8080:80", "http://127.0.0.1:8080 is the VM's port 80"},
                {"mccli port-forward vm-1 5432 8080:80", "two at once"},
            },
        .operands_min = 2,
        .operands_max = limits::arguments_max,
    };
}

VerbSpec proxy_verb() {
    return VerbSpec{
        .id = VerbId::proxy,
        .name = "proxy",
        .group = group,
        .operands = "NAME",
        .summary = "Carry the bytes of an SSH connection through the broker",
        .description =
            "For OpenSSH's ProxyCommand: what comes from stdin goes to the VM's sshd, and what that says to stdout. "
            "`mccli ssh`, `cp` and `port-forward` use it by themselves.\n\n"
            "With --fdpass, for ssh's ProxyUseFdpass, a connection is handed over instead: to the VM's own address if "
            "that "
            "takes one within 1.5 s, else through the broker.",
        .options = {{"fdpass", 0, "", "hand a connection over to ssh, a direct one if there is a way"}},
        .examples = {{"ssh -o ProxyCommand='mccli proxy %h' root@vm-1", "check the host key: mccli info vm-1"}},
        .operands_min = 1,
        .operands_max = 1,
    };
}

}  // namespace

std::vector<VerbSpec> inside_verbs() {
    return {ssh_verb(), exec_verb(), copy_verb(), forward_verb(), logs_verb(), proxy_verb()};
}

}  // namespace mc::cli
