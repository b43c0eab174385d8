#include <gtest/gtest.h>

#include <typeinfo>

#include "protocol/codec.hpp"
#include "unit/protocol/samples.hpp"

namespace mc::protocol {
namespace {

// Goal: what one side writes, the other side reads, also when one of them is a release older.
// Spec: docs/protocol.md "Bodies".

template <class F>
void for_each_body(F check) {
    std::apply([&](const auto&... body) { (check(body), ...); }, samples::all());
}

/// Array header of `bytes` and what is behind it.
std::size_t array_count(const Bytes& bytes) {
    const auto first = static_cast<unsigned char>(bytes[0]);
    return first == 0xDC ? static_cast<std::size_t>((static_cast<unsigned char>(bytes[1]) << 8) |
                                                    static_cast<unsigned char>(bytes[2]))
                         : first & 0x0FU;
}
Bytes array_items(const Bytes& bytes) {
    return bytes.substr(static_cast<unsigned char>(bytes[0]) == 0xDC ? 3 : 1);
}
Bytes array_of(std::size_t count, const Bytes& items) {
    return Bytes{'\xDC', static_cast<char>(count >> 8), static_cast<char>(count & 0xFF)} + items;
}

TEST(Bodies, ReadWhatTheyWrote) {
    for_each_body([]<class T>(const T& body) {
        const Bytes bytes = encode(body);
        const auto back = decode<T>(bytes);
        ASSERT_TRUE(back) << typeid(T).name() << ": " << back.error().message;
        EXPECT_EQ(*back, body) << typeid(T).name();
        EXPECT_EQ(encode(*back), bytes);
    });
}

TEST(Bodies, ReadTheirDefaultsToo) {
    for_each_body([]<class T>(const T&) {
        const T fresh{};
        const auto back = decode<T>(encode(fresh));
        ASSERT_TRUE(back) << typeid(T).name();
        EXPECT_EQ(*back, fresh);
    });
}

TEST(Bodies, ThatAreEmptyAreAllDefaults) {
    for_each_body([]<class T>(const T&) {
        EXPECT_EQ(*decode<T>(""), T{});
        EXPECT_EQ(*decode<T>("\x90"), T{});
    });
}

TEST(Bodies, OfANewerPeerAreReadWithoutTheirExtraFields) {
    for_each_body([]<class T>(const T& body) {
        const Bytes bytes = encode(body);
        const Bytes newer = array_of(array_count(bytes) + 2, array_items(bytes) + "\xA3new" + "\x81\xA1k\xC0");
        const auto back = decode<T>(newer);
        ASSERT_TRUE(back) << typeid(T).name() << ": " << back.error().message;
        EXPECT_EQ(*back, body) << typeid(T).name();
    });
}

TEST(Bodies, OfAnOlderPeerKeepDefaultsForWhatIsMissing) {
    EXPECT_EQ(decode<Progress>("\x91\xA7pulling"),
              (Progress{.stage = "pulling", .detail = "", .percent = 0, .name = ""}));
    const auto action = decode<ActionRequest>("\x91\x91\xA3web");
    ASSERT_TRUE(action);
    EXPECT_EQ(action->targets, std::vector<std::string>{"web"});
    EXPECT_EQ(action->grace_seconds, 10U);
    EXPECT_EQ(decode<JobsRequest>("")->verb_max, static_cast<std::uint16_t>(Verb::cancel));
    EXPECT_EQ(decode<StreamRequest>("\x91\xA3web")->window_bytes, limits::window_bytes_default);
    const auto create = decode<CreateRequest>(
        "\x91\x92\xA3web\xA6"
        "debian");
    ASSERT_TRUE(create);
    EXPECT_EQ(create->spec.image, "debian");
    EXPECT_EQ(create->count, 1U);
}

TEST(Bodies, AreRefusedWhenCutAnywhere) {
    for_each_body([]<class T>(const T& body) {
        const Bytes bytes = encode(body);
        for (std::size_t size = 1; size < bytes.size(); ++size) {
            const auto cut = decode<T>(std::string_view(bytes).substr(0, size));
            ASSERT_FALSE(cut) << typeid(T).name() << " cut to " << size;
            ASSERT_EQ(cut.error().code, ErrorCode::bad_message);
        }
    });
}

TEST(Bodies, AreRefusedWithBytesAfterTheirEnd) {
    for_each_body([]<class T>(const T& body) {
        const auto back = decode<T>(encode(body) + "\xC0");
        ASSERT_FALSE(back);
        EXPECT_EQ(back.error().code, ErrorCode::bad_message);
    });
}

TEST(Bodies, SurviveAnyOneByteChanged) {
    for_each_body([]<class T>(const T& body) {
        const Bytes bytes = encode(body);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            for (const int value : {0x00, 0x7F, 0x90, 0x9F, 0xC0, 0xC1, 0xC6, 0xD9, 0xDB, 0xDD, 0xDF, 0xFF}) {
                Bytes changed = bytes;
                changed[i] = static_cast<char>(value);
                const auto back = decode<T>(changed);
                if (!back) {
                    ASSERT_TRUE(back.error().code == ErrorCode::bad_message ||
                                back.error().code == ErrorCode::too_large);
                    ASSERT_FALSE(back.error().message.empty());
                }
            }
        }
    });
}

TEST(Bodies, AreArraysOfTheirFields) {
    EXPECT_EQ(encode(Resize{50, 132}), "\x92\x32\xCC\x84");
    EXPECT_EQ(encode(Label{"k", ""}), "\x92\xA1k\xA0");
    EXPECT_EQ(encode(ExecResult{-1}), "\x91\xFF");
    EXPECT_EQ(encode(JobRequest{samples::request}),
              Bytes("\x91\xC4\x10\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF", 19));
}

TEST(Bodies, WriteAnAbsentVmAsNil) {
    const ItemResult item{.target = "x", .code = ErrorCode::not_found, .message = "no", .vm = {}};
    EXPECT_EQ(encode(item), "\x94\xA1x\x0A\xA2no\xC0");
    EXPECT_FALSE(decode<ItemResult>(encode(item))->vm);
}

}  // namespace
}  // namespace mc::protocol
