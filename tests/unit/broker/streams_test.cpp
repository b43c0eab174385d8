#include <gtest/gtest.h>

#include "broker_harness.hpp"

namespace mc::broker::test {
namespace {

struct StreamTest : testing::Test {
    BrokerHarness t;
    RequestId id;

    void SetUp() override {
        t.node_ready("a");
        t.running("box", "a");
        id = t.send(Verb::exec, encode(protocol::StreamRequest{"box", 1000}), {}, "c", 0, "opaque");
    }
    RequestId job() { return t.order("a", Verb::vm_exec)->header.id; }

    void client_says(Kind kind, std::uint32_t value, protocol::Bytes data = {}) {
        protocol::Header header;
        header.kind = kind;
        header.verb = Verb::exec;
        header.id = id;
        header.value = value;
        auto frames = protocol::to_frames({header, {}, std::move(data)});
        t.core->on_client_frames(t.now, Caller{PeerId{"c"}, {}}, frames);
        t.advance(100ms);
    }
};

TEST_F(StreamTest, RelaysItsRequestUndecoded) {
    const auto order = t.order("a", Verb::vm_exec);
    ASSERT_TRUE(order);
    EXPECT_EQ(order->data, "opaque");
    EXPECT_EQ(decode<protocol::StreamOrder>(order->body)->window_bytes, 1000u);
}

TEST_F(StreamTest, RelaysBothWaysAndEndsWithTheReply) {
    t.from_worker("a", Kind::data, Verb::vm_exec, job(), {}, ErrorCode::ok, "out");
    t.from_worker("a", Kind::progress, Verb::vm_exec, job(), {}, ErrorCode::ok, "", 100);
    ASSERT_TRUE(t.answer(id, "c", Kind::data));
    EXPECT_EQ(t.answer(id, "c", Kind::data)->data, "out");
    EXPECT_EQ(t.answer(id, "c", Kind::data)->header.verb, Verb::exec);
    client_says(Kind::data, 0, "in");
    EXPECT_EQ(t.order("a", Verb::vm_exec)->data, "in");
    t.from_worker("a", Kind::reply, Verb::vm_exec, job(), encode(protocol::ExecResult{3}));
    EXPECT_EQ(decode<protocol::ExecResult>(t.answer(id)->body)->exit_code, 3);
    t.to_workers.clear();
    client_says(Kind::data, 0, "late");
    EXPECT_FALSE(t.order("a", Verb::vm_exec));
}

TEST_F(StreamTest, EndsWhenItsClientIsGone) {
    const auto order = job();
    t.core->on_client_gone(t.now, PeerId{"c"});
    t.advance(100ms);
    ASSERT_TRUE(t.order("a", Verb::job_cancel));
    EXPECT_EQ(t.order("a", Verb::job_cancel)->header.id, order);
}

TEST_F(StreamTest, EndsWhenItsClientSaysNothing) {
    t.advance_alive(14s, {"a"});
    EXPECT_FALSE(t.order("a", Verb::job_cancel));
    client_says(Kind::credit, 0);
    t.advance_alive(14s, {"a"});
    EXPECT_FALSE(t.order("a", Verb::job_cancel));
    t.advance_alive(3s, {"a"});
    EXPECT_TRUE(t.order("a", Verb::job_cancel));
    EXPECT_EQ(t.code(id), ErrorCode::deadline_exceeded);
}

TEST_F(StreamTest, EndsWhenItsNodeFallsSilent) {
    t.advance(6s);
    EXPECT_EQ(t.code(id), ErrorCode::node_unreachable);
    EXPECT_TRUE(t.order("a", Verb::job_cancel)) << "its worker may have noticed nothing";
}

TEST_F(StreamTest, EndsWhenItsWorkerRegistersAnew) {
    const auto order = job();
    t.node_ready("a");
    t.advance_alive(1s, {"a"});
    EXPECT_EQ(t.code(id), ErrorCode::node_unreachable);
    ASSERT_TRUE(t.order("a", Verb::job_cancel));
    EXPECT_EQ(t.order("a", Verb::job_cancel)->header.id, order);
}

// Goal: a client whose connection was full when its stream was given up does not wait for ever.
TEST_F(StreamTest, TellsWhoKeepsAStreamAliveThatHasEnded) {
    t.core->on_client_gone(t.now, PeerId{"c"});
    client_says(Kind::credit, 1000);
    EXPECT_FALSE(t.answer(id));
    client_says(Kind::credit, 0);
    EXPECT_EQ(t.code(id), ErrorCode::not_found);
}

TEST_F(StreamTest, EndsAtATooLargeChunk) {
    client_says(Kind::data, 0, std::string(limits::chunk_bytes_max + 1, 'x'));
    EXPECT_EQ(t.code(id), ErrorCode::too_large);
    EXPECT_TRUE(t.order("a", Verb::job_cancel));
}

// Goal: nobody fills the way to a node with what it has not asked for. Issue 4.
TEST_F(StreamTest, EndsAtMoreInputThanWasAskedFor) {
    t.from_worker("a", Kind::progress, Verb::vm_exec, job(), {}, ErrorCode::ok, "", 5);
    client_says(Kind::data, 0, "12345");
    EXPECT_EQ(t.order("a", Verb::vm_exec)->data, "12345");
    t.from_worker("a", Kind::credit, Verb::vm_exec, job(), {}, ErrorCode::ok, "", 2);
    client_says(Kind::data, 0, "67");
    EXPECT_EQ(t.order("a", Verb::vm_exec)->data, "67");
    t.to_workers.clear();
    client_says(Kind::data, 0, "8");
    EXPECT_EQ(t.code(id), ErrorCode::too_large);
    EXPECT_FALSE(t.order("a", Verb::vm_exec));
    EXPECT_TRUE(t.order("a", Verb::job_cancel));
}

TEST_F(StreamTest, EndsAtMoreOutputThanItsClientTakes) {
    t.from_worker("a", Kind::data, Verb::vm_exec, job(), {}, ErrorCode::ok, std::string(1000, 'x'));
    client_says(Kind::credit, 1);
    t.from_worker("a", Kind::data, Verb::vm_exec, job(), {}, ErrorCode::ok, "y");
    EXPECT_EQ(t.answer(id, "c", Kind::data)->data, "y");
    EXPECT_FALSE(t.answer(id));
    t.from_worker("a", Kind::data, Verb::vm_exec, job(), {}, ErrorCode::ok, "z");
    EXPECT_EQ(t.answer(id, "c", Kind::data)->data, "y");
    EXPECT_EQ(t.code(id), ErrorCode::internal);
    EXPECT_TRUE(t.order("a", Verb::job_cancel));
}

TEST_F(StreamTest, EndsAtBytesThatAreNoData) {
    protocol::Header header;
    header.verb = Verb::exec;
    header.id = id;
    header.kind = Kind::control;
    auto frames = protocol::to_frames({header, encode(protocol::Resize{24, 80}), {}});
    t.core->on_client_frames(t.now, Caller{PeerId{"c"}, {}}, frames);
    t.advance(100ms);
    EXPECT_EQ(t.order("a", Verb::vm_exec)->header.kind, Kind::control);
    t.to_workers.clear();
    frames = protocol::to_frames({header, std::string(1000, 'x'), {}});
    t.core->on_client_frames(t.now, Caller{PeerId{"c"}, {}}, frames);
    t.advance(100ms);
    EXPECT_EQ(t.code(id), ErrorCode::too_large);
    EXPECT_FALSE(t.order("a", Verb::vm_exec));

    id = t.send(Verb::exec, encode(protocol::StreamRequest{"box", 1000}), {}, "c", 0, "opaque");
    t.to_workers.clear();
    header.id = id;
    header.kind = Kind::end;
    frames = protocol::to_frames({header, {}, "x"});
    t.core->on_client_frames(t.now, Caller{PeerId{"c"}, {}}, frames);
    t.advance(100ms);
    EXPECT_EQ(t.code(id), ErrorCode::too_large);
}

TEST_F(StreamTest, EndsWhenItsNodesConnectionTakesNoMore) {
    t.core->on_stream_stuck(t.now, protocol::as_job_id(job()));
    t.advance(100ms);
    EXPECT_EQ(t.code(id), ErrorCode::busy);
    EXPECT_TRUE(t.order("a", Verb::job_cancel));
    t.core->on_stream_stuck(t.now, protocol::as_job_id(job()));
}

TEST_F(StreamTest, CanBeCancelledFromAnotherConnection) {
    t.send(Verb::cancel, encode(protocol::JobRequest{id}), {}, "other");
    EXPECT_EQ(t.code(id), ErrorCode::cancelled);
    EXPECT_TRUE(t.order("a", Verb::job_cancel));
}

TEST_F(StreamTest, IsCancelledAtAWorkerThatStreamsForNobody) {
    t.restart();
    t.node_ready("a");
    t.from_worker("a", Kind::data, Verb::vm_exec, RequestId{1, 99}, {}, ErrorCode::ok, "out");
    ASSERT_TRUE(t.order("a", Verb::job_cancel));
    EXPECT_EQ(t.order("a", Verb::job_cancel)->header.id, (RequestId{1, 99}));
}

TEST_F(StreamTest, NeedsARunningVm) {
    EXPECT_EQ(t.code(t.send(Verb::exec, encode(protocol::StreamRequest{"nobody", 1}))), ErrorCode::not_found);
    t.act(Verb::stop, {"box"});
    t.obey("a", Verb::vm_stop, protocol::ContainerState::exited);
    EXPECT_EQ(t.code(t.send(Verb::exec, encode(protocol::StreamRequest{"box", 1}))), ErrorCode::wrong_state);
    t.send(Verb::logs, encode(protocol::StreamRequest{"box", 1}));
    EXPECT_TRUE(t.order("a", Verb::vm_logs)) << "logs of a stopped VM can be read";
}

}  // namespace
}  // namespace mc::broker::test
