#include <gtest/gtest.h>

#include <algorithm>

#include "broker/core/audit_log.hpp"
#include "key_harness.hpp"
#include "protocol/audit.hpp"

namespace mc::broker::test {
namespace {

using protocol::AuditEntry;
using protocol::Role;

// Goal: who did what is on the disk in the commit of what it tells, and nobody can change it unseen.
// Spec: ADR 17, docs/protocol.md "audit".

std::string told(const AuditEntry& entry) {
    return entry.name + " " + entry.action + " " + entry.target + " " + std::string(name_of(entry.code));
}

std::vector<std::string> log_of(KeyHarness& t) {
    std::vector<std::string> lines;
    for (const auto& entry : t.core->audit_log().kept()) lines.push_back(told(entry));
    return lines;
}

TEST(BrokerAudit, TellsWhoDidWhatWithItsOutcome) {
    KeyHarness t;
    t.node_ready("n");
    t.admit_with_vm("ada", 'a', "n");
    t.ask('a', Verb::exec, encode(protocol::StreamRequest{"web", 65536}));
    t.from_worker("n", protocol::Kind::reply, Verb::vm_exec, t.order("n", Verb::vm_exec)->header.id,
                  encode(protocol::ExecResult{3}));
    t.act_as('a', Verb::remove, {"nothing"});
    t.act_as('a', Verb::remove, {"web"});
    t.obey("n", Verb::vm_remove, protocol::ContainerState::absent);
    t.send(Verb::cordon, encode(protocol::NodeActionRequest{{"n"}, 0, false}));
    t.send(Verb::revoke, encode(protocol::RevokeRequest{{"ada"}}));
    EXPECT_EQ(log_of(t), (std::vector<std::string>{
                             "local node_register n ok",
                             "local token_create ada ok",
                             "ada join ada ok",
                             "ada create ada/web ok",
                             "ada exec ada/web ok",
                             "ada exec ada/web ok",
                             "ada delete nothing not_found",
                             "ada delete ada/web ok",
                             "local cordon n ok",
                             "local revoke ada ok",
                         }));
    const auto& entries = t.core->audit_log().kept();
    EXPECT_EQ(entries[3].key, t.key('a').fingerprint());
    EXPECT_EQ(entries[1].key, "") << "a caller without a key";
    EXPECT_EQ(entries[4].detail, "begun");
    EXPECT_EQ(entries[5].detail, "ended with exit code 3");
    EXPECT_EQ(entries[5].key, t.key('a').fingerprint());
    t.restart();
    EXPECT_EQ(log_of(t).size(), 10u);
}

TEST(BrokerAudit, TellsHowAnExecEndedThatDidNotEndByItself) {
    KeyHarness t;
    t.node_ready("n");
    t.admit_with_vm("ada", 'a', "n");
    t.ask('a', Verb::exec, encode(protocol::StreamRequest{"web", 65536}));
    t.core->on_client_gone(t.now, PeerId{t.client('a')});
    EXPECT_EQ(log_of(t).back(), "ada exec ada/web cancelled");
    t.ask('a', Verb::exec, encode(protocol::StreamRequest{"web", 65536}));
    t.send(Verb::revoke, encode(protocol::RevokeRequest{{"ada"}}));
    const auto lines = log_of(t);
    EXPECT_NE(std::find(lines.begin(), lines.end(), "ada exec ada/web not_authorised"), lines.end());
}

TEST(BrokerAudit, TellsWhatTheBrokerHadRemovedAndWhichKeyIsANodes) {
    KeyHarness t;
    t.admit("node-n", 'W', Role::worker);
    t.keys["w:n"] = t.key('W');
    t.node_ready("n");
    EXPECT_EQ(log_of(t)[2], "node-n node_register n ok");
    EXPECT_EQ(t.core->audit_log().kept()[3].detail, "the key is bound to this node");
    t.node_ready("n");
    EXPECT_EQ(log_of(t).size(), 4u) << "it only came back";
    protocol::CreateRequest request;
    request.spec.name = "web";
    request.spec.ttl_seconds = 10;
    t.send(Verb::create, encode(request));
    t.obey("n", Verb::vm_create);
    t.advance_alive(12s, {"n"});
    EXPECT_EQ(log_of(t).back(), "broker cleanup local/web ok");
    EXPECT_EQ(t.core->audit_log().kept().back().detail, "its time to live is over");
}

// Goal: a worker that makes up containers can't push out what is written of others. Issue 4.
TEST(BrokerAudit, TellsOfAContainerThatNobodyKnowsOnceAMinute) {
    KeyHarness t;
    t.node_ready("n");
    const auto before = log_of(t).size();
    std::vector<protocol::VmReport> made_up;
    for (std::uint64_t i = 1; i <= 50; ++i) {
        made_up.push_back(BrokerHarness::report(VmId{i}, protocol::ContainerState::running));
    }
    t.inventory("n", made_up);
    t.advance_alive(61s, {"n"});
    t.inventory("n", made_up);
    EXPECT_EQ(t.orders("n", Verb::vm_remove), 50u);
    EXPECT_EQ(log_of(t).size(), before + 1);
    EXPECT_EQ(log_of(t).back(), "broker cleanup n/" + VmId{1}.str() + " ok");
}

// Goal: who may least can't push out what is written of others. Issue 4.
TEST(BrokerAudit, IsNotFilledByWhatChangesNothing) {
    KeyHarness t;
    t.admit("ada", 'a', Role::user);
    const RequestId over = t.act_as('a', Verb::remove, {"nothing"});
    const auto before = log_of(t).size();
    for (int i = 0; i < 50; ++i) t.ask('a', Verb::cancel, encode(protocol::JobRequest{over}));
    EXPECT_EQ(log_of(t).size(), before);
    const char used_up = static_cast<char>('a' + 100);  // KeyHarness::admit
    for (char c = 1; c < 50; ++c) EXPECT_NE(t.join(used_up, c), ErrorCode::ok);
    EXPECT_EQ(log_of(t).size(), before + 1);
}

TEST(BrokerAudit, HasNoSecrets) {
    KeyHarness t;
    t.node_ready("n");
    protocol::CreateRequest request;
    request.spec.name = "web";
    request.spec.env = {"PASSWORD=hunter2"};
    request.spec.password_hash = "$6$salt$secret";
    t.send(Verb::create, encode(request));
    t.obey("n", Verb::vm_create);
    protocol::ExecSpec spec;
    spec.argv = {"mysql", "-phunter2"};
    t.send(Verb::exec, encode(protocol::StreamRequest{"web", 65536}), {}, "c", 0, encode(spec));
    ASSERT_EQ(t.core->audit_log().kept().size(), 3u);
    for (const auto& entry : t.core->audit_log().kept()) {
        EXPECT_EQ(encode(entry).find("hunter2"), std::string::npos);
        EXPECT_EQ(encode(entry).find("secret"), std::string::npos);
    }
}

TEST(BrokerAudit, NotesForbiddenAttemptsButNotEachOfThem) {
    KeyHarness t;
    t.admit("eve", 'V', Role::viewer);
    const auto before = log_of(t).size();
    for (int i = 0; i < 50; ++i) t.create_as('V', "web");
    EXPECT_EQ(log_of(t).size(), before + 1);
    EXPECT_EQ(log_of(t).back(), "eve create  denied");
    t.advance(61s);
    t.create_as('V', "web");
    EXPECT_EQ(log_of(t).size(), before + 2);
}

// Goal: that a key was barred is in the record that nobody can change, and a flood does not fill it.
TEST(BrokerAudit, NotesABarredKeyOnceAnHour) {
    KeyHarness t;
    t.admit("eve", 'e', Role::user);
    const auto bars = [&] {
        const auto lines = log_of(t);
        return std::count(lines.begin(), lines.end(), "broker bar eve ok");
    };
    for (int i = 0; i < 50; ++i) t.core->on_barred(t.now, t.key('e'), "a flood of subscriptions");
    t.core->on_barred(t.now, t.key('x'), "a flood of subscriptions");  // nobody's key
    EXPECT_EQ(log_of(t).back(), "broker bar eve ok");
    EXPECT_EQ(bars(), 1);
    EXPECT_NE(t.core->audit_log().kept().back().detail.find(t.key('e').fingerprint()), std::string::npos);
    t.advance(3590s);
    t.core->on_barred(t.now, t.key('e'), "a flood of subscriptions");
    EXPECT_EQ(bars(), 1);
    t.advance(11s);
    t.core->on_barred(t.now, t.key('e'), "a flood of subscriptions");
    EXPECT_EQ(bars(), 2);
}

TEST(BrokerAudit, IsInTheCommitOfWhatItTells) {
    KeyHarness t;
    t.node_ready("n");
    t.create("web");
    const auto order = t.order("n", Verb::vm_create);
    t.disk_full = true;
    t.obey("n", Verb::vm_create);
    t.disk_full = false;
    t.advance(2s);
    EXPECT_EQ(log_of(t), std::vector<std::string>{"local node_register n ok"})
        << "the outcome is not in the store, nor is what tells of it";
}

std::vector<AuditEntry> chain(std::size_t count, std::size_t kept) {
    AuditLog log(kept);
    for (std::size_t i = 0; i < count; ++i) {
        AuditEntry entry;
        entry.name = "ada";
        entry.action = "create";
        entry.target = "ada/vm-" + std::to_string(i);
        log.append(std::move(entry));
    }
    return {log.kept().begin(), log.kept().end()};
}

std::optional<std::string> verdict(const std::vector<AuditEntry>& entries) {
    protocol::AuditChain check;
    for (const auto& entry : entries) {
        if (auto wrong = check.add(entry)) return wrong;
    }
    return check.end();
}

TEST(AuditChain, HoldsWhenNobodyTouchedIt) {
    EXPECT_FALSE(verdict({}));
    EXPECT_FALSE(verdict(chain(25, 100)));
    EXPECT_FALSE(verdict(chain(250, 100))) << "the log tells itself what it no longer has";
}

TEST(AuditChain, BreaksAtEveryChange) {
    const auto good = chain(10, 100);
    for (std::size_t i = 0; i < good.size(); ++i) {
        const auto changed = [&](auto change) {
            auto entries = good;
            change(entries[i]);
            return verdict(entries).has_value();
        };
        EXPECT_TRUE(changed([](AuditEntry& e) { e.name = "bob"; }));
        EXPECT_TRUE(changed([](AuditEntry& e) { e.target += "x"; }));
        EXPECT_TRUE(changed([](AuditEntry& e) { e.code = ErrorCode::denied; }));
        EXPECT_TRUE(changed([](AuditEntry& e) { ++e.time.unix_ms; }));
        EXPECT_TRUE(changed([](AuditEntry& e) { e.action = "creat", e.target = "e" + e.target; }));
        if (i > 0) {
            EXPECT_TRUE(changed([](AuditEntry& e) {
                e.name = "bob";
                e.previous = "";
                e.hash = protocol::audit_hash(e);
            }));
        }
        // Written anew with a right hash of its own, it no longer fits the next one.
        if (i + 1 < good.size()) {
            EXPECT_TRUE(changed([](AuditEntry& e) {
                e.name = "bob";
                e.hash = protocol::audit_hash(e);
            }));
            auto entries = good;
            entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i));
            EXPECT_TRUE(verdict(entries)) << "without entry " << i + 1;
        }
    }
}

