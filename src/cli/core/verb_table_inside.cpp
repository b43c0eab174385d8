#include "cli/core/verb_table.hpp"
#include "protocol/limits.hpp"

namespace mc::cli {
namespace {

constexpr std::string_view inside_group = "Inside a VM";

const OptionSpec identity_option{"identity", 'i', "FILE", "private key to log in with, besides the usual ones", true};
const OptionSpec user_option{"user", 'u', "USER", "log in as USER (default root)"};
const OptionSpec host_option{"domain", 0, "DOMAIN", "NAME is a host name below DOMAIN, as of `mccli ssh-config`"};

/// The options of every verb that runs an OpenSSH client.
std::vector<OptionSpec> with_ssh_options(std::vector<OptionSpec> options) {
    options.insert(
        options.end(),
        {identity_option,
         user_option,
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
        .group = inside_group,
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
        .group = inside_group,
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
        .group = inside_group,
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
        .group = inside_group,
        .operands = "SOURCE... DESTINATION",
        .summary = "Copy files to or from a VM, with OpenSSH's scp",
        .description =
            "One side is in a VM, NAME:PATH, the other one here. A PATH in a VM that does not begin with / begins in "
            "the "
            "user's home. A path here with a colon begins with ./ or /.\n\n"
            "Host key, keys and the way to the VM are as with `mccli ssh`. Where this machine's processor has "
            "instructions for AES, that comes first among the ciphers, whatever your ssh_config says. Ends with scp's "
            "exit code.",
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
        .group = inside_group,
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

VerbSpec ssh_config_verb() {
    return VerbSpec{
        .id = VerbId::ssh_config,
        .name = "ssh-config",
        .group = inside_group,
        .summary = "Let plain ssh, scp, rsync and editors reach VMs as NAME.mc",
        .description =
            "Prints a file for OpenSSH's configuration, or with --install writes it and has ~/.ssh/config include it "
            "first. From then on NAME.mc is the VM NAME, and NAME.OWNER.mc somebody else's, those made later too: the "
            "address and the host key are asked of the broker when they are needed, and the key is always checked. "
            "Where the node can't be reached the connection goes through the broker.\n\n"
            "The file says which cloud: for another one write another file, with --context and --domain. The VMs that "
            "are there now are named in it for what offers hosts to choose from.",
        .options = {{"install", 0, "", "write it under --state-dir, and include it in ~/.ssh/config"},
                    {"domain", 0, "DOMAIN", "what the host names end in (default mc)"},
                    identity_option,
                    user_option},
        .examples =
            {
                {"mccli ssh-config --install", "then: ssh vm-1.mc; rsync -a site/ vm-1.mc:/srv"},
                {"vim scp://vm-1.mc//etc/hosts", "after that; in Emacs: C-x C-f /ssh:vm-1.mc:/etc/hosts"},
                {"sshfs vm-1.mc:/srv mnt", "likewise: its files as a directory here"},
                {"mccli ssh-config --context lab --domain lab --install", "ssh vm-1.lab"},
                {"mccli ssh-config >f && ssh -F f vm-1.mc", "without touching ~/.ssh"},
            },
    };
}

VerbSpec host_key_verb() {
    return VerbSpec{
        .id = VerbId::host_key,
        .name = "host-key",
        .group = inside_group,
        .operands = "NAME",
        .summary = "Print a VM's SSH host key as a line of known_hosts",
        .description = "What OpenSSH's KnownHostsCommand asks in what `mccli ssh-config` writes.",
        .options = {{"as", 0, "HOST", "the line's host (default NAME)"}, host_option},
        .examples = {{"mccli host-key vm-1 --as 192.0.2.7 >>~/.ssh/known_hosts", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
}

VerbSpec proxy_verb() {
    return VerbSpec{
        .id = VerbId::proxy,
        .name = "proxy",
        .group = inside_group,
        .operands = "NAME",
        .summary = "Carry the bytes of an SSH connection through the broker",
        .description =
            "For OpenSSH's ProxyCommand: what comes from stdin goes to the VM's sshd, and what that says to stdout. "
            "`mccli ssh`, `cp` and `port-forward` use it by themselves.\n\n"
            "With --fdpass, for ssh's ProxyUseFdpass, a connection is handed over instead: to the VM's own address if "
            "that "
            "takes one within 1.5 s, else through the broker.",
        .options = {{"fdpass", 0, "", "hand a connection over to ssh, a direct one if there is a way"}, host_option},
        .examples = {{"ssh -o ProxyCommand='mccli proxy %h' root@vm-1", "check the host key: mccli info vm-1"}},
        .operands_min = 1,
        .operands_max = 1,
    };
}

}  // namespace

std::vector<VerbSpec> inside_verbs() {
    return {ssh_verb(),  exec_verb(),       copy_verb(),     forward_verb(),
            logs_verb(), ssh_config_verb(), host_key_verb(), proxy_verb()};
}

}  // namespace mc::cli
