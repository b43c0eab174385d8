#include "broker/core/vm_table.hpp"

#include <gtest/gtest.h>

#include "protocol/codec.hpp"
#include "protocol/limits.hpp"

namespace mc::broker::test {
namespace {

using protocol::VmState;

// Goal: a cloud of a million VMs fits into memory, and nobody can tell that most are kept packed. Spec: ADR 38.
class VmTableTest : public testing::Test {
protected:
    static VmRecord record(std::uint64_t id, const std::string& name, const std::string& owner = "ada") {
        VmRecord vm;
        vm.id = VmId{id};
        vm.spec.name = name;
        vm.spec.labels = {{"team", "7"}};
        vm.owner = owner;
        vm.node = NodeId{1};
        vm.state = VmState::running;
        return vm;
    }
    /// As at the end of a turn. Returns what is stored of the VM; nullopt when nothing is, or that it is gone.
    std::optional<std::string> end_turn(VmId id = VmId{1}) {
        std::vector<StoreChange> changes;
        vms.take_changes(changes);
        std::optional<std::string> row;
        for (const auto& change : changes) {
            if (change.key == key_of(id.value)) row = change.value;
        }
        return row;
    }
    static Actor actor(const std::string& name, protocol::Role role) {
        return {PeerId{"p"}, name, role, std::nullopt, "", {}};
    }

    VmTable vms;
    Instant now;
};

TEST_F(VmTableTest, KeepsOneThatRunsPackedAndUnpacksItWhenSomebodyLooks) {
    vms.add(record(1, "box"), now);
    EXPECT_EQ(vms.unpacked(), 1U) << "it is to be stored yet";
    end_turn();
    EXPECT_EQ(vms.unpacked(), 0U);
    EXPECT_TRUE(vms.contains(VmId{1}));
    EXPECT_TRUE(vms.has_name("ada", "box"));
    EXPECT_EQ(vms.unpacked(), 0U) << "that does not need the rest of it";
    const Vm* box = vms.find(VmId{1});
    EXPECT_EQ(protocol::encode(box->record), protocol::encode(record(1, "box")));
    EXPECT_EQ(vms.find(VmId{1}), box);
    EXPECT_EQ(vms.unpacked(), 1U);
    EXPECT_EQ(end_turn(), std::nullopt) << "a look changes nothing";
    EXPECT_EQ(vms.unpacked(), 0U);
}

TEST_F(VmTableTest, KeepsWhatWasChangedBetweenTwoRests) {
    vms.add(record(1, "box"), now);
    end_turn();
    Vm& box = *vms.find(VmId{1});
    box.record.reason = "why";
    vms.touch(box);
    const auto row = end_turn();
    ASSERT_TRUE(row);
    EXPECT_EQ(protocol::decode<VmRecord>(*row)->reason, "why");
    EXPECT_EQ(vms.unpacked(), 0U);
    EXPECT_EQ(vms.find(VmId{1})->record.reason, "why");
}

TEST_F(VmTableTest, LetsNoneRestOfWhichMoreIsKnownThanIsStored) {
    const auto stays = [&](auto change) {
        VmTable table;
        change(table, table.add(record(1, "box"), now));
        std::vector<StoreChange> changes;
        table.take_changes(changes);
        return table.unpacked() == 1;
    };
    EXPECT_FALSE(stays([](VmTable&, Vm&) {}));
    EXPECT_FALSE(stays([](VmTable&, Vm& vm) { vm.record.state = VmState::unknown; }));
    EXPECT_TRUE(stays([](VmTable& table, Vm& vm) {
        table.set_job(vm, {JobId{1, 1}, protocol::Verb::vm_stop, {}, 0, 0});
    }));
    EXPECT_TRUE(stays([](VmTable&, Vm& vm) { vm.stop_seen = true; }));
    EXPECT_TRUE(stays([](VmTable&, Vm& vm) { vm.start_tries = 1; }));
    EXPECT_TRUE(stays([](VmTable&, Vm& vm) { vm.replace_tries = 1; }));
    EXPECT_TRUE(stays([](VmTable&, Vm& vm) { vm.retry_at = Instant{1ms}; }));
    EXPECT_TRUE(stays([](VmTable&, Vm& vm) { vm.record.state = VmState::pending; }));
    EXPECT_TRUE(stays([](VmTable&, Vm& vm) { vm.record.state = VmState::stopped; }));
    EXPECT_TRUE(stays([](VmTable&, Vm& vm) { vm.record.intent = protocol::VmIntent::stopped; }));
    EXPECT_TRUE(stays([](VmTable&, Vm& vm) { vm.record.spec.ttl_seconds = 60; })) << "time ends it";
}

TEST_F(VmTableTest, LetsOneRestWhenNothingIsUnderWayAnyMore) {
    Vm& vm = vms.add(record(1, "box"), now);
    vms.set_job(vm, {JobId{1, 1}, protocol::Verb::vm_stop, {}, 0, 0});
    vm.stop_seen = true;
    end_turn();
    ASSERT_EQ(vms.unpacked(), 1U);
    vms.clear_job(*vms.find_by_job(JobId{1, 1}));
    end_turn();
    EXPECT_EQ(vms.unpacked(), 1U);
    vms.find(VmId{1})->stop_seen = false;
    EXPECT_EQ(end_turn(), std::nullopt) << "no part of its record";
    EXPECT_EQ(vms.unpacked(), 0U);
    EXPECT_FALSE(vms.find(VmId{1})->record.job);
}

TEST_F(VmTableTest, RestoresRowsAsTheyAre) {
    const auto row = protocol::encode(record(1, "box"));
    Vm& vm = vms.restore(record(1, "box"), row, now);
    EXPECT_EQ(vm.record.spec.name, "box");
    vms.rest();
    EXPECT_EQ(vms.unpacked(), 0U);
    EXPECT_EQ(end_turn(), std::nullopt);
    EXPECT_EQ(vms.find(VmId{1})->record.spec.labels.at(0).value, "7");
}

TEST_F(VmTableTest, FindsThoseThatRestByName) {
    for (const auto* owner : {"eve", "ada", "bob"}) {
        static std::uint64_t id = 0;
        vms.add(record(++id, "box", owner), now);
    }
    vms.add(record(9, "box-2", "bob"), now);
    end_turn();
    EXPECT_EQ((*vms.find_target("box", actor("bob", protocol::Role::user)))->record.owner, "bob");
    EXPECT_EQ((*vms.find_target("box-2", actor("root", protocol::Role::admin)))->record.owner, "bob");
    EXPECT_EQ(vms.find_target("box", actor("root", protocol::Role::admin)).error().message,
              "several people have a VM named box: say one of ada/box, bob/box, eve/box");
    EXPECT_EQ(vms.find_target("eve/box", actor("bob", protocol::Role::user)).error().code, ErrorCode::not_found);
    vms.erase(VmId{1});
    vms.rename(*vms.find(VmId{9}), "case");
    EXPECT_FALSE(vms.has_name("eve", "box"));
    EXPECT_FALSE(vms.has_name("bob", "box-2"));
    bool more = true;
    const auto page = vms.page("", 2, std::nullopt, more);
    ASSERT_EQ(page.size(), 2U);
    EXPECT_TRUE(more);
    EXPECT_EQ(full_name(page[0]->record.owner, page[0]->record.spec.name), "ada/box");
    end_turn();
    EXPECT_EQ(vms.unpacked(), 0U);
}

}  // namespace
}  // namespace mc::broker::test
