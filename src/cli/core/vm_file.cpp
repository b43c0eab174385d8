#include "cli/core/vm_file.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "cli/core/suggest.hpp"
#include "cli/core/text.hpp"
#include "cli/core/yaml_tree.hpp"

namespace mc::cli {
namespace {

using YamlKind = YamlNode::Kind;
using Shape = FileField::Shape;

constexpr std::array<FileField, 15> fields{{
    {"image", "image", Shape::text},
    {"cpus", "cpus", Shape::text},
    {"memory", "memory", Shape::text},
    {"pids", "pids", Shape::text},
    {"keys", "key", Shape::list},
    {"password", "password", Shape::flag},
    {"env", "env", Shape::map},
    {"labels", "label", Shape::map},
    {"ttl", "ttl", Shape::text},
    {"node", "node", Shape::text},
    {"policy", "policy", Shape::text},
    {"require", "require", Shape::map},
    {"prefer", "prefer", Shape::map},
    {"setup", "setup", Shape::text},
    {"on-lost", "on-lost", Shape::text},
}};

/// What a field was given: of a list or map several, a map's each as KEY=VALUE.
struct Given {
    std::vector<std::string> values;
    std::size_t line = 0;
};
using GivenFields = std::map<std::string_view, Given>;  // by FileField::name

std::string_view called(YamlKind kind) {
    switch (kind) {
        case YamlKind::nothing:
            return "nothing";
        case YamlKind::text:
            return "one value";
        case YamlKind::list:
            return "a list";
        case YamlKind::map:
            return "a map";
    }
    return "nothing";
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t shown_max = 40;
    return "\"" + shortened(text, shown_max) + "\"";
}

/// "label" is near "labels"; "on_lost" too.
std::string unknown_field(std::string_view where, std::string_view name, const std::vector<std::string>& known) {
    std::string out = std::string(where) + " has no field " + in_quotes(name);
    if (const auto near = nearest(name, known)) return out + "; did you mean " + *near + "?";
    out += ": use ";
    for (std::size_t i = 0; i < known.size(); ++i) out += (i == 0 ? "" : ", ") + known[i];
    return out;
}

class Reader {
public:
    explicit Reader(std::string_view name) : called_(name) {}

    Result<VmFile> read(const YamlNode& root) {
        if (root.kind != YamlKind::map)
            return at(root, "a file of VMs is a map: it begins with vms:, and a list below it");
        const YamlNode* vms = nullptr;
        for (const auto& item : root.items) {
            if (item.key == "vms") {
                vms = &item;
            } else if (item.key == "defaults") {
                auto given = read_fields(item, "defaults");
                if (!given) return fail(given.error());
                defaults_ = std::move(*given);
            } else {
                return at(item, unknown_field("the file", item.key, {"vms", "defaults"}));
            }
        }
        if (vms == nullptr) return at(root, "there is no vms: in the file, the list of the VMs");
        if (vms->kind != YamlKind::list) {
            return at(*vms, "vms must be a list, each VM with a dash (- name: web), not " +
                                std::string(called(vms->kind)) + "; [] is the empty list");
        }
        for (const auto& entry : vms->items) {
            if (auto added = add(entry); !added) return fail(added.error());
        }
        return std::move(file_);
    }

private:
    tl::unexpected<Error> at(const YamlNode& node, std::string_view sentence) const {
        return fail_at(called_, node.line, sentence);
    }

    /// What create says of an option, said of a field: without the dashes.
    tl::unexpected<Error> at(std::size_t line, std::string_view field, std::string_view option, Error error) const {
        const std::string dashed = "--" + std::string(option);
        if (error.message.starts_with(dashed)) error.message.replace(0, dashed.size(), field);
        return fail_at(called_, line, error.message);
    }

    Result<std::string> text_of(const YamlNode& node, std::string_view what) const {
        if (node.kind == YamlKind::text) return node.text;
        if (node.kind == YamlKind::nothing) return at(node, std::string(what) + " has no value; \"\" is the empty one");
        return at(node, std::string(what) + " must be one value, not " + std::string(called(node.kind)));
    }

    Result<std::vector<std::string>> list_of(const YamlNode& node, std::string_view what) const {
        std::vector<std::string> out;
        if (node.kind == YamlKind::map) return at(node, std::string(what) + " must be a list, not a map");
        if (node.kind != YamlKind::list) {
            auto text = text_of(node, what);
            if (!text) return fail(text.error());
            return std::vector<std::string>{std::move(*text)};
        }
        for (const auto& item : node.items) {
            auto text = text_of(item, "each of " + std::string(what));
            if (!text) return fail(text.error());
            out.push_back(std::move(*text));
        }
        return out;
    }

    Result<std::vector<std::string>> map_of(const YamlNode& node, std::string_view what) const {
        if (node.kind != YamlKind::map) {
            return at(node, std::string(what) + " must be a map, each entry KEY: VALUE, not " +
                                std::string(called(node.kind)) + "; {} is the empty one");
        }
        std::vector<std::string> out;
        for (const auto& item : node.items) {
            if (item.key.find('=') != std::string::npos) {
                return at(item, in_quotes(item.key) + " of " + std::string(what) + " has a = in it: write KEY: VALUE");
            }
            auto text = text_of(item, in_quotes(item.key) + " of " + std::string(what));
            if (!text) return fail(text.error());
            out.push_back(item.key + "=" + *text);
        }
        return out;
    }

