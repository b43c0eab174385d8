// Compares every output of mccli's core with its file in this folder, byte for
// byte. MC_GOLDEN_UPDATE=1 writes the files instead.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "base/version.hpp"
#include "cli/core/command_line.hpp"
#include "cli/core/commands.hpp"
#include "cli/core/config_file.hpp"
#include "cli/core/endpoints.hpp"
#include "cli/core/help.hpp"
#include "cli/core/key_commands.hpp"
#include "cli/core/listings.hpp"
#include "cli/core/placement_views.hpp"
#include "cli/core/plan_views.hpp"
#include "cli/core/ssh_command.hpp"
#include "cli/core/top_views.hpp"
#include "samples.hpp"

namespace {

namespace fs = std::filesystem;
using namespace mc;
using namespace mc::cli;

constexpr TextStyle piped{};
constexpr TextStyle wide{160, false};
constexpr TextStyle usual{80, false};
constexpr TextStyle narrow{40, false};
constexpr TextStyle coloured_wide{160, true};

using Outputs = std::map<std::string, std::string>;  // path from the top -> what must be in it

/// `name`.json, .yaml, .csv and -name.txt.
void add_formats(Outputs& out, const std::string& name, const View& view) {
    out[name + ".json"] = rendered(view, OutputFormat::json, piped);
    out[name + ".yaml"] = rendered(view, OutputFormat::yaml, piped);
    out[name + ".csv"] = rendered(view, OutputFormat::csv, piped);
    out[name + "-name.txt"] = rendered(view, OutputFormat::name, piped);
}

void add_listings(Outputs& out) {
    const auto vms = samples::vms();
    out["list.txt"] = text_vms(vms, samples::now, piped);
    out["list-160.txt"] = text_vms(vms, samples::now, wide);
    out["list-80.txt"] = text_vms(vms, samples::now, usual);
    out["list-40.txt"] = text_vms(vms, samples::now, narrow);
    auto long_named = vms.front();
    long_named.name = std::string(62, 'n');
    out["list-long-name-80.txt"] = text_vms({long_named}, samples::now, usual);
    out["list-colours.txt"] = text_vms(vms, samples::now, coloured_wide);
    add_formats(out, "list", view_vms(vms, samples::now));
    out["list-wide.txt"] = text_vms(vms, samples::now, {0, false, true});
    auto of_several = vms;
    of_several[1].owner = of_several[3].owner = "bob";
    out["list-owners.txt"] = text_vms(of_several, samples::now, piped);
    out["list-owners-80.txt"] = text_vms(of_several, samples::now, usual);
    out["list-owners-40.txt"] = text_vms(of_several, samples::now, narrow);
    out["list-owners-name.txt"] = names(json_vms(of_several));
    add_formats(out, "list-empty", view_vms({}, samples::now));
    out["info.txt"] = text_vm(vms.front(), samples::now, piped);
    out["info-full.txt"] = text_vm(vms.back(), samples::now, piped);
    add_formats(out, "info", view_vm(vms.back(), samples::now));
    const auto nodes = samples::nodes();
    out["nodes.txt"] = text_nodes(nodes, piped);
    out["nodes-80.txt"] = text_nodes(nodes, usual);
    out["nodes-40.txt"] = text_nodes(nodes, narrow);
    out["nodes-colours.txt"] = text_nodes(nodes, coloured_wide);
    add_formats(out, "nodes", view_nodes(nodes));
    for (const auto& node : nodes) {
        out["nodes-info-" + node.name + ".txt"] = text_node({node, {}}, samples::now, piped);
    }
    const NodeDetails details{nodes.front(), vms};
    out["nodes-info-vms.txt"] = text_node(details, samples::now, usual);
    add_formats(out, "nodes-info", view_node(details, samples::now));
}

void add_top(Outputs& out) {
    const auto nodes = samples::nodes();
    const Top top = make_top({}, samples::vms(), samples::usage(), nodes);
    out["top.txt"] = text_top(top, piped);
    out["top-80.txt"] = text_top(top, usual);
    out["top-40.txt"] = text_top(top, narrow);
    out["top-colours.txt"] = text_top(top, coloured_wide);
    add_formats(out, "top", view_top(top, false));
    add_formats(out, "top-nodes", view_top(top, true));
    out["top-nodes.txt"] = text_top_nodes(top, piped);
    auto of_several = samples::vms();
    of_several[1].owner = "bob";
    out["top-user.txt"] = text_top(make_top({}, of_several, samples::usage(), std::nullopt), piped);
    const TopHead head{samples::now, "cpu", ""};
    out["top-screen.txt"] = text_screen(top, head, false, 24, usual);
    out["top-screen-small.txt"] = text_screen(top, head, false, 8, narrow);
    out["top-screen-colours.txt"] = text_screen(top, head, false, 24, {80, true});
    add_formats(out, "top-empty", view_top({}, false));
}

void add_images(Outputs& out) {
    const auto rows = samples::images();
    out["images.txt"] = text_images(rows, samples::now, piped);
    out["images-40.txt"] = text_images(rows, samples::now, narrow);
    out["images-colours.txt"] = text_images(rows, samples::now, coloured_wide);
    add_formats(out, "images", view_images(rows, samples::now));
    add_formats(out, "images-empty", view_images({}, samples::now));
    const auto results = samples::image_results();
    out["images-results.txt"] = text_image_results(results);
    add_formats(out, "images-results", view_image_results(results));
}

void add_requests(Outputs& out) {
    const auto vms = samples::vms();
    const auto items = samples::items();
    out["create.txt"] = text_created(vms.front(), "");
    out["create-password.txt"] = text_created(vms.front(), "aB3dE5gH7jK9mN2p");
    out["create-no-sshd.txt"] = text_created(vms[1], "");
    out["create-many.txt"] = text_created_all(items, {}, usual);
    out["create-many-password.txt"] = text_created_all(items, {"aB3dE5gH7jK9mN2p", "failed"}, usual);
    out["create-sheet.csv"] = sheet(items, {"aB3dE5gH7jK9mN2p", "failed"});
    out["create-detach.txt"] = text_accepted({{"web", RequestId{1, 2}}, {"", RequestId{3, 4}}});
    out["create-detach.json"] = pretty(json_accepted({{"web", RequestId{1, 2}}, {"", RequestId{3, 4}}}));
    out["create.json"] = pretty(json_created(items.front(), ""));
    out["create-password.json"] = pretty(json_created(items.front(), "aB3dE5gH7jK9mN2p"));
    out["create-many.json"] = pretty(json_created_all(items, {}));
    out["start.txt"] = text_items(items, "started");
    out["stop.txt"] = text_items(items, "stopped");
    add_formats(out, "stop", view_items(items, "stopped"));
    const auto jobs = samples::jobs();
    out["jobs.txt"] = text_jobs(jobs, samples::now, usual);
    add_formats(out, "jobs", view_jobs(jobs, samples::now));
    out["job.txt"] = text_job(jobs.back(), samples::now, usual);
    out["job-under-way.txt"] = text_job(jobs.front(), samples::now, usual);
    add_formats(out, "job", view_job(jobs.back(), samples::now));
    const Versions versions{"0.1.0", "0.1.0", samples::nodes(), CloudId{7}, Epoch{2}, EventSeq{17}};
    out["version.txt"] = text_versions(versions);
    out["version-alone.txt"] = text_versions({"0.1.0", "", {}});
    add_formats(out, "version", view_versions(versions));
}

/// A file of VMs in a cloud that has some of them.
constexpr std::string_view vm_file = R"(
defaults: {labels: {class: unix1}, ttl: 2h}
vms:
  - {name: web, cpus: 2, memory: 512M}
  - {name: vm-1, labels: {}}
  - {name: lab, image: "debian:13", memory: 1G, env: {A: b}, labels: {term: 1}}
)";

