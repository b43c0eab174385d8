#include "cli/core/top.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/core/top_views.hpp"

namespace mc::cli {
namespace {

using protocol::VmState;
using protocol::VmUsage;
using Strings = std::vector<std::string>;

protocol::VmView vm(std::uint64_t id, std::string name, std::string node = "a") {
    protocol::VmView out;
    out.id = VmId{id};
    out.name = std::move(name);
    out.owner = "ada";
    out.node = std::move(node);
    out.state = VmState::running;
    out.cpus_milli = 1000;
    out.memory_bytes = 512ULL << 20;
    return out;
}

VmUsage use(std::uint64_t id, std::uint32_t cpu_milli, std::uint64_t memory = 1 << 20, std::uint64_t rx = 0) {
    return {.vm = VmId{id}, .memory_bytes = memory, .span_ms = 2000, .cpu_milli = cpu_milli, .rx_bytes_per_s = rx};
}

/// Memory is known, the rates are not yet.
VmUsage first_use(std::uint64_t id) {
    return {.vm = VmId{id}, .memory_bytes = 1 << 20};
}

Strings names_of(const Top& top) {
    Strings out;
    for (const auto& one : top.vms) out.push_back(one.vm.name);
    return out;
}

TopCommand command(Settings::Values values = {}, Strings operands = {}) {
    const auto read = read_top(Settings(std::move(values)), operands);
    EXPECT_TRUE(read) << (read ? "" : read.error().message);
    return read.value_or(TopCommand{});
}

const std::vector<protocol::VmView> some{vm(1, "vm-10"), vm(2, "vm-2"), vm(3, "web", "b")};
const std::vector<VmUsage> used{use(1, 20, 5 << 20), use(2, 990, 1 << 20, 10), use(3, 0, 9 << 20, 7000)};

TEST(Top, PutsWhoUsesMostFirst) {
    const auto sorted = [](const char* by) { return names_of(make_top(command({{"sort", {by}}}), some, used, {})); };
    EXPECT_EQ(names_of(make_top(command(), some, used, {})), (Strings{"vm-2", "vm-10", "web"}));
    EXPECT_EQ(sorted("cpu"), (Strings{"vm-2", "vm-10", "web"}));
    EXPECT_EQ(sorted("memory"), (Strings{"web", "vm-10", "vm-2"}));
    EXPECT_EQ(sorted("network"), (Strings{"web", "vm-2", "vm-10"}));
    EXPECT_EQ(sorted("name"), (Strings{"vm-2", "vm-10", "web"})) << "numbers as numbers";
}

TEST(Top, PutsWhatIsNotKnownLastAndEqualsByName) {
    const std::vector<protocol::VmView> vms{vm(1, "d"), vm(2, "c"), vm(3, "b"), vm(4, "a")};
    EXPECT_EQ(names_of(make_top(command(), vms, {use(2, 0), first_use(3), use(4, 0)}, {})),
              (Strings{"a", "c", "b", "d"}));
}

TEST(Top, ShowsThoseThatAreAskedForAndRun) {
    auto vms = some;
    vms[0].labels = {{"class", "unix1"}};
    vms.push_back(vm(4, "stopped"));
    vms.back().state = VmState::stopped;
    vms.push_back(vm(5, "lost", "c"));
    vms.back().state = VmState::unknown;
    const auto shown = [&](Settings::Values values, Strings operands = {}) {
        return names_of(make_top(command(std::move(values), std::move(operands)), vms, used, {}));
    };
    EXPECT_EQ(shown({}), (Strings{"vm-2", "vm-10", "web", "lost"}));
    EXPECT_EQ(shown({{"selector", {"class=unix1"}}}), (Strings{"vm-10"}));
    EXPECT_EQ(shown({{"node", {"b"}}}), (Strings{"web"}));
    EXPECT_EQ(shown({}, {"vm-*"}), (Strings{"vm-2", "vm-10"}));
    EXPECT_EQ(shown({{"limit", {"2"}}}), (Strings{"vm-2", "vm-10"}));
}

TEST(Top, SumsUpWhatRunsOnANodeWhateverIsShown) {
    protocol::NodeView a;
    a.name = "a";
    a.cpus_milli = 4000;
    auto empty = a;
    empty.name = "empty";
    const auto nodes = std::optional(std::vector{a, empty});
    const auto top = make_top(command({}, {"web"}), some, used, nodes);
    ASSERT_EQ(top.nodes.size(), 3U);
    EXPECT_EQ(top.nodes[0].name, "a");
    EXPECT_EQ(top.nodes[0].vms, 2U);
    EXPECT_EQ(top.nodes[0].cpu_milli, 1010U);
    EXPECT_EQ(top.nodes[0].memory_bytes, 6U << 20);
    EXPECT_EQ(top.nodes[0].node->cpus_milli, 4000U);
    EXPECT_EQ(top.nodes[1].rx_bytes_per_s, 7000U);
    EXPECT_FALSE(top.nodes[1].node) << "it was forgotten meanwhile";
    EXPECT_EQ(top.nodes[2].vms, 0U);
    EXPECT_EQ(make_top(command({{"node", {"e*"}}}), some, used, nodes).nodes.size(), 1U);
    EXPECT_EQ(make_top(command(), some, used, {}).nodes.size(), 2U) << "a user is told of his VMs' nodes only";
}

TEST(Top, IsCompleteWhenAllThatRunsHasRates) {
    auto vms = some;
    EXPECT_FALSE(make_top(command(), vms, {}, {}).complete());
    auto some_known = used;
    some_known[0] = first_use(1);
    EXPECT_FALSE(make_top(command(), vms, some_known, {}).complete());
    EXPECT_GT(make_top(command(), vms, used, {}).known(), make_top(command(), vms, some_known, {}).known());
    EXPECT_TRUE(make_top(command(), vms, used, {}).complete());
    vms.push_back(vm(9, "lost"));
    vms.back().state = VmState::unknown;
    EXPECT_TRUE(make_top(command(), vms, used, {}).complete()) << "of that one nothing will come";
    EXPECT_TRUE(make_top(command(), {}, {}, {}).complete());
}

TEST(Top, RefusesWhatItDoesNotKnow) {
    const auto refused = [](Settings::Values values, Strings operands = {}) {
        const auto read = read_top(Settings(std::move(values)), operands);
        return read ? ErrorCode::ok : read.error().code;
    };
    EXPECT_EQ(refused({{"sort", {"created"}}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({{"limit", {"0"}}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({{"limit", {"many"}}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({{"selector", {""}}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({}, {"no name"}), ErrorCode::invalid_argument);
}

Strings lines_of(const std::string& text) {
    Strings out;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        EXPECT_NE(end, std::string::npos) << "each line has its end";
        if (end == std::string::npos) break;
        out.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

// Goal: whatever the window's size, a screen fits, and says what it leaves out.
TEST(TopScreen, FitsEveryWindow) {
    std::vector<protocol::VmView> vms;
    std::vector<VmUsage> usage;
    std::vector<protocol::NodeView> nodes;
    for (std::uint64_t i = 1; i <= 30; ++i) {
        const std::string node = "node-" + std::to_string(i % 9);
        vms.push_back(vm(i, "vm-" + std::to_string(i), node));
        usage.push_back(use(i, static_cast<std::uint32_t>(i * 10)));
    }
    for (int i = 0; i < 9; ++i) {
        nodes.emplace_back();
        nodes.back().name = "node-" + std::to_string(i);
    }
    const TopHead head{WallTime{1'795'435'200'000}, "cpu", ""};
    for (const std::size_t of : {std::size_t{0}, std::size_t{1}, std::size_t{30}}) {
        const std::vector some_vms(vms.begin(), vms.begin() + static_cast<std::ptrdiff_t>(of));
        const auto top = make_top(command(), some_vms, usage, nodes);
        for (std::size_t rows = 0; rows <= 60; ++rows) {
            for (const std::size_t columns : {std::size_t{20}, std::size_t{40}, std::size_t{80}, std::size_t{200}}) {
                for (const bool only_nodes : {false, true}) {
                    const auto screen = text_screen(top, head, only_nodes, rows, {columns, false, false});
                    const auto lines = lines_of(screen);
                    EXPECT_LE(lines.size(), rows) << rows << " x " << columns;
                    for (const auto& line : lines) EXPECT_LE(columns_of(line), columns) << line;
                    // Shown and counted together they are all.
                    if (rows < 12 || only_nodes || of == 0) continue;
                    std::size_t seen = 0;
                    std::size_t left_out = 0;
                    for (const auto& line : lines) {
                        seen += line.starts_with("vm-") ? 1 : 0;
                        if (line.ends_with("more VMs")) left_out = std::stoul(line.substr(line.find("and ") + 4));
                    }
                    EXPECT_EQ(seen + left_out, of) << screen;
                }
            }
        }
    }
}

TEST(TopScreen, SaysWhatIsWrongInItsHead) {
    const auto top = make_top(command(), some, used, {});
    const auto screen =
        text_screen(top, {WallTime{1}, "cpu", "the broker is \x1b[31m gone"}, false, 20, {80, false, false});
    EXPECT_EQ(lines_of(screen).front(), "the broker is ?[31m gone");
    EXPECT_NE(screen.find("vm-10"), std::string::npos) << "with what was last known";
}

}  // namespace
}  // namespace mc::cli