    Result<std::vector<std::string>> values_of(const FileField& field, const YamlNode& node) const {
        if (field.shape == Shape::list) return list_of(node, field.name);
        if (field.shape == Shape::map) return map_of(node, field.name);
        auto text = text_of(node, field.name);
        if (!text) return fail(text.error());
        if (field.shape == Shape::flag && *text != "true" && *text != "false") {
            return at(node, std::string(field.name) + " must be true or false, not " + in_quotes(*text));
        }
        if (text->empty()) return at(node, std::string(field.name) + " is empty; leave it out for the default");
        return std::vector<std::string>{std::move(*text)};
    }

    /// Each as create would take it.
    Result<GivenFields> read_fields(const YamlNode& node, std::string_view where) const {
        GivenFields out;
        if (node.kind != YamlKind::map) {
            return at(node, std::string(where) + " must be a map of fields, such as image: minicloud/vm:latest, not " +
                                std::string(called(node.kind)));
        }
        for (const auto& item : node.items) {
            if (item.key == "name" && where != "defaults") continue;
            const auto field =
                std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.name == item.key; });
            if (field == fields.end()) return at(item, unknown_field(where, item.key, names_of_fields(where)));
            auto values = values_of(*field, item);
            if (!values) return fail(values.error());
            const Settings alone(Settings::Values{{std::string(field->option), *values}});
            if (auto checked = read_create(alone, {}); !checked) {
                return at(item.line, field->name, field->option, checked.error());
            }
            out[field->name] = {std::move(*values), item.line};
        }
        return out;
    }

    static std::vector<std::string> names_of_fields(std::string_view where) {
        std::vector<std::string> names;
        if (where != "defaults") names.emplace_back("name");
        for (const auto& field : fields) names.emplace_back(field.name);
        return names;
    }

    /// What the VM says, and of the defaults what it does not; of a map key by key.
    [[nodiscard]] GivenFields with_defaults(GivenFields own) const {
        for (const auto& field : fields) {
            const auto given = defaults_.find(field.name);
            if (given == defaults_.end()) continue;
            const auto [mine, is_new] = own.emplace(field.name, given->second);
            if (is_new || field.shape != Shape::map) continue;
            auto& values = mine->second.values;
            const auto said = static_cast<std::ptrdiff_t>(values.size());
            for (const auto& value : given->second.values) {
                const auto key = value.substr(0, value.find('=') + 1);
                const auto has_key = [&](const std::string& other) { return other.starts_with(key); };
                if (std::none_of(values.begin(), values.begin() + said, has_key)) values.push_back(value);
            }
        }
        return own;
    }

    Result<void> add(const YamlNode& entry) {
        if (entry.kind != YamlKind::map) {
            return at(entry, "each of vms must be a map with a name, such as - name: web, not " +
                                 std::string(called(entry.kind)));
        }
        const auto name =
            std::find_if(entry.items.begin(), entry.items.end(), [](const auto& item) { return item.key == "name"; });
        if (name == entry.items.end()) {
            return at(entry, "this VM has no name: give it one, such as name: web, or a pattern, such as lab-{1..30}");
        }
        if (name->kind == YamlKind::map)
            return at(*name, "name: a pattern that begins with { needs quotes: \"{web,db}\"");
        const auto pattern = text_of(*name, "name");
        if (!pattern) return fail(pattern.error());
        auto own = read_fields(entry, "a VM");
        if (!own) return fail(own.error());
        const auto given = with_defaults(std::move(*own));
        Settings::Values values;
        std::vector<std::string_view> said;
        for (const auto& field : fields) {
            const auto found = given.find(field.name);
            if (found == given.end()) continue;
            values[std::string(field.option)] = found->second.values;
            said.push_back(field.name);
        }
        // The fields are good one by one: what is wrong now is the name, or how much there is together.
        const auto command = read_create(Settings(std::move(values)), std::span(&*pattern, 1));
        if (!command) return at(name->line, "name", "name", command.error());
        for (const auto& one : command->names) {
            if (auto added = add_named(*name, one, *command, said); !added) return added;
        }
        return {};
    }

    Result<void> add_named(const YamlNode& at_name, const std::string& name, const CreateCommand& command,
                           const std::vector<std::string_view>& said) {
        const auto [other, is_new] = lines_.emplace(name, at_name.line);
        if (!is_new) {
            return at(at_name, "name: there is a VM " + name + " already, in line " + std::to_string(other->second));
        }
        if (file_.vms.size() == limits::batch_max) return at(at_name, "these are over 1000 VMs in one file");
        WantedVm vm{name, command, said};
        vm.command.names = {name};
        vm.command.request.spec.name = name;
        file_.vms.push_back(std::move(vm));
        return {};
    }

    std::string_view called_;
    GivenFields defaults_;
    std::map<std::string, std::size_t> lines_;  // of each VM's name
    VmFile file_;
};

}  // namespace

std::span<const FileField> file_fields() {
    return fields;
}

Result<VmFile> read_vm_file(std::string_view text, std::string_view called) {
    const auto root = read_yaml(text, called);
    if (!root) return fail(root.error());
    return Reader(called).read(*root);
}

}  // namespace mc::cli
