#include "cli/core/verb_table.hpp"

namespace mc::cli {
namespace {

constexpr std::string_view cloud_group = "The cloud";
constexpr std::string_view request_group = "Requests";
constexpr std::string_view help_group = "More";

VerbSpec node_verb(VerbId id, std::string_view name, std::string_view summary, std::string_view description,
                   std::vector<OptionSpec> options, std::vector<Example> examples) {
    VerbSpec verb = batch_verb(id, name, "NODE...", summary, description, std::move(options), std::move(examples));
    verb.group = cloud_group;
    return verb;
}

std::vector<VerbSpec> node_verbs() {
    return {
        node_verb(VerbId::cordon, "nodes cordon", "Give nodes no new VMs",
                  "What runs there goes on. It lasts until `mccli nodes uncordon`, over restarts of broker and worker.",
                  {}, {{"mccli nodes cordon lab-1", ""}}),
        node_verb(VerbId::uncordon, "nodes uncordon", "Give nodes new VMs again",
                  "Also ends a drain. VMs that the drain stopped stay stopped: `mccli start` them.", {},
                  {{"mccli nodes uncordon lab-1", ""}}),
        node_verb(
            VerbId::drain, "nodes drain", "Empty nodes of what runs, for maintenance",
            "Cordons the node. VMs created with --on-lost replace are made anew on other nodes at once, empty, "
            "under their names. The others go on until the deadline, so that their owners can delete them or "
            "save what is in them, and are then stopped, not deleted. Returns when nothing runs there any more; "
            "Ctrl-C or a time-out stops the waiting, not the drain.",
            {{"deadline", 0, "DURATION", "when VMs that still run are stopped (default 0s: at once; at most 30d)"},
             {"timeout", 0, "DURATION", "how long to wait for the end (default: the deadline and 60s, at most 1h)"}},
            {{"mccli nodes drain lab-1", "stop everything there now"},
             {"mccli nodes drain lab-1 --deadline 30m", "in half an hour at the latest"}}),
        node_verb(
            VerbId::forget, "nodes forget", "Give up nodes that will not come back",
            "Only for nodes that are silent or lost. If one comes back nevertheless it is a new node, and the "
            "containers of VMs that were forgotten with it are removed.",
            {{"with-vms", 0, "", "also when it has VMs: they are given up with it"}},
            {{"mccli nodes forget lab-1", ""}, {"mccli nodes forget --with-vms lab-1", "the machine burned down"}}),
    };
}

std::vector<VerbSpec> image_verbs() {
    constexpr OptionSpec node_option{"node", 0, "NODE", "only on NODE; a pattern will do", true};
    VerbSpec list{
        .id = VerbId::images,
        .name = "images",
        .aliases = {"image", "images list"},
        .group = cloud_group,
        .summary = "List the images on the nodes",
        .description =
            "Each name of each image, by node: its id, size (with the layers that it shares with others), age since it "
            "was built, and how many VMs of that node were made from that name. The nodes' engines are asked now, all "
            "at once: of a node that does not answer that is said, and the exit code is 7. Of a node with more than "
            "1000 the first 1000 are shown. Nodes that share an engine have the same images. For viewers and admins.",
        .options = {node_option, {"all", 'a', "", "also images without a name"}},
        .examples = {{"mccli images", ""},
                     {"mccli images --node 'lab-*' -o json | jq -r '.[] | select(.vms == 0) | .name'",
                      "what no VM was made from"}},
    };
    VerbSpec pull =
        batch_verb(VerbId::image_pull, "images pull", "IMAGE...", "Have nodes pull images from their registry",
                   "So that the first create with one does not wait for it. IMAGE is [host/]name[:tag], as for `mccli "
                   "create --image`. The registry is asked also when the image is there already: it may have a newer "
                   "one of that name. Each node's engine pulls for itself, with its own settings; registries that ask "
                   "for a login are not supported. Ctrl-C or a time-out ends the pull.",
                   {node_option, {"timeout", 0, "DURATION", "how long each node may take (default 10m, at most 1h)"}},
                   {{"mccli images pull debian:12", "to all nodes"},
                    {"mccli images pull registry.lab:5000/unix1 --node lab-1 --node lab-2", ""}});
    VerbSpec remove = batch_verb(
        VerbId::image_remove, "images remove", "IMAGE...", "Remove images from nodes",
        "IMAGE is a name, or the id of `mccli images`. What is in use stays: the engine refuses, and its words are "
        "shown. Of an image with several names only that name goes. An image that is on some of the nodes only is no "
        "error; one that is on none ends with code 4.",
        {node_option, {"timeout", 0, "DURATION", timeout_help}},
        {{"mccli images remove debian:11", "from all nodes"}, {"mccli images remove debian:11 --node lab-1", ""}});
    remove.aliases = {"images delete", "images rm"};
    pull.group = remove.group = cloud_group;
    return {list, pull, remove};
}

VerbSpec watch_verb() {
    return VerbSpec{
        .id = VerbId::watch,
        .name = "watch",
        .aliases = {"events"},
        .group = cloud_group,
        .summary = "Print every event of the cloud as it happens",
        .description =
            "One line per event: time, number, kind, VM, node, reason. Events are numbered without a hole. What was "
            "missed on the way is asked for again and printed in order; what the broker no longer keeps is announced "
            "by a line such as `-- events 17 to 23 are no longer kept --`. A restart of the broker is waited out.\n\n"
            "With -o json one JSON object per line; a gap is `{\"gap\": {\"first\": 17, \"last\": 23}}`. Ctrl-C ends "
            "with code 0.",
        .options = {{"since", 0, "SEQ", "first print the events after number SEQ; 0 = all that are kept"},
                    {"filter", 'f', "FIELD=PATTERN",
                     "only events whose JSON field FIELD fits PATTERN (*, ?, [a-z]); of several with one FIELD any, of "
                     "several FIELDs all",
                     true}},
        .examples =
            {
                {"mccli watch", "from now on"},
                {"mccli watch --since 0", "everything that is kept, then live"},
                {"mccli watch -o json | jq -r 'select(.kind == \"vm.cleanup\") | .name'", ""},
            },
    };
}

std::vector<VerbSpec> request_verbs() {
    VerbSpec job{
        .id = VerbId::job,
        .name = "job",
        .group = request_group,
        .operands = "ID",
        .summary = "Show what became of a request",
        .description =
            "ID is the 32 hexadecimal digits that an interrupted or timed-out command printed, or `mccli jobs` shows.",
        .examples = {{"mccli job 6f0c4c1f3f9a4d0b8b1e2d3c4b5a6978", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
    VerbSpec jobs{
        .id = VerbId::jobs,
        .name = "jobs",
        .group = request_group,
        .summary = "List the latest requests that change something",
        .description = "Newest first.",
        .examples = {{"mccli jobs", ""}},
    };
    VerbSpec cancel{
        .id = VerbId::cancel,
        .name = "cancel",
        .group = request_group,
        .operands = "ID",
        .summary = "Cancel a request that is under way",
        .description = "What it has already done stays; a VM half made is removed.",
        .examples = {{"mccli cancel 6f0c4c1f3f9a4d0b8b1e2d3c4b5a6978", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
    return {job, jobs, cancel};
}

}  // namespace

std::vector<VerbSpec> cloud_verbs() {
    VerbSpec nodes{
        .id = VerbId::nodes,
        .name = "nodes",
        .aliases = {"node", "nodes list"},
        .group = cloud_group,
        .summary = "List the nodes: state, room, engine",
        .description =
            "A node is ready, not ready (its worker answers, its Docker engine does not: the reason is shown), silent "
            "(nothing is heard of its worker; its VMs are unknown) or lost (silent for longer than the broker's "
            "--lost-after). A ready node that is cordoned or draining takes no new VMs.",
        .examples = {{"mccli nodes", ""}},
    };
    VerbSpec info{
        .id = VerbId::node_info,
        .name = "nodes info",
        .aliases = {"nodes show"},
        .group = cloud_group,
        .operands = "NODE",
        .summary = "Show everything about one node, with its VMs",
        .description = "NODE is its name or its id. For viewers and admins, as `mccli nodes`.",
        .examples = {{"mccli nodes info lab-1", ""}, {"mccli nodes info lab-1 -o json | jq .labels", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
    std::vector<VerbSpec> all{nodes, info};
    for (auto& verb : node_verbs()) all.push_back(std::move(verb));
    for (auto& verb : image_verbs()) all.push_back(std::move(verb));
    all.push_back(watch_verb());
    for (auto& verb : request_verbs()) all.push_back(std::move(verb));
    return all;
}

std::vector<VerbSpec> config_verbs() {
    VerbSpec config{
        .id = VerbId::config,
        .name = "config",
        .group = help_group,
        .summary = "Show which options are set, and where",
        .description =
            "Every option can be given on the command line, in the environment and in an ini file, in this order of "
            "precedence. An option of one verb has the verb before it there: --image of create is create-image in the "
            "file and MC_CREATE_IMAGE in the environment. Nothing secret is among them: keys are in contexts.",
        .options = {{"all", 'a', "", "also options that are not set, with what they mean"}},
        .examples = {{"mccli config", ""}, {"mccli config -a -o wide", "all there are"}},
    };
    VerbSpec get{
        .id = VerbId::config_get,
        .name = "config get",
        .group = help_group,
        .operands = "OPTION",
        .summary = "Print what an option is set to",
        .description = "Code 4 when it is not set.",
        .examples = {{"mccli config get create-image", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
    VerbSpec set{
        .id = VerbId::config_set,
        .name = "config set",
        .group = help_group,
        .operands = "OPTION VALUE",
        .summary = "Keep an option in your ini file",
        .description =
            "The file is the one of --config or $MC_CONFIG, else ~/.config/minicloud/mccli.ini; its other lines stay "
            "as "
            "they are. Values that can be checked are. Of a repeatable option VALUE is a list with commas; a flag is "
            "true or false.",
        .examples = {{"mccli config set create-memory 1G", "of every VM from now on"},
                     {"mccli config set output wide", ""}},
        .operands_min = 2,
        .operands_max = 2,
    };
    VerbSpec unset{
        .id = VerbId::config_unset,
        .name = "config unset",
        .group = help_group,
        .operands = "OPTION",
        .summary = "Take an option out of your ini file",
        .description = "Code 4 when it is not there.",
        .examples = {{"mccli config unset create-memory", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
    return {config, get, set, unset};
}

std::vector<VerbSpec> more_verbs() {
    VerbSpec menu{
        .id = VerbId::menu,
        .name = "menu",
        .group = help_group,
        .summary = "A menu to choose from: create, list, ssh, delete, exit",
        .examples = {{"mccli menu", ""}},
    };
    VerbSpec completion{
        .id = VerbId::completion,
        .name = "completion",
        .group = help_group,
        .operands = "SHELL",
        .summary = "Print what makes bash, zsh or fish complete verbs, options and live names",
        .description =
            "VMs, nodes, images and contexts are looked up when Tab is pressed; a broker that does not answer within "
            "0.3 s, or the time that MC_CONNECT_TIMEOUT or the ini file gives it, is not waited for.",
        .examples = {{"source <(mccli completion bash)", "in ~/.bashrc"},
                     {"source <(mccli completion zsh)", "in ~/.zshrc"},
                     {"mccli completion fish >~/.config/fish/completions/mccli.fish", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
    constexpr std::size_t words_max = 10'000;
    VerbSpec complete{
        .id = VerbId::complete,
        .name = "complete",
        .group = help_group,
        .operands = "-- WORD...",
        .summary = "Print what the last WORD may become, for shells",
        .examples = {{"mccli complete -- ssh we", "what Tab asks"}},
        .operands_max = words_max,
        .hidden = true,
    };
    VerbSpec doctor{
        .id = VerbId::doctor,
        .name = "doctor",
        .group = help_group,
        .summary = "Say what is wrong, and what to do about it",
        .description =
            "Looks at this machine (context, key file, state directory, OpenSSH), at the broker (whether it answers, "
            "its "
            "version, its clock, its store and the disk that it is on, your key, its events) and at the cloud (nodes, "
            "their "
            "engines and disks, room, VMs), and says of "
            "each "
            "what was found: ok, a warning, failed, or that it was not asked. Of what is not ok, the next step stands "
            "with it. What only viewers and admins may ask, users are not told.\n\n"
            "Ends with 0 when nothing failed, else with 1, and with 3 when the broker can't be reached. An engine's "
            "disk is "
            "nearly full, a warning, with less than 10 % or 2 GiB free, and failed with less than 2 % or 256 MiB; the "
            "broker's with "
            "less than 10 % or 256 MiB, and 2 % or 32 MiB. A worker of release 0.1.0, or of an engine on another "
            "machine, "
            "does not tell.",
        .examples = {{"mccli doctor", ""},
                     {"mccli doctor -o json | jq -r '.[] | select(.state == \"failed\") | .next'", ""}},
    };
    VerbSpec version{
        .id = VerbId::version,
        .name = "version",
        .group = help_group,
        .summary = "Show the versions of this program, the broker and the nodes",
        .description = "The broker and nodes are shown when the broker answers; `mccli --version` asks nobody.",
        .examples = {{"mccli version", ""}},
    };
    VerbSpec help{
        .id = VerbId::help,
        .name = "help",
        .group = help_group,
        .operands = "[VERB]",
        .summary = "Explain a verb",
        .options =
            {
                {"markdown", 0, "", "print docs/cli.md", false, true},
                {"man", 0, "", "print the man page", false, true},
            },
        .examples = {{"mccli help create", ""}, {"mccli help nodes drain", ""}},
        .operands_max = 2,
    };
    std::vector<VerbSpec> all = config_verbs();
    for (auto& verb : {menu, completion, complete, doctor, version, help}) all.push_back(verb);
    return all;
}

const std::vector<OptionSpec>& common_options() {
    static const std::vector<OptionSpec> options{
        {"broker", 'b', "ENDPOINT",
         "where the broker takes clients (default: as the context says, else tcp://127.0.0.1:7710)"},
        {"context", 0, "CONTEXT",
         "which cloud, and with which key: a context's name, a file of one, or none: without keys (default: the "
         "current one)"},
        {"output", 'o', "FORMAT",
         "table, wide (all columns, uncut), json, yaml, csv or name (one a line); json and yaml make errors so too "
         "(default table)"},
        {"quiet", 'q', "", "no progress and no remarks; in lists only the names"},
        {"connect-timeout", 0, "DURATION", "how long to wait for a first sign of the broker (default 3s)"},
        {"state-dir", 0, "DIR",
         "where known_hosts and minicloud's own key are kept (default $XDG_STATE_HOME/minicloud)"},
        {"config", 0, "FILE", "ini file with options (default $XDG_CONFIG_HOME/minicloud/mccli.ini, if it is there)"},
        {"help", 'h', "", "show help, of a verb when one is given"},
        {"version", 'V', "", "show the version and end"},
    };
    return options;
}

}  // namespace mc::cli
