#include "protocol/endpoints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mc::protocol {
namespace {

TEST(Endpoints, AreReachedWhereTheBrokerWas) {
    EXPECT_EQ(reached_endpoint("tcp://*:7712", "tcp://box:7710"), "tcp://box:7712");
    EXPECT_EQ(reached_endpoint("tcp://0.0.0.0:7712", "tcp://10.0.0.1:7710"), "tcp://10.0.0.1:7712");
    EXPECT_EQ(reached_endpoint("tcp://[::]:7712", "tcp://[fe80::1]:7710"), "tcp://[fe80::1]:7712");
    EXPECT_EQ(reached_endpoint("tcp://0.0.0.0:7712", "ipc:///run/mc"), "tcp://127.0.0.1:7712");
    EXPECT_EQ(reached_endpoint("tcp://10.0.0.1:7712", "tcp://box:7710"), "tcp://10.0.0.1:7712");
    EXPECT_EQ(reached_endpoint("ipc:///run/ev", "ipc:///run/mc"), "ipc:///run/ev");
}

TEST(Endpoints, OnLoopbackAreForThisMachineAlone) {
    EXPECT_TRUE(is_loopback_endpoint("tcp://127.0.0.1:7710"));
    EXPECT_TRUE(is_loopback_endpoint("tcp://localhost:7710"));
    EXPECT_TRUE(is_loopback_endpoint("tcp://[::1]:7710"));
    EXPECT_FALSE(is_loopback_endpoint("tcp://0.0.0.0:7710"));
    EXPECT_FALSE(is_loopback_endpoint("tcp://*:7710"));
    EXPECT_FALSE(is_loopback_endpoint("tcp://10.0.0.1:7710"));
    EXPECT_FALSE(is_loopback_endpoint("ipc:///run/mc"));
    EXPECT_TRUE(is_local_endpoint("ipc:///run/mc"));
    EXPECT_TRUE(is_local_endpoint("tcp://127.3.2.1:7710"));
    EXPECT_FALSE(is_local_endpoint("ws://127.0.0.1:7710"));
    EXPECT_FALSE(is_local_endpoint("tcp://192.0.2.1:7710"));
}

TEST(Endpoints, ANameIsNotLoopbackWhateverItBeginsWith) {
    for (const char* near : {"127.0.0.1", "127.255.255.254", "::1", "[::1]", "localhost"}) {
        EXPECT_TRUE(is_loopback_host(near)) << near;
    }
    for (const char* far :
         {"", "127", "127.", "127.1", "127.0.0", "127.0.0.", "127.0.0.1.", "127.0.0.1.2", "127.0.0.256", "127..0.1",
          "127.0.0.0001", "127.0.0.1e", "127.example.org", "127.0.0.1.example.org", "[127.0.0.1", "128.0.0.1",
          "localhost.example.org", "[::1]x", "::"}) {
        EXPECT_FALSE(is_loopback_host(far)) << far;
    }
    EXPECT_EQ(bare_host("[fd00::1]"), "fd00::1");
    EXPECT_EQ(bare_host("[fd00::1"), "[fd00::1");
    EXPECT_EQ(bare_host("cloud.lan"), "cloud.lan");
}

TEST(Endpoints, AreReachedOnLoopbackByTheirOwnMachine) {
    EXPECT_EQ(reached_endpoint("tcp://0.0.0.0:7710", ""), "tcp://127.0.0.1:7710");
    EXPECT_EQ(reached_endpoint("tcp://[::]:7710", ""), "tcp://127.0.0.1:7710");
    EXPECT_EQ(reached_endpoint("tcp://10.0.0.1:7710", ""), "tcp://10.0.0.1:7710");
    EXPECT_EQ(reached_endpoint("ipc:///run/mc", ""), "ipc:///run/mc");
}

TEST(Endpoints, NoKeyIsForThisMachineOnly) {
    for (const char* near : {"ipc:///run/mc", "tcp://127.0.0.1:7710", "tcp://localhost:7710", "tcp://[::1]:7710"}) {
        EXPECT_TRUE(check_keyless(near, "mccli join TOKEN")) << near;
    }
    for (const char* far : {"tcp://10.0.0.1:7710", "tcp://box:7710", "tcp://127.0.0.1.example:7710",
                            "tcp://127.example.org:7710", "ws://127.0.0.1:7710"}) {
        const auto refused = check_keyless(far, "mccli join TOKEN");
        ASSERT_FALSE(refused) << far;
        EXPECT_EQ(refused.error().code, ErrorCode::not_authorised);
        EXPECT_THAT(refused.error().message, testing::HasSubstr("mccli join TOKEN"));
    }
}

}  // namespace
}  // namespace mc::protocol
