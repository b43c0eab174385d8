#include "cli/core/verb_table.hpp"

namespace mc::cli {
namespace {

constexpr std::string_view group = "Who may do what";

VerbSpec keys_verb() {
    return VerbSpec{
        .id = VerbId::keys,
        .name = "keys",
        .aliases = {"key", "keys list"},
        .group = group,
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
    verb.group = group;
    return verb;
}

VerbSpec tokens_verb() {
    return VerbSpec{
        .id = VerbId::tokens,
        .name = "token",
        .aliases = {"tokens", "token list"},
        .group = group,
        .summary = "List the tokens with which somebody can still join",
        .description =
            "A token admits as many new keys as it has uses left, until it expires; one that is used up is kept until "
            "then. What a token itself is was shown once, to who made it: the cloud does not know it. With --quiet "
            "only the fingerprints, one a line.",
        .examples = {{"mccli token", ""}, {"mccli token list -o json", ""}},
    };
}

VerbSpec token_revoke_verb() {
    VerbSpec verb = batch_verb(
        VerbId::token_revoke, "token revoke", "TOKEN...", "Take tokens back, so that nobody joins with them any more",
        "TOKEN is a fingerprint, or a name: that means all tokens for that name. Keys that have joined with them stay; "
        "those are taken back by `mccli keys revoke`.",
        {}, {{"mccli token revoke 5be1f0c2a7d3e946", ""}, {"mccli token revoke $(mccli token -q)", "all of them"}});
    verb.group = group;
    return verb;
}

}  // namespace

std::vector<VerbSpec> key_verbs() {
    return {keys_verb(), revoke_verb(), tokens_verb(), token_revoke_verb()};
}

}  // namespace mc::cli
