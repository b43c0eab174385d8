#include "cli/core/vm_filter.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "cli/core/json_views.hpp"
#include "cli/core/option_readers.hpp"
#include "cli/core/output.hpp"
#include "cli/core/suggest.hpp"
#include "cli/core/targets.hpp"
#include "cli/core/text.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {
namespace {

constexpr std::array<protocol::VmState, 8> all_states{
    protocol::VmState::pending,  protocol::VmState::creating, protocol::VmState::running, protocol::VmState::stopped,
    protocol::VmState::deleting, protocol::VmState::deleted,  protocol::VmState::failed,  protocol::VmState::unknown};

bool one_fits(const std::vector<std::string>& patterns, const std::string& text) {
    return patterns.empty() ||
           std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return fits(pattern, text); });
}

/// Digits are compared as the number they are, whatever its length.
int compare_texts(std::string_view a, std::string_view b) {
    const auto take_number = [](std::string_view& text) {
        const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
        auto number = text.substr(0, end);
        text.remove_prefix(end);
        while (number.size() > 1 && number.front() == '0') number.remove_prefix(1);
        return number;
    };
    while (!a.empty() && !b.empty()) {
        if (is_digit(a.front()) && is_digit(b.front())) {
            const auto x = take_number(a);
            const auto y = take_number(b);
            if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
            if (const int order = x.compare(y); order != 0) return order;
            continue;
        }
        if (a.front() != b.front()) return a.front() < b.front() ? -1 : 1;
        a.remove_prefix(1);
        b.remove_prefix(1);
    }
    return a.empty() ? (b.empty() ? 0 : -1) : 1;
}

int compare_values(const Json& a, const Json& b) {
    if (a.is_number() && b.is_number()) {
        const auto x = a.get<double>();
        const auto y = b.get<double>();
        return x < y ? -1 : x > y ? 1 : 0;
    }
    const auto text = [](const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); };
    return compare_texts(text(a), text(b));
}

void sort(std::vector<protocol::VmView>& vms, const VmOrder& order) {
    if (order.field.empty()) return;
    std::vector<std::pair<Json, std::size_t>> keys;
    keys.reserve(vms.size());
    for (std::size_t i = 0; i < vms.size(); ++i) keys.emplace_back(json_vm(vms[i])[order.field], i);
    std::stable_sort(keys.begin(), keys.end(), [&](const auto& a, const auto& b) {
        if (a.first.is_null() || b.first.is_null()) return !a.first.is_null() && b.first.is_null();
        const int compared = compare_values(a.first, b.first);
        return order.descending ? compared > 0 : compared < 0;
    });
    std::vector<protocol::VmView> sorted;
    sorted.reserve(vms.size());
    for (const auto& [key, index] : keys) sorted.push_back(std::move(vms[index]));
    vms = std::move(sorted);
}

Result<VmOrder> parse_order(std::string_view text) {
    VmOrder order;
    const auto colon = text.find(':');
    order.field = text.substr(0, colon);
    const std::string_view way = colon == std::string_view::npos ? "asc" : text.substr(colon + 1);
    if (way != "asc" && way != "desc") {
        return fail(ErrorCode::invalid_argument, "\"" + std::string(way) + "\" is no direction: use asc or desc");
    }
    order.descending = way == "desc";
    std::vector<std::string> names;
    for (const auto& field : columns_of_objects({"vm"})) names.emplace_back(field);
    if (std::find(names.begin(), names.end(), order.field) != names.end()) return order;
    const auto near = nearest(order.field, names);
    return fail(ErrorCode::invalid_argument,
                "\"" + order.field + "\" is no field of a VM" +
                    (near ? "; did you mean " + *near + "?" : ": use one of the JSON fields, such as name or created"));
}

Result<void> check_states(const std::vector<std::string>& states) {
    std::vector<std::string> known;
    for (const auto state : all_states) known.emplace_back(name_of(state));
    for (const auto& state : states) {
        if (std::find(known.begin(), known.end(), state) != known.end()) continue;
        std::string all;
        for (const auto& one : known) all += (all.empty() ? "" : ", ") + one;
        return fail(ErrorCode::invalid_argument, "--state: \"" + state + "\" is no state of a VM: use one of " + all);
    }
    return {};
}

}  // namespace

