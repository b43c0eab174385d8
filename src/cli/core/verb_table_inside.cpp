#include "cli/core/verb_table.hpp"

namespace mc::cli {
namespace {

constexpr std::string_view group = "Inside a VM";

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
            "Where the VM's image has no sshd, a shell is opened through exec instead.\n\n"
            "Ends with the command's exit code, or 255 when ssh could not connect: at once when the VM refuses, after "
            "20 s when it does not answer.",
        .options =
            {
                {"identity", 'i', "FILE", "private key to log in with, besides the usual ones", true},
                {"tty", 't', "", "ask for a terminal for a command too"},
                {"user", 'u', "USER", "log in as USER (default root)"},
            },
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

}  // namespace

std::vector<VerbSpec> inside_verbs() {
    return {ssh_verb(), exec_verb(), logs_verb()};
}

}  // namespace mc::cli
