#include <string>

#include "cli/core/verb_table.hpp"

namespace mc::cli {
namespace {

constexpr std::string_view vms_group = "VMs";

VerbSpec create_verb() {
    return VerbSpec{
        .id = VerbId::create,
        .name = "create",
        .aliases = {"new"},
        .group = vms_group,
        .operands = "[NAME...]",
        .summary = "Create a VM, or many, and wait until they can be logged in to",
        .description =
            "The broker places the VM on a node that is ready and has room. The command returns when the VM's sshd "
            "answers (or, for an image without sshd, when it runs).\n\n"
            "The public keys installed are those given with --key, else every ~/.ssh/id_*.pub. Who has none gets a "
            "key made once for minicloud, in the state directory, which `mccli ssh` uses by itself.\n\n"
            "A password is set only with --password: a random one, made and hashed here and printed once with the "
            "result, each VM its own. It is never sent or logged.\n\n"
            "Several names make several VMs, each with a result of its own: NAME may be a pattern such as lab-{1..30}, "
            "lab-{01..30} or {web,db}. --sheet writes name, host, port, user, password and ssh command of each into a "
            "new CSV file that only you can read, for handing out; passwords are then not shown besides. --detach "
            "returns as soon as the broker has taken the requests on, and names them.\n\n"
            "The node is the one whose turn it is; --policy has it chosen otherwise: least-loaded by what was given to "
            "VMs so far, spread by how many of yours are there, pack so that nodes stay empty. --require and --prefer "
            "go by the nodes' labels, and on-lost replaces by the same rules. --dry-run only shows which node each "
            "would be put on now, and why the others not. With --all-or-nothing none is made when there is not room "
            "for all, and those that were made are removed again when one fails.\n\n"
            "--setup runs a script as root when a VM first starts, before it can be logged in to; its output is in "
            "`mccli logs`. A script that fails is a create that fails, with its last output. It needs an image made by "
            "docker/vm/build; one that takes its time wants a longer --timeout.\n\n"
            "A create happens once, however often it is repeated on the way. Ctrl-C stops the waiting, not the "
            "create; the message then names the request for `mccli job` and `mccli cancel`.",
        .options =
            {
                {"name", 0, "NAME", "its name, or a pattern: a-z, 0-9 and '-' (default: the next vm-N)"},
                {"count", 'n', "N", "how many to create (default 1)"},
                {"image", 0, "IMAGE", "Docker image (default minicloud/vm:latest)"},
                {"cpus", 0, "CPUS", "cores, such as 2 or 0.5 (default 1)"},
                {"memory", 'm', "SIZE", "memory, such as 512M or 2G (default 512M)"},
                {"pids", 0, "N", "processes and threads at most (default 512)"},
                {"key", 'k', "FILE", "SSH public key file to install", true},
                {"password", 0, "", "also allow login by a random password, shown once"},
                {"env", 'e', "NAME=VALUE", "environment variable of the VM's first process", true},
                {"label", 'l', "KEY=VALUE", "label", true},
                {"ttl", 0, "DURATION", "remove it that long after its creation, such as 2h (default: never)"},
                {"node", 0, "NODE", "on this node only"},
                {"policy", 0, "POLICY", "which node: round-robin (default), least-loaded, spread or pack"},
                {"require", 0, "KEY=VALUE", "only on nodes with this label", true},
                {"prefer", 0, "KEY=VALUE", "rather on nodes with this label", true},
                {"setup", 0, "FILE", "script that each VM runs once, at its first start (- = stdin)"},
                {"on-lost", 0, "POLICY",
                 "when its node is lost or drained: keep it there (default), or replace it by an empty one elsewhere"},
                {"sheet", 0, "FILE", "write the credentials of all into the new CSV file FILE"},
                {"all-or-nothing", 0, "", "keep none of them when one can't be made"},
                {"dry-run", 0, "", "make nothing: show where they would be put"},
                {"wait", 0, "", "until they can be logged in to, as without it"},
                {"detach", 'd', "", "don't wait: return when the broker has taken it on"},
                {"timeout", 0, "DURATION", create_timeout_help},
            },
        .examples =
            {
                {"mccli create", "a VM with the next free name"},
                {"mccli create web --cpus 2 --memory 1G", "named and sized"},
                {"mccli create 'lab-{01..30}' --label class=unix1 --ttl 2h --password --sheet lab.csv",
                 "thirty for a lesson"},
                {"mccli create --require disk=ssd --policy least-loaded --dry-run", "which node it would be"},
                {"mccli create web --setup install.sh --timeout 10m", "made ready by a script"},
                {"mccli create -o json | jq -r .ssh_port", "for a script"},
            },
        .operands_max = names_max,
    };
}

VerbSpec list_verb() {
    return VerbSpec{
        .id = VerbId::list,
        .name = "list",
        .aliases = {"ls", "ps"},
        .group = vms_group,
        .operands = "[NAME...]",
        .summary = "List VMs of all nodes",
        .description =
            "Answered at once from the broker's state. The VMs of a node that is silent are shown as unknown, with the "
            "reason. Users see their own VMs, viewers and admins those of everybody: with OWNER, when there are "
            "several. "
            "-o wide shows it in any case. With --quiet only the names, one a line; OWNER/NAME when there are several "
            "owners.\n\n"
            "NAME is a name, OWNER/NAME, an id, or a pattern with *, ? and [a-z], quoted so that the shell leaves it "
            "alone. What several options ask for must all hold; of one that is given several times any. A name that is "
            "not there is an error (code 4, or 7 when others are), a pattern that fits nothing is not.\n\n"
            "With --watch the table is drawn anew every 2 s; where stdout is no terminal, one line is printed per VM "
            "that is there at first, changes or goes, with -o json and yaml one document. Ctrl-C ends with code 0.",
        .options =
            {
                selector_option,
                {"state", 's', "STATE", "only those in STATE, such as running", true},
                {"node", 0, "NODE", "only those on NODE; a pattern will do", true},
                {"owner", 0, "OWNER", "only those of OWNER; a pattern will do", true},
                {"sort", 0, "FIELD[:desc]", "by a JSON field of VMs, such as created:desc (default: owner and name)"},
                {"watch", 'w', "", "go on, and show what changes"},
            },
        .examples =
            {
                {"mccli list", ""},
                {"mccli list -o json | jq -r '.[] | select(.state == \"running\") | .name'", "the running ones' names"},
                {"mccli list 'lab-*' --state running --sort created:desc", ""},
                {"mccli list -l class=unix1,!keep --watch", ""},
            },
        .operands_max = names_max,
    };
}

VerbSpec info_verb() {
    return VerbSpec{
        .id = VerbId::info,
        .name = "info",
        .aliases = {"show"},
        .group = vms_group,
        .operands = "NAME",
        .summary = "Show everything about one VM",
        .description = "NAME is the VM's name, OWNER/NAME, or its id of 16 hexadecimal digits.",
        .examples = {{"mccli info vm-1", ""}, {"mccli info vm-1 -o json", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
}

VerbSpec top_verb() {
    return VerbSpec{
        .id = VerbId::top,
        .name = "top",
        .aliases = {"stats"},
        .group = vms_group,
        .operands = "[NAME...]",
        .summary = "Show live what VMs and nodes use: CPU, memory, network",
        .description =
            "Nodes with the sums of their VMs above, VMs below, those that use most first. CPU is in per cent of one "
            "core, so a VM of 2 cores comes to 200%; memory is without the page cache that can be given back, as "
            "`docker stats` has it; RX/S and TX/S are bytes received and sent per second. Each is the mean of some two "
            "seconds, longer on nodes with more than a hundred VMs. Users see their own VMs and the sums of these, "
            "viewers and admins everything. Nodes measure only while somebody looks.\n\n"
            "On a terminal it takes the whole screen and is drawn anew every 2 s and when the window's size changes; "
            "q or Ctrl-C ends it with code 0. With --once, or where stdin or stdout is no terminal, and in every other "
            "format than a table, it is printed once, after some two seconds of measuring. -o json, yaml and csv list "
            "the VMs, or with --nodes the nodes.\n\n"
            "NAME is as for `mccli list`. A VM that is not known to use anything has a dash: its node is silent, has "
            "just begun to measure, or its mcworker is of a release that can't.",
        .options =
            {
                selector_option,
                {"node", 0, "NODE", "only NODE and what is on it; a pattern will do", true},
                {"sort", 0, "ORDER", "by cpu (default), memory, name or network"},
                {"limit", 'n', "N", "only the first N VMs"},
                {"nodes", 0, "", "nodes only"},
                {"once", 0, "", "print it once, also on a terminal"},
            },
        .examples =
            {
                {"mccli top", ""},
                {"mccli top -l class=unix1 --sort memory", ""},
                {"mccli top -o json | jq -r '.[] | select(.cpu_percent > 90) | .name'", "who is busy"},
                {"mccli top --nodes --once", ""},
            },
        .operands_max = names_max,
    };
}

VerbSpec action_verb(VerbId id, std::string_view name, std::string_view summary, std::string_view description,
                     std::vector<OptionSpec> options, std::vector<Example> examples) {
    options.push_back(selector_option);
    options.push_back({"all", 0, "", "every VM that you see"});
    options.push_back({"yes", 'y', "", "don't ask whether several VMs are meant"});
    options.push_back({"timeout", 0, "DURATION", timeout_help});
    VerbSpec verb = batch_verb(id, name, "[NAME...]", summary, description, std::move(options), std::move(examples));
    verb.group = vms_group;
    verb.operands_min = 0;
    return verb;
}

VerbSpec rename_verb() {
    return VerbSpec{
        .id = VerbId::rename,
        .name = "rename",
        .aliases = {"mv"},
        .group = vms_group,
        .operands = "NAME NEW",
        .summary = "Give a VM another name",
        .description =
            "For a VM that is running or stopped. What runs in it goes on, and connections stay; inside, its host name "
            "is what it was at its creation.",
        .examples = {{"mccli rename vm-1 web", ""}},
        .operands_min = 2,
        .operands_max = 2,
    };
}

/// How VMs are chosen, under what the verb does.
std::string with_choice(std::string_view text) {
    return std::string(text) +
           "\n\nNAME is a name, OWNER/NAME, an id, or a pattern with *, ? and [a-z], quoted so that the shell leaves "
           "it "
           "alone. Instead of names -l or --all choose; patterns and -l together mean what fits both. Of several VMs "
           "chosen by a pattern, -l or --all it is asked first whether they are meant; where there is nobody to ask, "
           "-y has to be given. Each VM has a result of its own: one bad name does not keep the others from it.";
}

}  // namespace

std::vector<VerbSpec> vm_verbs() {
    static const std::string start_text =
        with_choice("Returns when sshd answers again. A started VM may have another SSH port than before.");
    static const std::string stop_text = with_choice(
        "A VM that a person stopped is kept until it is started or deleted; one that stops by itself is removed after "
        "a while.");
    static const std::string restart_text = with_choice("What is in them stays; what ran in them ends.");
    static const std::string remove_text = with_choice(
        "Running or not, with everything in them. --file deletes the VMs that a file of `mccli apply` names; those "
        "that "
        "are not there are no error then.");
    static const std::string extend_text = with_choice(
        "The broker alone decides it: nodes need not be reached. Quotas of time count from a VM's creation.");
    const OptionSpec grace{"grace", 0, "DURATION", "how long its processes get to end by themselves (default 10s)"};
    std::vector<VerbSpec> all{create_verb(), list_verb(), info_verb(), top_verb()};
    all.push_back(action_verb(VerbId::start, "start", "Start stopped VMs", start_text, {}, {{"mccli start vm-1", ""}}));
    all.push_back(action_verb(VerbId::stop, "stop", "Stop VMs and keep them", stop_text, {grace},
                              {{"mccli stop vm-1 vm-2", ""}, {"mccli stop -l class=unix1", ""}}));
    all.push_back(action_verb(VerbId::restart, "restart", "Stop VMs and start them again", restart_text, {grace},
                              {{"mccli restart vm-1", ""}}));
    all.push_back(action_verb(VerbId::remove, "delete", "Delete VMs for good", remove_text,
                              {file_option, {"force", 0, "", "accepted out of habit: as --yes", false, true}},
                              {{"mccli delete vm-1 vm-2", ""},
                               {"mccli delete 'lab-*'", "asks first"},
                               {"mccli delete -l class=unix1 -y", "does not"},
                               {"mccli delete -f lab.yaml", "what mccli apply -f lab.yaml made"}}));
    all.back().aliases = {"rm", "remove"};
    all.push_back(
        action_verb(VerbId::extend, "extend", "Move the end of VMs that have a time to live", extend_text,
                    {{"by", 0, "DURATION", "that much later than it would have been"},
                     {"ttl", 0, "DURATION", "that long from now, or never; also gives an end to what had none"}},
                    {{"mccli extend vm-1 --by 2h", ""},
                     {"mccli extend -l class=unix1 -y --ttl 8h", "the whole class, from now on"},
                     {"mccli extend vm-1 --ttl never", ""}}));
    all.push_back(rename_verb());
    return all;
}

}  // namespace mc::cli