bool fits(const std::string& pattern, const std::string& text) {
    return fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

bool is_glob(std::string_view word) {
    return word.find_first_of("*?[") != std::string_view::npos;
}

bool means(const std::string& pattern, const protocol::VmView& vm) {
    if (pattern.find('/') != std::string::npos) return fits(pattern, full_name(vm));
    return fits(pattern, vm.name) || pattern == vm.id.str();
}

bool VmFilter::holds(const protocol::VmView& vm) const {
    const auto meant = [&](const std::string& pattern) { return means(pattern, vm); };
    return (patterns.empty() || std::any_of(patterns.begin(), patterns.end(), meant)) && selector.matches(vm.labels) &&
           one_fits(states, std::string(name_of(vm.state))) && one_fits(nodes, vm.node) && one_fits(owners, vm.owner);
}

Result<std::optional<Selector>> read_selector(const Settings& settings) {
    std::optional<Selector> out;
    for (const auto& text : settings.all("selector")) {
        const auto parsed = about("selector", Selector::parse(text));
        if (!parsed) return fail(parsed.error());
        if (!out) out.emplace();
        out->add(*parsed);
    }
    return out;
}

Result<VmFilter> read_filter(const Settings& settings, std::span<const std::string> operands) {
    VmFilter out;
    for (const auto& word : operands) {
        if (auto checked = is_glob(word) ? Result<void>{} : protocol::check_target(word); !checked) {
            return fail(checked.error());
        }
        out.patterns.push_back(word);
    }
    auto selector = read_selector(settings);
    if (!selector) return fail(selector.error());
    out.selector = selector->value_or(Selector{});
    out.states = settings.all("state");
    out.nodes = settings.all("node");
    out.owners = settings.all("owner");
    if (auto checked = check_states(out.states); !checked) return fail(checked.error());
    return out;
}

Result<ListCommand> read_list(const Settings& settings, std::span<const std::string> operands) {
    auto filter = read_filter(settings, operands);
    if (!filter) return fail(filter.error());
    ListCommand out{std::move(*filter), {}, false};
    if (auto taken = take(settings, "sort", out.order, parse_order); !taken) return fail(taken.error());
    out.watch = settings.flag("watch");
    return out;
}

std::vector<protocol::VmView> chosen(const ListCommand& command, const std::vector<protocol::VmView>& vms) {
    std::vector<protocol::VmView> out;
    std::copy_if(vms.begin(), vms.end(), std::back_inserter(out),
                 [&](const auto& vm) { return command.filter.holds(vm); });
    sort(out, command.order);
    return out;
}

Choice choose(const ActionCommand& command, const std::vector<protocol::VmView>& vms) {
    Choice out{command.request.targets, command.request.targets, {}};
    const auto meant_by = [](const protocol::VmView& vm) {
        return [&vm](const std::string& pattern) { return means(pattern, vm); };
    };
    // A name that means one VM alone names it already.
    const auto named = [&](const protocol::VmView& vm) {
        return std::any_of(out.called.begin(), out.called.end(), [&](const std::string& name) {
            return means(name, vm) &&
                   std::count_if(vms.begin(), vms.end(), [&](const auto& other) { return means(name, other); }) == 1;
        });
    };
    std::vector<protocol::VmView> found;
    for (const auto& vm : vms) {
        const bool fits_globs =
            command.globs.empty() || std::any_of(command.globs.begin(), command.globs.end(), meant_by(vm));
        const bool fits_labels = !command.selector || command.selector->matches(vm.labels);
        if (fits_globs && fits_labels && !named(vm)) found.push_back(vm);
    }
    for (const auto& glob : command.globs) {
        const auto meant = [&](const auto& vm) { return means(glob, vm); };
        if (std::none_of(vms.begin(), vms.end(), meant)) out.unmatched_globs.push_back(glob);
    }
    const bool owners = of_several_owners(vms);
    for (const auto& vm : found) {
        out.targets.push_back(vm.id.str());
        out.called.push_back(owners ? full_name(vm) : vm.name);
    }
    return out;
}

std::string confirmation(std::string_view verb, const std::vector<std::string>& called) {
    constexpr std::size_t shown_max = 8;
    std::string out =
        std::string(verb) + " " + std::to_string(called.size()) + (called.size() == 1 ? " VM: " : " VMs: ");
    for (std::size_t i = 0; i < std::min(called.size(), shown_max); ++i) out += (i == 0 ? "" : ", ") + called[i];
    if (called.size() > shown_max) out += ", … and " + std::to_string(called.size() - shown_max) + " more";
    return printable(out) + "?";
}

std::vector<std::string> unmatched(const std::vector<std::string>& patterns, const std::vector<protocol::VmView>& vms) {
    std::vector<std::string> out;
    for (const auto& pattern : patterns) {
        const auto meant = [&](const auto& vm) { return means(pattern, vm); };
        if (!is_glob(pattern) && std::none_of(vms.begin(), vms.end(), meant)) out.push_back(pattern);
    }
    return out;
}

}  // namespace mc::cli