void add_files(Outputs& out, const std::string& example) {
    const auto file = *read_vm_file(vm_file, "lab.yaml");
    auto vms = samples::vms();
    vms[0].name = "vm-1";
    vms[0].labels.clear();
    vms[0].owner = vms[1].owner = vms[2].owner = "ada";
    vms[1].name = "lab";
    vms[1].state = protocol::VmState::running;
    vms[1].labels = {{"class", "unix2"}};
    vms[2].name = "old";
    vms[2].labels = {{"class", "unix1"}};
    const auto plan = make_plan(file, vms, {.me = "ada"});
    out["diff.txt"] = text_plan(plan, piped);
    out["diff-80.txt"] = text_plan(plan, usual);
    out["diff-40.txt"] = text_plan(plan, narrow);
    out["diff-colours.txt"] = text_plan(plan, coloured_wide);
    add_formats(out, "diff", view_plan(plan));
    const auto whole = make_plan(file, vms, {.me = "ada", .replace = true, .prune = *Selector::parse("class=unix1")});
    out["diff-replace-prune.txt"] = text_plan(whole, usual);
    add_formats(out, "diff-empty", view_plan({}));
    Applied applied{whole, {}, {"aB3dE5gH7jK9mN2p", "", "", ""}};
    for (const auto& item : whole) applied.items.push_back({item.name, ErrorCode::ok, "", samples::vms().front()});
    applied.items[2] = {"lab", ErrorCode::no_capacity, "no node has room (the one before is deleted)", std::nullopt};
    out["apply.txt"] = rendered(view_applied(applied, true, false), OutputFormat::table, usual);
    out["apply-sheet.txt"] = rendered(view_applied(applied, false, false), OutputFormat::table, usual);
    out["apply-quiet.txt"] = rendered(view_applied(applied, true, true), OutputFormat::table, usual);
    add_formats(out, "apply", view_applied(applied, true, false));
    out["diff-example.txt"] = text_plan(make_plan(*read_vm_file(example, "lab.yaml"), {}, {}), usual);
}

