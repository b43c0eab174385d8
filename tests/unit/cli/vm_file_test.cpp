#include "cli/core/vm_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "cli/core/apply_commands.hpp"
#include "cli/core/yaml_tree.hpp"

namespace mc::cli {
namespace {

using Strings = std::vector<std::string>;

VmFile good(std::string_view text) {
    auto file = read_vm_file(text, "f");
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    return file ? std::move(*file) : VmFile{};
}

std::string wrong(std::string_view text) {
    const auto file = read_vm_file(text, "lab.yaml");
    if (file) return "(accepted)";
    EXPECT_EQ(file.error().code, ErrorCode::invalid_argument);
    return file.error().message;
}

TEST(VmFile, ReadsEveryFieldAsCreateDoes) {
    const auto file = good(R"(vms:
  - name: web
    image: debian:12
    cpus: 0.5
    memory: 1G
    pids: 100
    keys: [a.pub, b.pub]
    password: true
    env: {A: b=c, B: ""}
    labels: {x: 1, "y/z": two words}
    ttl: 2h
    node: node-1
    policy: pack
    require: {disk: ssd}
    prefer: {room: 2}
    setup: setup.sh
    on-lost: replace
)");
    ASSERT_EQ(file.vms.size(), 1U);
    const auto& [name, command, fields] = file.vms.front();
    const auto& spec = command.request.spec;
    EXPECT_EQ(name, "web");
    EXPECT_EQ(spec.name, "web");
    EXPECT_EQ(command.names, Strings{"web"});
    EXPECT_EQ(spec.image, "debian:12");
    EXPECT_EQ(spec.cpus_milli, 500U);
    EXPECT_EQ(spec.memory_bytes, 1ULL << 30);
    EXPECT_EQ(spec.pids, 100U);
    EXPECT_EQ(command.key_files, (Strings{"a.pub", "b.pub"}));
    EXPECT_TRUE(command.password);
    EXPECT_EQ(spec.env, (Strings{"A=b=c", "B="}));
    EXPECT_EQ(spec.labels, (std::vector<protocol::Label>{{"x", "1"}, {"y/z", "two words"}}));
    EXPECT_EQ(spec.ttl_seconds, 7200U);
    EXPECT_EQ(command.request.node, "node-1");
    EXPECT_EQ(command.request.placement,
              (protocol::Placement{protocol::PlacementPolicy::pack, {{"disk", "ssd"}}, {{"room", "2"}}}));
    EXPECT_EQ(command.setup_file, "setup.sh");
    EXPECT_EQ(command.request.on_lost, protocol::OnLost::replace);
    EXPECT_EQ(fields.size(), file_fields().size());
}

// Whoever adds an option to create decides whether files have it too.
TEST(VmFile, HasAFieldForEachOptionThatSaysWhatAVmIs) {
    const std::array<std::string_view, 8> of_the_command{"name",    "count",   "sheet",          "detach",
                                                         "timeout", "dry-run", "all-or-nothing", "wait"};
    for (const auto& option : verb_of(VerbId::create).options) {
        const auto fields = file_fields();
        const auto has = [&](const auto& field) { return field.option == option.name; };
        const bool is_field = std::any_of(fields.begin(), fields.end(), has);
        const bool is_not =
            std::find(of_the_command.begin(), of_the_command.end(), option.name) != of_the_command.end();
        EXPECT_NE(is_field, is_not) << option.name;
    }
}

TEST(VmFile, TakesDefaultsWhereAVmSaysNothing) {
    const auto file = good(R"(
vms:
- name: a
- {name: b, cpus: 2, labels: {class: b, own: x}, keys: own.pub, password: false}
defaults:
  cpus: 1
  password: true
  keys: [all.pub]
  labels: {class: unix1, "term": "1"}
)");
    ASSERT_EQ(file.vms.size(), 2U);
    EXPECT_EQ(file.vms[0].command.request.spec.cpus_milli, 1000U);
    EXPECT_TRUE(file.vms[0].command.password);
    EXPECT_EQ(file.vms[0].command.request.spec.labels,
              (std::vector<protocol::Label>{{"class", "unix1"}, {"term", "1"}}));
    const auto& b = file.vms[1].command;
    EXPECT_EQ(b.request.spec.cpus_milli, 2000U);
    EXPECT_FALSE(b.password);
    EXPECT_EQ(b.key_files, Strings{"own.pub"});
    EXPECT_EQ(b.request.spec.labels, (std::vector<protocol::Label>{{"class", "b"}, {"own", "x"}, {"term", "1"}}));
}

TEST(VmFile, ExpandsPatterns) {
    const auto file = good("vms: [{name: 'lab-{01..03}', cpus: 2}, {name: \"{web,db}\"}]");
    Strings names;
    for (const auto& vm : file.vms) names.push_back(vm.command.request.spec.name);
    EXPECT_EQ(names, (Strings{"lab-01", "lab-02", "lab-03", "web", "db"}));
    EXPECT_EQ(file.vms[2].command.request.spec.cpus_milli, 2000U);
    EXPECT_EQ(file.vms[3].command.request.spec.cpus_milli, 0U);
    EXPECT_EQ(good("vms: []").vms.size(), 0U);
}

TEST(VmFile, SaysWhereAndWhatIsWrong) {
    EXPECT_EQ(wrong("vms:\n- name: a\n  memroy: 1G\n"),
              "lab.yaml:3: a VM has no field \"memroy\"; did you mean memory?");
    EXPECT_EQ(wrong("vms:\n- name: a\n  label: {}\n"), "lab.yaml:3: a VM has no field \"label\"; did you mean labels?");
    EXPECT_EQ(wrong("vms:\n- name: a\n  on_lost: keep\n"),
              "lab.yaml:3: a VM has no field \"on_lost\"; did you mean on-lost?");
    EXPECT_EQ(wrong("defaults: {name: a}\nvms: []"),
              "lab.yaml:1: defaults has no field \"name\": use image, cpus, memory, pids, keys, password, env, labels, "
              "ttl, node, policy, require, prefer, setup, on-lost");
    EXPECT_EQ(wrong("vm: []"), "lab.yaml:1: the file has no field \"vm\"; did you mean vms?");
    EXPECT_EQ(wrong("vms:\n- name: a\n  memory: 1X\n"),
              "lab.yaml:3: memory: \"1X\" is not a size: write it as 512M or 2G");
    EXPECT_EQ(wrong("vms:\n- name: a\n  cpus: 0.001\n"),
              "lab.yaml:3: cpus must be between 10 and 1024000 thousandths of a core, not 1");
    EXPECT_EQ(wrong("vms:\n- name: a\n  image: a b\n"),
              "lab.yaml:3: image \"a b\" is not a valid image name: write it as [host/]name[:tag]");
    EXPECT_EQ(wrong("vms:\n- name: a\n  cpus: [2]\n"), "lab.yaml:3: cpus must be one value, not a list");
    EXPECT_EQ(wrong("vms:\n- name: a\n  cpus:\n"), "lab.yaml:3: cpus has no value; \"\" is the empty one");
    EXPECT_EQ(wrong("vms:\n- name: a\n  image: ''\n"), "lab.yaml:3: image is empty; leave it out for the default");
    EXPECT_EQ(wrong("vms:\n- name: a\n  password: yes\n"), "lab.yaml:3: password must be true or false, not \"yes\"");
    EXPECT_EQ(wrong("vms:\n- name: a\n  env: [A=b]\n"),
              "lab.yaml:3: env must be a map, each entry KEY: VALUE, not a list; {} is the empty one");
    EXPECT_EQ(wrong("vms:\n- name: a\n  env:\n    A=b: c\n"),
              "lab.yaml:4: \"A=b\" of env has a = in it: write KEY: VALUE");
    EXPECT_EQ(wrong("vms:\n- name: a\n  labels: {a: [b]}\n"),
              "lab.yaml:3: \"a\" of labels must be one value, not a list");
    EXPECT_EQ(wrong("vms:\n- name: a\n  keys: {a: b}\n"), "lab.yaml:3: keys must be a list, not a map");
    EXPECT_EQ(wrong("vms:\n- cpus: 2\n"),
              "lab.yaml:2: this VM has no name: give it one, such as name: web, or a pattern, such as lab-{1..30}");
    EXPECT_EQ(wrong("vms:\n- web\n"),
              "lab.yaml:2: each of vms must be a map with a name, such as - name: web, not one value");
    EXPECT_EQ(wrong("vms:\n- name: {web,db}\n"),
              "lab.yaml:2: name: a pattern that begins with { needs quotes: \"{web,db}\"");
    EXPECT_EQ(
        wrong("vms:\n- name: My_VM\n"),
        "lab.yaml:2: VM name \"My_VM\" is not valid: use 1 to 63 of a-z, 0-9 and '-', not beginning or ending with "
        "'-'");
    EXPECT_EQ(wrong("vms: {name: a}"),
              "lab.yaml:1: vms must be a list, each VM with a dash (- name: web), not a map; [] is the empty list");
    EXPECT_EQ(wrong("- name: a"), "lab.yaml:1: a file of VMs is a map: it begins with vms:, and a list below it");
    EXPECT_EQ(wrong("defaults: {}"), "lab.yaml:1: there is no vms: in the file, the list of the VMs");
}

TEST(VmFile, HasEachNameOnce) {
    EXPECT_EQ(wrong("vms:\n- name: lab-{1..3}\n- name: lab-2\n"),
              "lab.yaml:3: name: there is a VM lab-2 already, in line 2");
}

TEST(VmFile, HasAsManyVmsAsOneRequestMayMake) {
    EXPECT_EQ(good("vms: [{name: 'a-{1..600}'}, {name: 'b-{1..400}'}]").vms.size(), limits::batch_max);
    EXPECT_EQ(wrong("vms:\n- name: a-{1..600}\n- name: b-{1..401}\n"),
              "lab.yaml:3: these are over 1000 VMs in one file");
}

TEST(Yaml, NothingInItGrowsOrMeansSomethingElse) {
    EXPECT_EQ(wrong("a: &x [b]\nvms: *x\n"),
              "lab.yaml:1: anchors (&) and aliases (*) are not taken; what several VMs share goes under defaults:");
    EXPECT_EQ(wrong("vms:\n- name: !!str a\n"), "lab.yaml:2: tags (!) are not taken; leave it out");
    EXPECT_EQ(wrong("vms:\n- name: a\n  name: b\n"), "lab.yaml:3: name is here twice, first in line 2");
    EXPECT_EQ(wrong("vms: []\n---\nvms: []\n"), "lab.yaml:2: a second document begins here; there can be one");
    EXPECT_EQ(wrong("{a: b},{a: b},"), "lab.yaml:1: a second document begins here; there can be one");
    EXPECT_EQ(wrong("? [a]\n: b\n"), "lab.yaml:1: the name of a field is missing before the ':'");
    EXPECT_EQ(wrong("vms: [\n"), "lab.yaml:2: this is not YAML: end of sequence flow not found");
    EXPECT_EQ(wrong("vms:\n\t- name: a\n").substr(0, 28), "lab.yaml:2: this is not YAML");
    EXPECT_EQ(wrong("vms: []\n\xC8: x"), "lab.yaml is not UTF-8 text");
    EXPECT_EQ(wrong(std::string("\0v\0m", 4)), "lab.yaml is not UTF-8 text");
    EXPECT_EQ(wrong("vms: \"\\\u00C8\""), "lab.yaml:1: this is not YAML: unknown escape character: \uFFFD");
    EXPECT_EQ(wrong("\xFF\xFEv"), "lab.yaml is not UTF-8 text");
    EXPECT_EQ(wrong(""), "lab.yaml is empty");
    EXPECT_EQ(wrong("# nothing\n"), "lab.yaml is empty");
}

TEST(Yaml, HasLimits) {
    const std::string at_limit = std::string(yaml_depth_max, '[') + std::string(yaml_depth_max, ']');
    EXPECT_TRUE(read_yaml(at_limit, "f"));
    EXPECT_EQ(wrong("[" + at_limit + "]"), "lab.yaml:1: lists and maps are over 8 deep in each other here");
    EXPECT_EQ(wrong(std::string(100'000, '[')), "lab.yaml:1: lists and maps are over 8 deep in each other here");
    const std::string comment = "vms: []\n#";
    EXPECT_TRUE(read_vm_file(comment + std::string(yaml_bytes_max - comment.size(), 'x'), "f"));
    EXPECT_EQ(wrong(std::string(yaml_bytes_max + 1, '#')), "lab.yaml is over 1 MiB: split it into several files");
}

TEST(ApplyCommand, NeedsAFile) {
    EXPECT_EQ(read_apply(VerbId::diff, {}).error().message,
              "mccli diff needs a file of VMs: mccli diff -f FILE; see: mccli help diff");
    const auto command = read_apply(VerbId::apply, Settings(Settings::Values{{"file", {"f"}}, {"prune", {"a=b"}}}));
    ASSERT_TRUE(command);
    EXPECT_TRUE(command->may_delete());
    EXPECT_EQ(read_apply(VerbId::apply, Settings(Settings::Values{{"file", {"f"}}, {"prune", {","}}})).error().code,
              ErrorCode::invalid_argument);
    EXPECT_EQ(read_apply(VerbId::apply, Settings(Settings::Values{{"file", {"f"}}, {"timeout", {"0s"}}})).error().code,
              ErrorCode::invalid_argument);
}

TEST(ApplyCommand, KeyFilesAreFoundFromTheFile) {
    EXPECT_EQ(key_path("a.pub", "lab.yaml", "/home/ada"), "a.pub");
    EXPECT_EQ(key_path("keys/a.pub", "class/lab.yaml", "/home/ada"), "class/keys/a.pub");
    EXPECT_EQ(key_path("/a.pub", "class/lab.yaml", "/home/ada"), "/a.pub");
    EXPECT_EQ(key_path("~/.ssh/a.pub", "class/lab.yaml", "/home/ada"), "/home/ada/.ssh/a.pub");
    EXPECT_EQ(key_path("a.pub", "-", "/home/ada"), "a.pub");
}

TEST(Delete, TakesAFileInsteadOfNames) {
    const Settings settings(Settings::Values{{"file", {"lab.yaml"}}});
    EXPECT_EQ(read_action(VerbId::remove, settings, {})->file, "lab.yaml");
    EXPECT_EQ(read_action(VerbId::remove, settings, Strings{"web"}).error().code, ErrorCode::usage);
    EXPECT_EQ(read_action(VerbId::remove, settings, Strings{"lab-*"}).error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace mc::cli