TEST(AuditChain, MissesABeginningThatNobodyTellsOf) {
    auto entries = chain(95, 100);
    entries.erase(entries.begin(), entries.begin() + 20);
    EXPECT_TRUE(verdict(entries));
}

TEST(AuditLog, KeepsNoMoreThanItMayAndSaysSo) {
    const auto entries = chain(1000, 100);
    EXPECT_LE(entries.size(), 101u);
    EXPECT_GE(entries.size(), 90u);
    EXPECT_GT(std::count_if(entries.begin(), entries.end(),
                            [](const AuditEntry& e) { return e.action == protocol::audit_cut; }),
              0);
}

TEST(AuditLog, ComesInPages) {
    AuditLog log(100);
    for (int i = 0; i < 250; ++i) log.append({});
    protocol::AuditRequest request{0, 7};
    std::uint64_t seen = 0;
    std::size_t count = 0;
    do {
        const auto page = log.page(request);
        ASSERT_FALSE(page.entries.empty());
        EXPECT_TRUE(seen == 0 || page.entries.front().seq == seen + 1);
        seen = request.after = page.entries.back().seq;
        count += page.entries.size();
        EXPECT_EQ(page.last, log.kept().back().seq);
    } while (seen < log.kept().back().seq);
    EXPECT_EQ(count, log.kept().size());
    EXPECT_TRUE(log.page({seen, 10}).entries.empty());
}

}  // namespace
}  // namespace mc::broker::test