void add_keys(Outputs& out) {
    const auto keys = only_keys(samples::keys());
    out["keys.txt"] = text_keys(keys, samples::now, piped);
    out["keys-80.txt"] = text_keys(keys, samples::now, usual);
    out["keys-40.txt"] = text_keys(keys, samples::now, narrow);
    add_formats(out, "keys", view_keys(keys, samples::now));
    const auto tokens = only_tokens(samples::keys());
    out["tokens.txt"] = text_tokens(tokens, samples::now, piped);
    out["tokens-80.txt"] = text_tokens(tokens, samples::now, usual);
    add_formats(out, "tokens", view_tokens(tokens, samples::now));
}

void add_new_token(Outputs& out) {
    NewToken one{"mc1-uzGmcA", {}, "tcp://cloud.lan:7710"};
    one.request.key = *PublicKey::from_bytes("0123456789abcdefghijklmnopqrstuv");
    one.request.role = protocol::Role::user;
    one.request.name = "ada";
    out["token-create.txt"] = text_new_token(one);
    one.request.name = "";
    one.request.uses = 30;
    one.request.ttl_seconds = 7200;
    one.request.quota.vms = 2;
    add_formats(out, "token-create", view_new_token(one));
    one.request.role = protocol::Role::worker;
    out["token-create-workers.txt"] = text_new_token(one);
}

