#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "io/contexts.hpp"
#include "io/curve_keys.hpp"
#include "io/files.hpp"
#include "io/handshake_watch.hpp"
#include "io/stranger_probe.hpp"
#include "io/zap.hpp"
#include "support.hpp"

namespace mc::io {
namespace {

using test::run_until;
using test::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Frames = std::vector<std::string>;

SocketOptions with(Security security) {
    SocketOptions options;
    options.security = std::move(security);
    return options;
}

/// A ROUTER that lets one key in, and somebody who connects to it.
struct Curve : ::testing::Test {
    Context context;
    Poller poller;
    KeyPair server = KeyPair::make();
    KeyPair client = KeyPair::make();
    std::vector<std::string> asked;
    int put_off = 0;  ///< so many of the client's connections
    ZapHandler zap{context, [this](std::string_view domain, const PublicKey& key, std::string_view address) {
                       asked.emplace_back(domain);
                       EXPECT_EQ(address, "127.0.0.1");
                       if (key != client.pub) return Admission::refused;
                       return put_off-- > 0 ? Admission::put_off : Admission::let_in;
                   }};
    Socket router = Socket::router(context, with(CurveServer{server, "clients"}));
    std::optional<Received> received;

    void SetUp() override {
        ASSERT_TRUE(zap.begin(poller));
        ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
        poller.add(router, {}, [this](Readiness) { ASSERT_TRUE(router.receive_into(received.emplace(), true)); });
    }
    void TearDown() override {
        poller.remove(router);
        zap.end(poller);
    }

