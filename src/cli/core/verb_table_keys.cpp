#include "cli/core/verb_table.hpp"

namespace mc::cli {
namespace {

constexpr std::string_view keys_group = "Who may do what";

VerbSpec keys_verb() {
    return VerbSpec{
        .id = VerbId::keys,
        .name = "keys",
        .aliases = {"key", "keys list"},
        .group = keys_group,
        .summary = "List the keys that are authorised: whose they are, and their roles",
        .description =
            "A key is who somebody is; several keys may have one name, and what any of them makes is that name's. What "
            "each role may do is in docs/security.md. A quota that is not shown is the broker's own. With --quiet only "
            "the fingerprints, one a line. Tokens are listed by `mccli token list`.",
        .examples =
            {
                {"mccli keys", ""},
                {"mccli keys -o json | jq -r '.[] | select(.role == \"admin\") | .name'", "the admins' names"},
            },
    };
}

VerbSpec revoke_verb() {
    VerbSpec verb = batch_verb(
        VerbId::keys_revoke, "keys revoke", "KEY...", "Take keys back, with all that is open with them",
        "KEY is a fingerprint, or a name: that means all keys and tokens of that name. What is open with them ends at "
        "once: streams, waiting requests, watches. Their VMs stay, and the node of a worker turns silent. The key that "
        "asks can't take itself back.",
        {},
        {{"mccli keys revoke ada", "all keys and tokens of ada"},
         {"mccli keys revoke 5be1f0c2a7d3e946", "one key of hers"}});
    verb.group = keys_group;
    return verb;
}

VerbSpec tokens_verb() {
    return VerbSpec{
        .id = VerbId::tokens,
        .name = "token",
        .aliases = {"tokens", "token list"},
        .group = keys_group,
        .summary = "List the tokens with which somebody can still join",
        .description =
            "A token admits as many new keys as it has uses left, until it expires; one that is used up is kept until "
            "then. What a token itself is was shown once, to who made it: the cloud does not know it. With --quiet "
            "only the fingerprints, one a line.",
        .examples = {{"mccli token", ""}, {"mccli token list -o json", ""}},
    };
}

VerbSpec token_create_verb() {
    return VerbSpec{
        .id = VerbId::token_create,
        .name = "token create",
        .group = keys_group,
        .summary = "Make a token, with which somebody joins this cloud",
        .description =
            "A token is one word that begins with mc1-, with the broker's address and key and a key of its own in it. "
            "It is "
            "made here and printed once; the cloud never sees its secret half. Who has it runs `mccli join`, or on a "
            "machine "
            "with a Docker engine `mcworker join`, and gets a key of their own with the role, name and quota of the "
            "token. With --quiet only the token is printed.\n\n"
            "Without --name each who joins says a name that is not taken. Several keys of one name are one owner, such "
            "as "
            "somebody's laptop and desktop.",
        .options =
            {
                {"role", 'r', "ROLE", "what they may do: user, viewer, admin or worker (docs/security.md)"},
                {"name", 0, "NAME", "what they are called: the owner of their VMs, or a worker's node"},
                {"ttl", 0, "DURATION", "how long the token is good for (default 15m, at most 30d)"},
                {"uses", 'n', "N", "how many keys it admits (default 1, at most 1000)"},
                {"key-ttl", 0, "DURATION", "the keys it admits expire that long after they joined (default: never)"},
                {"quota-vms", 0, "N", "VMs that each user may have at once (default: as the broker says)"},
                {"quota-cpus", 0, "CPUS", "cores of all their VMs"},
                {"quota-memory", 0, "SIZE", "memory of all their VMs"},
                {"quota-ttl", 0, "DURATION", "the longest time to live of one of their VMs"},
                {"endpoint", 0, "ENDPOINT", "where they reach the broker (default: where it takes clients)"},
            },
        .examples =
            {
                {"mccli token create --role user --name ada", ""},
                {"mccli token create --role user -n 30 --ttl 2h --quota-vms 2", "for a class; each says a name"},
                {"mccli token create --role worker --name lab-1", "a machine that offers room for VMs"},
            },
    };
}

VerbSpec token_revoke_verb() {
    VerbSpec verb = batch_verb(
        VerbId::token_revoke, "token revoke", "TOKEN...", "Take tokens back, so that nobody joins with them any more",
        "TOKEN is a fingerprint, or a name: that means all tokens for that name. Keys that have joined with them stay; "
        "those are taken back by `mccli keys revoke`.",
        {}, {{"mccli token revoke 5be1f0c2a7d3e946", ""}, {"mccli token revoke $(mccli token -q)", "all of them"}});
    verb.group = keys_group;
    return verb;
}

VerbSpec audit_verb() {
    return VerbSpec{
        .id = VerbId::audit,
        .name = "audit",
        .group = keys_group,
        .summary = "Show who did what to what, with which outcome, or verify that record",
        .description =
            "One line per outcome of a request that changes something, per stream that was opened, per join, and per "
            "first attempt in a minute at what a role may not do. `local` is who connected without a key, `broker` the "
            "broker itself. The newest 50,000 entries are kept.\n\n"
            "Each entry's hash covers the entry before it. With --verify the whole log is read and that chain is "
            "checked "
            "here, not by the broker; the last hash is printed (with --quiet nothing else). Note it elsewhere and give "
            "it "
            "with --noted the next time: who can write the broker's disk could make a new chain, but none with that "
            "hash "
            "in it. Ends with code 1 and says where, when something was changed.",
        .options =
            {
                {"since", 0, "SEQ", "the entries after number SEQ; 0 = all that are kept"},
                {"limit", 'n', "N", "N entries at most: the last ones, or with --since the first (default 50, or all)"},
                {"verify", 0, "", "check that nothing was changed, and print the last hash"},
                {"noted", 0, "HASH", "also check that HASH, printed earlier by --verify, is in the log"},
            },
        .examples =
            {
                {"mccli audit", "the latest"},
                {"mccli audit --verify -q >>noted", "check, and note the last hash"},
                {"mccli audit --noted $(tail -n 1 noted)", "nothing was changed since"},
                {"mccli audit --since 0 -o json | jq '.[] | select(.code == \"denied\")'", ""},
            },
    };
}

VerbSpec join_verb() {
    return VerbSpec{
        .id = VerbId::join,
        .name = "join",
        .group = keys_group,
        .operands = "TOKEN",
        .summary = "Join a cloud with a token, so that mccli can be used with it",
        .description =
            "Makes a key pair, has the public key admitted, and stores both with the broker's address and key as a "
            "context. The secret key never leaves this machine. The first context is used from then on, another one "
            "with --context. TOKEN is what an admin's `mccli token create` printed; - reads it from stdin, where no "
            "list of processes shows it. When it fails it can be repeated: the token is used once.",
        .options =
            {
                {"name", 0, "NAME", "what you are called there, where the token does not say (default: login name)"},
                {"as", 0, "CONTEXT", "what the context is called (default: from the broker's host)"},
                {"replace", 0, "", "give up the context of that name, with its key, for the new one"},
            },
        .examples = {{"mccli join mc1-…", ""}, {"mccli join - --as lab", "the token is asked for"}},
        .operands_min = 1,
        .operands_max = 1,
    };
}

VerbSpec contexts_verb() {
    return VerbSpec{
        .id = VerbId::contexts,
        .name = "context",
        .aliases = {"contexts", "context list"},
        .group = keys_group,
        .summary = "List the clouds that this mccli has joined",
        .description =
            "A context is a broker's address and public key, and a key of yours that it knows. The one marked "
            "with * is used where no other is named with --context and no broker with --broker; of several with the "
            "broker that is named, the one marked with *, else the first. With --quiet only the names.",
        .examples = {{"mccli context", ""}},
    };
}

VerbSpec context_show_verb() {
    return VerbSpec{
        .id = VerbId::context_show,
        .name = "context show",
        .group = keys_group,
        .operands = "[CONTEXT]",
        .summary = "Show one cloud that this mccli has joined, and as whom",
        .description =
            "CONTEXT is a name, or a file with one (with a / in it); without it the one that is used. The broker is "
            "asked "
            "what it knows this key as; when it does not answer, what is stored is shown, and why there is no more.",
        .examples = {{"mccli context show", ""}, {"mccli context show lab -o json | jq -r .role", ""}},
        .operands_max = 1,
    };
}

VerbSpec context_use_verb() {
    return VerbSpec{
        .id = VerbId::context_use,
        .name = "context use",
        .group = keys_group,
        .operands = "CONTEXT",
        .summary = "Choose the cloud that mccli is used with from now on",
        .examples = {{"mccli context use lab", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
}

VerbSpec context_remove_verb() {
    return VerbSpec{
        .id = VerbId::context_remove,
        .name = "context remove",
        .group = keys_group,
        .operands = "CONTEXT",
        .summary = "Forget a cloud, and delete this mccli's key for it",
        .description = "The cloud still knows the key: an admin takes it back with `mccli keys revoke`.",
        .examples = {{"mccli context remove lab", ""}},
        .operands_min = 1,
        .operands_max = 1,
    };
}

}  // namespace

std::vector<VerbSpec> key_verbs() {
    return {keys_verb(), revoke_verb(),   tokens_verb(),       token_create_verb(), token_revoke_verb(),  audit_verb(),
            join_verb(), contexts_verb(), context_show_verb(), context_use_verb(),  context_remove_verb()};
}

}  // namespace mc::cli