void add_context(Outputs& out) {
    ContextDetails one;
    one.stored = {"lab",
                  true,
                  "tcp://cloud.lan:7710",
                  *PublicKey::from_bytes(std::string(32, 'b')),
                  *PublicKey::from_bytes(std::string(32, 'o')),
                  ""};
    one.silence = "the broker at tcp://cloud.lan:7710 does not answer; start it with mcbroker";
    out["context-show-silent.txt"] = text_context(one, piped);
    out["context-show-silent.json"] = pretty(json_context(one));
    one.silence = "";
    one.said.emplace();
    one.said->name = "ada";
    one.said->role = protocol::Role::user;
    one.said->version = "0.1.0";
    one.said->cloud = CloudId{0x84de3caf76eeff6c};
    one.said->events_endpoint = "tcp://0.0.0.0:7712";
    out["context-show.txt"] = text_context(one, piped);
    add_formats(out, "context-show", view_context(one));
    const std::vector<ContextView> contexts{one.stored};
    out["context.txt"] = text_contexts(contexts, piped);
    add_formats(out, "context", view_contexts(contexts));
    ContextDetails damaged;
    damaged.stored = {"old", false, "", {}, {}, "old.context holds a secret key, and others may read it"};
    out["context-show-trouble.txt"] = text_context(damaged, piped);
}

void add_placement(Outputs& out) {
    const protocol::PlacementReply reply{{{"lab-1", "node-a", ErrorCode::ok, ""},
                                          {"lab-2", "", ErrorCode::no_capacity, "no node can take it"},
                                          {"", "node-b", ErrorCode::ok, ""}},
                                         {{"node-a", 1, "all its 4 slots are used"},
                                          {"node-b", 1, ""},
                                          {"node-c", 0, ""},
                                          {"node-d", 0, "it is silent"}}};
    out["create-dry-run.txt"] = rendered(view_placement(reply), OutputFormat::table, usual);
    add_formats(out, "create-dry-run", view_placement(reply));
}

void add_config(Outputs& out) {
    const Settings settings({{"output", {"wide"}}, {"create-label", {"class=unix1", "term=1"}}},
                            {{"output", "MC_OUTPUT"}, {"create-label", "/home/ada/.config/minicloud/mccli.ini:3"}});
    const auto rows = config_rows(settings, false);
    out["config.txt"] = rendered(view_config(rows), OutputFormat::table, usual);
    out["config-wide.txt"] = rendered(view_config(rows), OutputFormat::wide, piped);
    add_formats(out, "config", view_config(rows));
    add_formats(out, "config-empty", view_config({}));
}

void add_doctor(Outputs& out) {
    DoctorFacts facts;
    facts.now = samples::now;
    facts.version = "0.1.0";
    facts.route = RouteFacts{"tcp://cloud.lan:7710", "", "lab", "", "/home/ada/.config/minicloud/contexts/lab.context",
                             "0123456789abcdef"};
    facts.machine = {"/home/ada/.local/state/minicloud", {}, "OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.11"};
    BrokerFacts broker;
    broker.hello.version = "0.1.0";
    broker.hello.name = "ada";
    broker.hello.role = protocol::Role::admin;
    broker.hello.time = WallTime{samples::now.unix_ms + 9000};
    broker.hello.disk = {200ULL << 20, 1ULL << 30};
    broker.asked = samples::now;
    broker.answered = WallTime{samples::now.unix_ms + 2};
    broker.events_endpoint = "tcp://cloud.lan:7712";
    broker.nodes = samples::nodes();
    broker.vms = samples::vms();
    facts.broker = broker;
    const auto checks = diagnose(facts);
    out["doctor.txt"] = text_checks(checks, piped);
    out["doctor-80.txt"] = text_checks(checks, usual);
    out["doctor-colours.txt"] = text_checks(checks, coloured_wide);
    add_formats(out, "doctor", view_checks(checks));
    facts.broker = fail(ErrorCode::broker_unreachable, "the broker at tcp://cloud.lan:7710 does not answer; start it");
    out["doctor-alone-80.txt"] = text_checks(diagnose(facts), usual);
}

