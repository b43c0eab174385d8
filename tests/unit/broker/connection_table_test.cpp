#include "broker/core/connection_table.hpp"

#include <gmock/gmock.h>

#include "broker/core/caller.hpp"
#include "broker/core/connection_limits.hpp"

namespace mc::broker::test {
namespace {

// Goal: connections cost the broker no more than a bound, whoever opens them. Spec: docs/security.md "Connections of
// one key".

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const PublicKey ada = *PublicKey::from_bytes(std::string(32, 'a'));
const PublicKey eve = *PublicKey::from_bytes(std::string(32, 'e'));
const Instant start{1000s};
constexpr std::uint64_t much = ConnectionTable::unfinished_bytes_max;
using Open = std::vector<OpenConnection>;

/// Descriptors of what is to end.
std::vector<int> look(ConnectionTable& table, Instant now, const Open& open, std::size_t open_max = 3) {
    std::vector<int> ended;
    for (const auto& one : table.look(now, open, [open_max](const PublicKey&) { return open_max; })) {
        ended.push_back(one.descriptor);
    }
    return ended;
}

TEST(ConnectionTable, EndsWhatSaysNothing) {
    ConnectionTable table;
    const Open open{{7, 100, 0}, {8, 200, 0}};
    EXPECT_THAT(look(table, start, open), IsEmpty());
    table.heard(200, ada);
    EXPECT_THAT(look(table, start + ConnectionTable::first_word_max, open), IsEmpty());
    EXPECT_EQ(look(table, start + ConnectionTable::first_word_max + 1ms, open), std::vector{7});
    EXPECT_THAT(look(table, start + 24h, {{8, 200, 0}}), IsEmpty()) << "one word is enough";
}

TEST(ConnectionTable, GivesWhoComesAnewTimeAnew) {
    ConnectionTable table;
    EXPECT_THAT(look(table, start, {{7, 100, 0}}), IsEmpty());
    EXPECT_THAT(look(table, start + ConnectionTable::first_word_max + 1ms, {{7, 101, 0}}), IsEmpty())
        << "the same descriptor, another connection";
}

TEST(ConnectionTable, EndsAMessageWithoutEnd) {
    ConnectionTable table;
    EXPECT_THAT(look(table, start, {{7, 100, 500}}), IsEmpty());
    table.heard(100, eve);
    EXPECT_THAT(look(table, start + 1s, {{7, 100, 1000}}), IsEmpty());
    EXPECT_THAT(look(table, start + 2s, {{7, 100, 1000 + much}}), IsEmpty());
    const auto endings = table.look(start + 3s, Open{{7, 100, 1001 + much}}, [](const PublicKey&) { return 3; });
    ASSERT_EQ(endings.size(), 1U);
    EXPECT_EQ(endings[0].cookie, 100U);
    EXPECT_THAT(endings[0].why, HasSubstr("key " + eve.fingerprint() + ", which has sent more than 16 MiB"));
}

TEST(ConnectionTable, LetsAnyNumberOfWholeMessagesPass) {
    ConnectionTable table;
    for (std::uint64_t i = 0; i < 100; ++i) {
        table.heard(100, ada);
        EXPECT_THAT(look(table, start + seconds(i), {{7, 100, i * much}}), IsEmpty());
    }
}

TEST(ConnectionTable, EndsTheNewestOfTooMany) {
    ConnectionTable table;
    Open open;
    for (int i = 0; i < 5; ++i) {
        open.insert(open.begin(), {20 - i, 100U + static_cast<unsigned>(i), 0});
        table.heard(100U + static_cast<unsigned>(i), i == 1 ? ada : eve);
        const auto ended = look(table, start + seconds(i), open);
        if (i < 4) {
            EXPECT_THAT(ended, IsEmpty());
        } else {
            EXPECT_EQ(ended, std::vector{16});
        }
    }
    EXPECT_EQ(table.count_of(eve), 4U);
    EXPECT_EQ(table.count_of(ada), 1U);
    open.erase(open.begin());
    EXPECT_THAT(look(table, start + 6s, open), IsEmpty());
    EXPECT_EQ(table.count_of(eve), 3U);
    EXPECT_THAT(look(table, start + 7s, {}), IsEmpty());
    EXPECT_EQ(table.count_of(eve), 0U);
}

// Goal: who was just told that its key was revoked can read that before its connection ends. ADR 25.
TEST(ConnectionTable, EndsThoseOfAKeyThatIsNoLongerAuthorisedAtTheSecondLook) {
    ConnectionTable table;
    const Open open{{7, 100, 0}, {8, 200, 0}, {9, 300, 0}};
    table.heard(100, ada);
    table.heard(200, eve);
    bool eve_is_known = true;
    const auto ended = [&](Instant now) {
        std::vector<std::string> whose;
        const auto open_max = [&](const PublicKey& key) { return key == ada || eve_is_known ? 3U : 0U; };
        for (const auto& one : table.look(now, open, open_max)) whose.push_back(one.why);
        return whose;
    };
    EXPECT_THAT(ended(start), IsEmpty());
    eve_is_known = false;
    EXPECT_THAT(ended(start + 250ms), IsEmpty());
    eve_is_known = true;  // the revocation could not be stored
    EXPECT_THAT(ended(start + 500ms), IsEmpty());
    eve_is_known = false;
    EXPECT_THAT(ended(start + 750ms), IsEmpty());
    EXPECT_EQ(ended(start + 1s), std::vector{"key " + eve.fingerprint() + ", which is no longer authorised"});
}

TEST(ConnectionLimits, AreLowerTheLessAKeyIsTrusted) {
    using protocol::Role;
    for (const Role role : {Role::joiner, Role::worker, Role::user, Role::viewer}) {
        EXPECT_LT(connection_limits(role).per_second, connection_limits(Role::admin).per_second);
        EXPECT_LT(connection_limits(role).open_max, connection_limits(Role::admin).open_max);
        EXPECT_LE(connection_limits(Role::joiner).per_second, connection_limits(role).per_second);
    }
}

TEST(Caller, IsNobodyWithoutAKeyWhereOneIsAskedFor) {
    const PeerId peer{"p"};
    EXPECT_EQ(caller_of(peer, std::nullopt, true), std::nullopt);
    const auto with_key = caller_of(peer, ada, true);
    ASSERT_TRUE(with_key);
    EXPECT_EQ(with_key->peer, peer);
    EXPECT_EQ(with_key->key, ada);
    const auto trusted = caller_of(peer, std::nullopt, false);
    ASSERT_TRUE(trusted);
    EXPECT_EQ(trusted->key, std::nullopt);
    // A key that nobody has checked is none.
    EXPECT_EQ(caller_of(peer, ada, false)->key, std::nullopt);
}

}  // namespace
}  // namespace mc::broker::test
