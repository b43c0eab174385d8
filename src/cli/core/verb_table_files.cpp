#include "cli/core/verb_table.hpp"

namespace mc::cli {
namespace {

constexpr std::string_view group = "VMs";

constexpr OptionSpec prune_option{"prune", 0, "SELECTOR",
                                  "delete those of your VMs whose labels fit and that the file does not have"};

VerbSpec apply_verb() {
    return VerbSpec{
        .id = VerbId::apply,
        .name = "apply",
        .group = group,
        .summary = "Make the VMs of a file that are not there",
        .description =
            "FILE is YAML: a list vms: of maps, each with a name or a pattern (lab-{1..30}) and the options of "
            "`create` "
            "as fields, and a map defaults: with what they share. docs/vm-files.md describes it; a file that is not "
            "right is refused whole, with the line.\n\n"
            "The plan is shown first, as by `diff`; then what is missing is made, all at once, each VM with a result "
            "of its own. What is there as the file says is left alone, so that it can be repeated at any time. What "
            "differs can't be changed in place: it fails, or, with --replace, is deleted with everything in it and "
            "made anew. A stopped VM is not started, and what the file does not say is not compared. The file is about "
            "your own VMs.\n\n"
            "Before VMs are deleted it is asked; where there is nobody to ask, -y has to be given with --replace and "
            "--prune. "
            "Passwords are shown as by `create`.",
        .options =
            {
                file_option,
                {"dry-run", 0, "", "show the plan, and do nothing"},
                {"replace", 0, "", "delete VMs that differ, and make them anew, empty"},
                prune_option,
                {"sheet", 0, "FILE", "write the credentials of the new VMs into the new CSV file FILE"},
                {"yes", 'y', "", "don't ask before VMs are deleted"},
                {"timeout", 0, "DURATION", create_timeout_help},
            },
        .examples =
            {
                {"mccli apply -f lab.yaml", "make what is missing"},
                {"mccli apply -f lab.yaml --replace", "also make anew what differs; asks first"},
                {"mccli apply -f lab.yaml --prune class=unix1 -y", "and delete what was taken out of the file"},
            },
    };
}

VerbSpec diff_verb() {
    return VerbSpec{
        .id = VerbId::diff,
        .name = "diff",
        .group = group,
        .summary = "Show how the VMs that are there differ from a file",
        .description =
            "What `apply` with the same options would do, and in what a VM that is there differs. Ends with code 0 "
            "when "
            "there is nothing to do and with 1 when there is something; all that fails has other codes. -o name and "
            "--quiet print only the names of those that something is to be done about.",
        .options =
            {
                file_option,
                {"replace", 0, "", "as apply would do with --replace"},
                prune_option,
            },
        .examples = {{"mccli diff -f lab.yaml", ""}, {"mccli diff -f lab.yaml -q", "only the names, for a script"}},
    };
}

}  // namespace

std::vector<VerbSpec> file_verbs() {
    return {apply_verb(), diff_verb()};
}

}  // namespace mc::cli