void add_audit(Outputs& out) {
    const auto log = samples::audit();
    out["audit.txt"] = text_audit(log, piped);
    out["audit-80.txt"] = text_audit(log, usual);
    out["audit-colours.txt"] = text_audit(log, coloured_wide);
    add_formats(out, "audit", view_audit(log));
    AuditCheck check(log[1].hash);
    if (check.on_page({log, 1, 4})) {
        out["audit-verify.txt"] = text_audit_check(check);
        add_formats(out, "audit-verify", view_audit_check(check));
    }
    const AuditCheck empty("");
    out["audit-verify-empty.txt"] = text_audit_check(empty);
    out["audit-verify-empty.json"] = pretty(json_audit_check(empty));
}

void add_watch(Outputs& out) {
    std::string text = text_gap(EventSeq{1}, EventSeq{1}) + text_gap(EventSeq{2}, EventSeq{16});
    std::string colours;
    std::string json = line(json_gap(EventSeq{2}, EventSeq{16}));
    for (const auto& event : samples::events()) {
        text += text_event(event, "ada", piped);
        colours += text_event(event, "ada", coloured_wide);
        json += line(json_event(event));
    }
    out["watch.txt"] = text + text_other_cloud(CloudId{7});
    out["watch-colours.txt"] = colours;
    out["watch.json"] = json + line(json_other_cloud(CloudId{7}));
}

/// What a person sees for each mistake, with the exit code it ends with.
void add_errors(Outputs& out) {
    std::string text;
    std::string json;
    std::string yaml;
    const auto say = [&](const Error& error) {
        const ExitCode code = exit_code_for(error.code);
        text += "[" + std::to_string(static_cast<int>(code)) + "] " + text_error(error);
        json += rendered_error(error, code, OutputFormat::json);
        yaml += rendered_error(error, code, OutputFormat::yaml);
    };
    const std::vector<std::vector<std::string>> lines{
        {"crate"},     {"launch"}, {"create", "--memroy", "1G"}, {"create", "--name"}, {"delete"},
        {"jobs", "x"}, {"-z"},     {"keys", "revoke"},           {"token", "revoke"},  {"keys", "revok", "x"}};
    for (const auto& line : lines) say(split_command_line(line).error());
    const std::vector<Settings::Values> creates{{{"memory", {"1X"}}}, {{"memory", {"1M"}}}, {{"cpus", {"lots"}}},
                                                {{"ttl", {"soon"}}},  {{"count", {"0"}}},   {{"name", {"My_VM"}}},
                                                {{"label", {"x"}}},   {{"env", {"1=2"}}},   {{"image", {"a b"}}}};
    for (const auto& values : creates) say(read_create(Settings(values), {}).error());
    say(read_common(Settings(Settings::Values{{"output", {"xml"}}})).error());
    const std::vector<std::vector<std::string>> revokes{{"ada"}, {"bob"}, {"Bob"}};
    for (const auto& names : revokes) {
        if (auto revoke = read_token_revoke(names, samples::keys()); !revoke) say(revoke.error());
    }
    const std::vector<Settings::Values> tokens{{},
                                               {{"role", {"joiner"}}},
                                               {{"role", {"user"}}, {"name", {"Ada"}}},
                                               {{"role", {"user"}}, {"ttl", {"60d"}}},
                                               {{"role", {"admin"}}, {"quota-vms", {"3"}}}};
    for (const auto& values : tokens) say(read_token_create(Settings(values)).error());
    say(token_endpoint("", "ipc:///run/mc", "ipc:///run/mc").error());
    say(token_endpoint("", "tcp://*:7710", "ipc:///run/mc").error());
    say(token_endpoint("cloud.lan", "tcp://*:7710", "ipc:///run/mc").error());
    say(read_audit(Settings(Settings::Values{{"verify", {"true"}}, {"since", {"3"}}})).error());
    say(read_audit(Settings(Settings::Values{{"noted", {"0123"}}})).error());
    const std::vector<std::string_view> files{"",
                                              "vms:",
                                              "vms: [",
                                              "vm: []",
                                              "vms: [{nam: a}]",
                                              "vms: [{name: a, cpus: lots}]",
                                              "vms: [{name: a}, {name: a}]",
                                              "a: &a b",
                                              "vms: [{name: a, env: [b]}]"};
    for (const auto& file : files) say(read_vm_file(file, "lab.yaml").error());
    for (const auto& item :
         make_plan(*read_vm_file("vms: [{name: vm-1, cpus: 64, labels: {}}]", "f"), samples::vms(), {"ada"})) {
        const auto alone = left_alone(item);
        say({alone.code, alone.message});
    }
    for (const auto& vm : samples::vms()) {
        if (auto way = choose_ssh_way(vm, vm.name); !way) say(way.error());
    }
    say({ErrorCode::no_capacity, "no node has room; delete VMs or add a node"});
    say({ErrorCode::engine_failed, "evil \x1b[2J words of an engine"});
    out["errors.txt"] = text;
    out["errors.json"] = json;
    out["errors.yaml"] = yaml;
}