    /// How the first handshake of a DEALER with that security ends, and a message that it sends; `passed_over`: the
    /// first that does not end so.
    Handshake connect(const Security& security, std::string endpoint = "",
                      std::optional<Handshake> passed_over = std::nullopt) {
        Socket dealer = Socket::dealer(context, with(security));
        HandshakeWatch watch(context, dealer);
        EXPECT_TRUE(dealer.connect(endpoint.empty() ? router.last_endpoint() : endpoint));
        EXPECT_EQ(dealer.send(Frames{"hello"}), SendOutcome::sent);
        std::optional<Handshake> outcome;
        poller.add(watch.events(), {}, [&](Readiness) {
            while (!outcome) {
                outcome = watch.next();
                if (!outcome) return;
                if (outcome == passed_over) outcome.reset();
            }
        });
        EXPECT_TRUE(run_until(poller, [&] { return outcome.has_value(); }));
        poller.remove(watch.events());
        if (outcome == Handshake::done) {
            EXPECT_TRUE(run_until(poller, [&] { return received.has_value(); }));
        }
        return outcome.value_or(Handshake::broken_off);
    }
    /// As connect(), of one whose security is of another kind than the other end's. Whoever sees that first hangs up,
    /// and libzmq may do so before it has said its own kind: mostly so where the ends have an I/O thread each, and
    /// here, where one does for both, only if the kernel held back the accept. Then the DEALER comes again.
    Handshake connect_as_of_another_kind(const Security& security, const std::string& endpoint = "") {
        return connect(security, endpoint, Handshake::broken_off);
    }
};

TEST_F(Curve, LetsAKnownKeyInAndTellsWhoseEachMessageIs) {
    EXPECT_EQ(connect(CurveClient{client, server.pub}), Handshake::done);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->frames.back(), "hello");
    EXPECT_EQ(received->key, client.pub);
    EXPECT_THAT(asked, ElementsAre("clients"));
}

TEST_F(Curve, RefusesAnotherKey) {
    EXPECT_EQ(connect(CurveClient{KeyPair::make(), server.pub}), Handshake::refused);
    EXPECT_FALSE(received);
}

TEST_F(Curve, WhoIsPutOffComesAgainByItself) {
    put_off = 2;
    Socket dealer = Socket::dealer(context, with(CurveClient{client, server.pub}));
    ASSERT_TRUE(dealer.connect(router.last_endpoint()));
    ASSERT_EQ(dealer.send(Frames{"hello"}), SendOutcome::sent);
    EXPECT_TRUE(run_until(poller, [&] { return received.has_value(); }));
    EXPECT_EQ(asked.size(), 3U);
}

TEST_F(Curve, RefusesWhoComesWithoutAKey) {
    EXPECT_EQ(connect_as_of_another_kind({}), Handshake::no_common);
    EXPECT_THAT(asked, IsEmpty());
    EXPECT_FALSE(received);
}

TEST_F(Curve, AClientTalksToNoOtherServer) {
    EXPECT_EQ(connect(CurveClient{client, KeyPair::make().pub}), Handshake::broken_off);
    EXPECT_FALSE(received);
}

TEST_F(Curve, AClientWithAKeyTalksToNoPlaintextServer) {
    Socket plain = Socket::router(context);
    ASSERT_TRUE(plain.bind("tcp://127.0.0.1:*"));
    EXPECT_EQ(connect_as_of_another_kind(CurveClient{client, server.pub}, plain.last_endpoint()), Handshake::no_common);
}

TEST_F(Curve, WhatSpeaksSomethingElseIsNotTakenForABrokerWithKeys) {
    const test::Server http([](int fd) {
        const std::string_view answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        static_cast<void>(!::write(fd, answer.data(), answer.size()));
    });
    EXPECT_EQ(connect({}, http.tcp()), Handshake::broken_off);
    EXPECT_EQ(connect(CurveClient{client, server.pub}, http.tcp()), Handshake::broken_off);
}

TEST_F(Curve, AWatchTellsOfNothingWhileNothingHappens) {
    Socket dealer = Socket::dealer(context);
    HandshakeWatch watch(context, dealer);
    EXPECT_EQ(watch.next(), std::nullopt);
}

// The library's I/O thread would stand still, and with it every socket, if it told a watch that is gone.
TEST_F(Curve, AWatchMayEndWhileItsSocketGoesOn) {
    Socket dealer = Socket::dealer(context, with(CurveClient{client, server.pub}));
    std::make_unique<HandshakeWatch>(context, dealer).reset();
    ASSERT_TRUE(dealer.connect(router.last_endpoint()));
    EXPECT_EQ(dealer.send(Frames{"hello"}), SendOutcome::sent);
    EXPECT_TRUE(run_until(poller, [&] { return received.has_value(); }));
}

TEST_F(Curve, AProbeTellsThatStrangersAreKeptOut) {
    EXPECT_TRUE(probe_as_stranger(context, poller, Socket::dealer(context, stranger_options(server.pub)),
                                  router.last_endpoint()));
}

// A library that asks nobody, or a handler that lets everybody in.
TEST(CurveProbe, TellsThatAStrangerGotIn) {
    Context context;
    Poller poller;
    const KeyPair server = KeyPair::make();
    ZapHandler zap(context, [](auto&&...) { return Admission::let_in; });
    ASSERT_TRUE(zap.begin(poller));
    Socket router = Socket::router(context, with(CurveServer{server, "clients"}));
    ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
    const auto probed = probe_as_stranger(context, poller, Socket::dealer(context, stranger_options(server.pub)),
                                          router.last_endpoint());
    ASSERT_FALSE(probed);
    EXPECT_EQ(probed.error().code, ErrorCode::internal);
    zap.end(poller);
}

// Pitfalls 6 and 12: libzmq by itself lets every key in, without a word, when there is no ZAP handler.
TEST_F(Curve, WithoutAHandlerNobodyIsLetIn) {
    Context unwatched;
    Socket other = Socket::router(unwatched, with(CurveServer{server, "clients"}));
    ASSERT_TRUE(other.bind("tcp://127.0.0.1:*"));
    EXPECT_EQ(connect(CurveClient{client, server.pub}, other.last_endpoint()), Handshake::broken_off);
    EXPECT_FALSE(other.receive());
}

TEST(HandshakeVerdict, IsPatientWithABrokerThatBreaksOffAndWithNothingElse) {
    const Instant start{1000s};
    for (const Handshake outcome : {Handshake::refused, Handshake::no_common}) {
        EXPECT_TRUE(HandshakeVerdict().is_final(start, outcome));
    }
    HandshakeVerdict verdict;
    EXPECT_FALSE(verdict.is_final(start, Handshake::broken_off));
    EXPECT_FALSE(verdict.is_final(start, Handshake::broken_off));
    EXPECT_FALSE(verdict.is_final(start + 900ms, Handshake::broken_off)) << "too soon";
    EXPECT_FALSE(verdict.is_final(start + 950ms, Handshake::done));
    EXPECT_FALSE(verdict.is_final(start + 1s, Handshake::broken_off)) << "that is the first one again";
    EXPECT_FALSE(verdict.is_final(start + 5s, Handshake::broken_off));
    EXPECT_TRUE(verdict.is_final(start + 6s, Handshake::broken_off));
}

TEST(CurveSentences, SayWhatToDo) {
    EXPECT_THAT(handshake_sentence(Handshake::refused, "tcp://a:1", true), HasSubstr("mccli token create"));
    EXPECT_THAT(handshake_sentence(Handshake::no_common, "tcp://a:1", false), HasSubstr("without a key"));
    EXPECT_THAT(handshake_sentence(Handshake::no_common, "tcp://a:1", true), HasSubstr("--plaintext"));
    EXPECT_THAT(handshake_sentence(Handshake::broken_off, "tcp://a:1", true), HasSubstr("not the broker whose key"));
}

// Each subscriber gets what its key is granted, whatever it asks for.
TEST_F(Curve, AnXpubSendsToEachOnlyWhatItIsGranted) {
    Socket events = Socket::xpub(context, with(CurveServer{server, "events"})).value();
    ASSERT_TRUE(events.bind("tcp://127.0.0.1:*"));
    Socket all = Socket::sub(context, with(CurveClient{client, server.pub}));
    all.subscribe("");
    ASSERT_TRUE(all.connect(events.last_endpoint()));
    std::vector<Received> asked_for;
    poller.add(events, {}, [&](Readiness) {
        for (Received one; events.receive_into(one, true);) {
            asked_for.push_back(one);
            events.subscribe("event/ada/");
        }
    });
    ASSERT_TRUE(run_until(poller, [&] { return !asked_for.empty(); }));
    EXPECT_EQ(asked_for[0].key, client.pub);
    EXPECT_EQ(asked_for[0].frames, Frames{std::string(1, '\1')});
    EXPECT_EQ(events.send(Frames{"event/bob/", "1"}), SendOutcome::sent);
    EXPECT_EQ(events.send(Frames{"event/ada/", "2"}), SendOutcome::sent);
    std::optional<Frames> got;
    poller.add(all, {}, [&](Readiness) { got = all.receive(); });
    ASSERT_TRUE(run_until(poller, [&] { return got.has_value(); }));
    EXPECT_THAT(*got, ElementsAre("event/ada/", "2"));
    poller.remove(all);
    poller.remove(events);
}

TEST(CurveKeys, AreWrittenAndRead) {
    TempDir dir;
    const auto made = read_or_make_key_file(dir / "key");
    ASSERT_TRUE(made);
    EXPECT_EQ(*read_or_make_key_file(dir / "key"), *made);
    struct stat status {};
    ASSERT_EQ(::stat((dir / "key").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_EQ(*public_key_from_z85(to_z85(made->pub)), made->pub);
    EXPECT_EQ(KeyPair::of_secret(made->secret.view())->pub, made->pub);
}

TEST(CurveKeys, RefusesWhatOthersCanRead) {
    TempDir dir;
    ASSERT_TRUE(read_or_make_key_file(dir / "key"));
    ASSERT_EQ(::chmod((dir / "key").c_str(), 0640), 0);
    const auto read = read_key_file(dir / "key");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::denied);
    EXPECT_THAT(read.error().message, HasSubstr("chmod 600"));
    EXPECT_EQ(read_key_file(dir.path()).error().code, ErrorCode::denied);
}

TEST(CurveKeys, RefusesWhatIsNoFileOfOnesOwn) {
    TempDir dir;
    ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
    EXPECT_EQ(read_secret_file(dir / "pipe", 100).error().code, ErrorCode::denied);
    ASSERT_TRUE(write_file_atomic(dir / "long", "12345"));
    EXPECT_EQ(read_secret_file(dir / "long", 4).error().code, ErrorCode::too_large);
    EXPECT_EQ(read_secret_file(dir / "long", 5)->view(), "12345");
    ASSERT_EQ(::symlink("long", (dir / "link").c_str()), 0);
    EXPECT_EQ(read_secret_file(dir / "link", 5)->view(), "12345");
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
    ASSERT_EQ(::chown((dir / "long").c_str(), 1, 1), 0);
    EXPECT_EQ(read_secret_file(dir / "link", 5).error().code, ErrorCode::denied);
}

// Goal: the file that is looked at is the one that is read, however fast another is put in its place.
TEST(CurveKeys, ReadsNoFileThatWasPutThereAfterTheLook) {
    TempDir dir;
    ASSERT_TRUE(write_file_atomic(dir / "mine", "good", 0600));
    ASSERT_TRUE(write_file_atomic(dir / "open", "evil", 0644));
    ASSERT_TRUE(write_file_atomic(dir / "key", "good", 0600));
    std::atomic<bool> over{false};
    std::thread swapper([&] {
        while (!over) {
            for (const char* name : {"open", "mine"}) {
                ::unlink((dir / "next").c_str());
                static_cast<void>(!::link((dir / name).c_str(), (dir / "next").c_str()));
                ::rename((dir / "next").c_str(), (dir / "key").c_str());
            }
        }
    });
    int good = 0;
    int refused = 0;
    // The swapper's thread may begin late.
    const Instant end = read_clock().instant + test::patience;
    const auto seen_both = [&] { return good > 0 && refused > 0; };
    for (int i = 0; i < 20'000 || (!seen_both() && read_clock().instant < end); ++i) {
        const auto read = read_secret_file(dir / "key", 100);
        if (read) {
            EXPECT_EQ(read->view(), "good");
            ++good;
        } else {
            EXPECT_EQ(read.error().code, ErrorCode::denied) << read.error().message;
            ++refused;
        }
    }
    over = true;
    swapper.join();
    EXPECT_GT(good, 0);
    EXPECT_GT(refused, 0);
}

TEST(CurveKeys, RefusesWhatIsNone) {
    TempDir dir;
    EXPECT_EQ(read_key_file(dir / "key").error().code, ErrorCode::not_found);
    ASSERT_TRUE(write_file_atomic(dir / "key", "secret-key=abc\n"));
    EXPECT_EQ(read_key_file(dir / "key").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(public_key_from_z85("abc").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(KeyPair::of_secret("abc").error().code, ErrorCode::invalid_argument);
}

TEST(ContextFiles, AreSavedChosenAndRemoved) {
    TempDir dir;
    const Contexts contexts([&](std::string_view name) -> std::optional<std::string> {
        if (name == "XDG_CONFIG_HOME") return dir.path().string();
        return std::nullopt;
    });
    const StoredConnection home{"tcp://127.0.0.1:7710", KeyPair::make().pub, KeyPair::make()};
    EXPECT_THAT(contexts.names(), IsEmpty());
    EXPECT_EQ(contexts.current(), "");
    ASSERT_TRUE(contexts.save("home", home));
    ASSERT_TRUE(contexts.save("lab", home));
    EXPECT_THAT(contexts.names(), ElementsAre("home", "lab"));
    ASSERT_TRUE(contexts.use("lab"));
    EXPECT_EQ(contexts.current(), "lab");
    EXPECT_EQ(*contexts.load("home"), home);
    EXPECT_EQ(*contexts.load(contexts.path_of("home").string()), home);
    ASSERT_TRUE(contexts.remove("lab"));
    EXPECT_EQ(contexts.current(), "");
    EXPECT_EQ(contexts.use("lab").error().code, ErrorCode::not_found);
    EXPECT_THAT(contexts.load("lab").error().message, HasSubstr("there are: home"));
    EXPECT_EQ(contexts.save("none", home).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(contexts.save("../lab", home).error().code, ErrorCode::invalid_argument);
    ASSERT_TRUE(write_file_atomic(contexts.path_of("home"), "endpoint=tcp://a:1\n"));
    EXPECT_EQ(contexts.load("home").error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace mc::io