void add_help(Outputs& out) {
    out["help.txt"] = help_overview(80);
    out["help-40.txt"] = help_overview(40);
    for (const auto& verb : verbs()) {
        std::string name = "help-" + std::string(verb.name) + ".txt";
        std::replace(name.begin(), name.end(), ' ', '-');
        out[name] = help_verb(verb, 80);
    }
}

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
}

/// Prints the first line that differs. True when the file is as it must be.
bool check(const fs::path& path, const std::string& wanted) {
    const std::string found = read(path);
    if (found == wanted) return true;
    std::istringstream a(found);
    std::istringstream b(wanted);
    std::string left;
    std::string right;
    int number = 0;
    do {
        ++number;
        left = std::getline(a, left) ? left : "(end of file)";
        right = std::getline(b, right) ? right : "(end of output)";
    } while (left == right && a && b);
    std::printf("%s:%d\n  file:   %s\n  output: %s\n", path.c_str(), number, left.c_str(), right.c_str());
    return false;
}

}  // namespace

int main() {
    const fs::path top = MC_SOURCE_DIR;
    const fs::path folder = top / "tests/golden/cli";
    Outputs outputs;
    add_listings(outputs);
    add_top(outputs);
    add_images(outputs);
    add_requests(outputs);
    add_files(outputs, read(top / "docs/examples/lab.yaml"));
    add_keys(outputs);
    add_new_token(outputs);
    add_context(outputs);
    add_placement(outputs);
    add_config(outputs);
    add_doctor(outputs);
    add_audit(outputs);
    add_watch(outputs);
    add_errors(outputs);
    add_help(outputs);
    std::map<fs::path, std::string> files;
    for (const auto& [name, text] : outputs) files[folder / name] = text;
    files[top / "docs/cli.md"] = help_markdown();
    files[top / "docs/man/mccli.1"] = help_man(mc::version);

    const bool update = std::getenv("MC_GOLDEN_UPDATE") != nullptr;
    bool good = true;
    if (read(top / "docs/vm-files.md").find(read(top / "docs/examples/lab.yaml")) == std::string::npos) {
        std::printf("docs/vm-files.md does not show docs/examples/lab.yaml as it is\n");
        good = false;
    }
    for (const auto& [path, text] : files) {
        if (update)
            std::ofstream(path, std::ios::binary) << text;
        else
            good = check(path, text) && good;
    }
    for (const auto& entry : fs::directory_iterator(folder)) {
        const auto extension = entry.path().extension();
        const bool output = extension == ".txt" || extension == ".json" || extension == ".yaml" || extension == ".csv";
        if (!output || files.contains(entry.path())) continue;
        if (entry.path().filename() == "CMakeLists.txt") continue;
        std::printf("%s belongs to no output any more: remove it\n", entry.path().c_str());
        good = false;
    }
    if (!good) std::printf("If the change is wanted: MC_GOLDEN_UPDATE=1 golden_cli, then read the diff.\n");
    return good ? 0 : 1;
}
