#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::Channel;
using protocol::ExecSpec;
using protocol::Kind;
using protocol::Verb;

ExecSpec command(const std::string& name, bool input = false) {
    ExecSpec spec;
    spec.argv = {name};
    spec.input = input;
    return spec;
}

protocol::LogsSpec logs_spec(bool follow, std::uint32_t tail) {
    protocol::LogsSpec spec;
    spec.follow = follow;
    spec.tail = tail;
    return spec;
}

ExecSpec with_input() {
    return command("cat", true);
}

ExecSpec terminal(std::uint16_t rows, std::uint16_t columns) {
    ExecSpec spec = command("sh");
    spec.tty = true;
    spec.rows = rows;
    spec.columns = columns;
    return spec;
}

struct ExecHarness : Harness {
    ExecHarness() { EXPECT_EQ(code(create()), ErrorCode::ok); }

    JobId run(const ExecSpec& spec = command("true"), std::uint32_t window = 1000) {
        const JobId id = exec(spec, window);
        if (open_stream) {
            core.on_stream_opened(now, *open_stream);
            settle();
        }
        return id;
    }
    void engine_sends(const std::string& bytes) {
        core.on_stream_bytes(now, *open_stream, bytes);
        settle();
    }
    void engine_closes(const Result<void>& result = {}) {
        core.on_stream_closed(now, *open_stream, result);
        settle();
    }
    [[nodiscard]] std::string data(JobId id, Channel channel) const {
        std::string text;
        for (const auto& message : all(id, Kind::data)) {
            if (message.header.value == static_cast<std::uint32_t>(channel)) text += message.data;
        }
        return text;
    }
    [[nodiscard]] std::size_t data_bytes(JobId id) const {
        return data(id, Channel::output).size() + data(id, Channel::error).size();
    }
    [[nodiscard]] std::uint32_t credit(JobId id) const {
        std::uint32_t sum = 0;
        for (const auto& message : all(id, Kind::credit)) sum += message.header.value;
        return sum;
    }
};

TEST(ExecJob, RunsACommandAndTellsItsExitCode) {
    ExecHarness t;
    t.engine.exec_state["ExitCode"] = 3;
    const JobId id = t.run();
    t.engine_sends(Harness::frame(1, "out") + Harness::frame(2, "err"));
    t.engine_closes();
    EXPECT_EQ(t.data(id, Channel::output), "out");
    EXPECT_EQ(t.data(id, Channel::error), "err");
    ASSERT_EQ(t.code(id), ErrorCode::ok);
    EXPECT_EQ(protocol::decode<protocol::ExecResult>(t.reply(id)->body)->exit_code, 3);
}

TEST(ExecJob, AcknowledgesWithTheInputWindow) {
    ExecHarness t;
    const JobId without = t.run();
    ASSERT_EQ(t.all(without, Kind::progress).size(), 1U);
    EXPECT_EQ(t.all(without, Kind::progress)[0].header.value, 0U);
    EXPECT_TRUE(t.all(without, Kind::progress)[0].body.empty());
    const JobId with = t.run(with_input());
    EXPECT_EQ(t.all(with, Kind::progress)[0].header.value, bounds::input_window_bytes);
}

TEST(ExecJob, NeverSendsMoreThanItsCredit) {
    ExecHarness t;
    const JobId id = t.run(command("true"), 10);
    t.engine_sends(Harness::frame(1, std::string(25, 'a')) + Harness::frame(2, "bbb"));
    EXPECT_EQ(t.data_bytes(id), 10U);
    t.peer(id, Kind::credit, 0);
    EXPECT_EQ(t.data_bytes(id), 10U);
    t.peer(id, Kind::credit, 7);
    EXPECT_EQ(t.data_bytes(id), 17U);
    t.engine_closes();
    EXPECT_FALSE(t.reply(id));  // the reply is the last thing, after all output
    t.peer(id, Kind::credit, 1000);
    EXPECT_EQ(t.data(id, Channel::output), std::string(25, 'a'));
    EXPECT_EQ(t.data(id, Channel::error), "bbb");
    EXPECT_EQ(t.code(id), ErrorCode::ok);
}

TEST(ExecJob, NumbersItsChunksAndKeepsThemSmall) {
    ExecHarness t;
    const JobId id = t.run(command("true"), limits::window_bytes_max);
    for (int i = 0; i < 3; ++i) t.engine_sends(Harness::frame(1, std::string(100'000, 'x')));
    const auto chunks = t.all(id, Kind::data);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        EXPECT_EQ(chunks[i].header.sequence, i);
        EXPECT_LE(chunks[i].data.size(), limits::chunk_bytes_max);
    }
    EXPECT_EQ(t.data_bytes(id), 300'000U);
}

TEST(ExecJob, HoldsTheEngineWhileNobodyReads) {
    ExecHarness t;
    const JobId id = t.run(command("true"), 1);
    t.engine_sends(Harness::frame(1, std::string(bounds::output_buffer_pause_bytes, 'x')));
    EXPECT_EQ(t.pauses, 0);
    t.engine_sends(Harness::frame(1, "yy"));
    EXPECT_EQ(t.pauses, 1);
    t.peer(id, Kind::credit, 1000);
    EXPECT_EQ(t.resumes, 0);
    t.peer(id, Kind::credit, bounds::output_buffer_pause_bytes - bounds::output_buffer_resume_bytes);
    EXPECT_EQ(t.resumes, 1);
}

TEST(ExecJob, PassesInputOnAndGivesCreditAsItIsTaken) {
    ExecHarness t;
    const JobId id = t.run(with_input());
    for (std::uint32_t i = 0; i < 5; ++i) t.peer(id, Kind::data, 0, i, std::string(60'000, 'a'));
    EXPECT_EQ(t.written.size(), 300'000U);
    EXPECT_EQ(t.credit(id), 0U);  // not taken yet
    t.core.on_stream_written(t.now, *t.open_stream, 300'000);
    t.settle();
    EXPECT_EQ(t.credit(id), 300'000U);
    t.peer(id, Kind::end);
    EXPECT_TRUE(t.write_closed);
}

TEST(ExecJob, KeepsInputThatComesBeforeTheConnection) {
    ExecHarness t;
    const JobId id = t.exec(with_input(), 100);
    t.peer(id, Kind::data, 0, 0, "early");
    t.peer(id, Kind::end);
    EXPECT_EQ(t.written, "");
    t.core.on_stream_opened(t.now, *t.open_stream);
    t.settle();
    EXPECT_EQ(t.written, "early");
    EXPECT_TRUE(t.write_closed);
}

TEST(ExecJob, RefusesInputOverItsCreditOrOutOfOrder) {
    {
        ExecHarness t;
        const JobId id = t.run(with_input());
        for (std::uint32_t i = 0; i < 16; ++i) t.peer(id, Kind::data, 0, i, std::string(limits::chunk_bytes_max, 'x'));
        EXPECT_FALSE(t.reply(id));
        t.peer(id, Kind::data, 0, 16, "x");
        EXPECT_EQ(t.code(id), ErrorCode::bad_message);
        EXPECT_TRUE(t.stream_closed);
    }
    ExecHarness t;
    const JobId id = t.run(with_input());
    t.peer(id, Kind::data, 0, 1, "x");
    EXPECT_EQ(t.code(id), ErrorCode::bad_message);
    const JobId without = t.run();
    t.peer(without, Kind::data, 0, 0, "x");
    EXPECT_EQ(t.code(without), ErrorCode::bad_message);
}

TEST(ExecJob, GivesATerminalItsSizeAndFollowsIt) {
    ExecHarness t;
    const JobId id = t.run(terminal(40, 100));
    EXPECT_EQ(t.engine.count("POST /exec/exec1/resize?h=40&w=100"), 1);
    t.peer(id, Kind::control, 0, 0, {}, protocol::encode(protocol::Resize{.rows = 50, .columns = 120}));
    EXPECT_EQ(t.engine.count("POST /exec/exec1/resize?h=50&w=120"), 1);
    t.engine_sends("raw, no frames");
    EXPECT_EQ(t.data(id, Channel::output), "raw, no frames");
}

TEST(ExecJob, CancelClosesTheConnection) {
    ExecHarness t;
    const JobId id = t.run();
    t.cancel(id);
    EXPECT_EQ(t.code(id), ErrorCode::cancelled);
    EXPECT_TRUE(t.stream_closed);
    t.peer(id, Kind::data, 0, 0, "late");  // nobody there: ignored
    EXPECT_EQ(t.all(id, Kind::reply).size(), 1U);
}

// Goal: Ctrl-C at the client leaves no command behind in the VM.
TEST(ExecJob, CancelHangsUpOnTheCommand) {
    ExecHarness t;
    std::vector<std::string> bodies;
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.ends_with("/exec")) bodies.push_back(request.body);
        return std::nullopt;
    };
    const JobId id = t.run();
    t.cancel(id);
    ASSERT_EQ(bodies.size(), 2U);
    const std::string mark = "MINICLOUD_EXEC=" + id.str();
    EXPECT_THAT(bodies[0], testing::HasSubstr(mark));
    EXPECT_THAT(bodies[1], testing::AllOf(testing::HasSubstr(mark), testing::HasSubstr("kill -HUP")));
    EXPECT_EQ(t.engine.count("POST /exec/exec1/start"), 1);
    EXPECT_EQ(t.code(id), ErrorCode::cancelled);
}

TEST(ExecJob, EndsInTimeWhenTheEngineDoesNotHangUp) {
    ExecHarness t;
    const JobId id = t.run();
    t.when("POST", "/exec", std::nullopt);
    t.cancel(id);
    EXPECT_FALSE(t.reply(id));
    t.advance(bounds::hang_up_max);
    EXPECT_EQ(t.code(id), ErrorCode::cancelled);
}

TEST(ExecJob, EndsWhenTheBrokerIsLost) {
    ExecHarness t;
    const JobId id = t.run();
    t.advance(limits::heartbeats_missed_max * limits::heartbeat_interval, false);
    EXPECT_TRUE(t.stream_closed);
    EXPECT_EQ(t.code(id), ErrorCode::node_unreachable);
}

TEST(ExecJob, NeedsARunningVm) {
    ExecHarness t;
    t.container()->state = "exited";
    EXPECT_EQ(t.code(t.run()), ErrorCode::wrong_state);
    t.engine.containers.clear();
    EXPECT_EQ(t.code(t.run()), ErrorCode::not_found);
    EXPECT_FALSE(t.open_stream);
}

TEST(ExecJob, WaitsForTheEngineToNoteTheExit) {
    ExecHarness t;
    t.engine.exec_state = {{"Running", true}, {"ExitCode", nullptr}};
    const JobId id = t.run();
    t.engine_closes();
    EXPECT_FALSE(t.reply(id));
    t.engine.exec_state = {{"Running", false}, {"ExitCode", 1}};
    t.advance(bounds::exec_exit_poll);
    EXPECT_EQ(protocol::decode<protocol::ExecResult>(t.reply(id)->body)->exit_code, 1);
}

TEST(ExecJob, SaysWhatTheEngineSaysWhenItFails) {
    ExecHarness t;
    const JobId broken = t.run();
    t.engine_closes(fail(ErrorCode::engine_unreachable, "connection reset"));
    EXPECT_EQ(t.code(broken), ErrorCode::engine_unreachable);
    t.when("POST", "/exec", FakeEngine::error(409, "Container is paused"));
    EXPECT_EQ(t.code(t.run()), ErrorCode::wrong_state);
}

TEST(ExecJob, IsNotAcknowledgedTwice) {
    ExecHarness t;
    const JobId id = t.run(with_input());
    t.order(Verb::vm_exec, protocol::encode(protocol::StreamOrder{.epoch = Epoch{5}, .vm = Harness::vm}),
            protocol::encode(ExecSpec{}), 0, id);
    EXPECT_EQ(t.all(id, Kind::progress).size(), 1U);  // it grants credit
}

TEST(ExecJob, RefusesAnEnvironmentThatIsNone) {
    ExecHarness t;
    ExecSpec spec = command("true");
    spec.env = {"A=1", "no value"};
    EXPECT_EQ(t.code(t.exec(spec, 1)), ErrorCode::invalid_argument);
}

TEST(ExecJob, StreamsAreBounded) {
    ExecHarness t;
    for (std::size_t i = 0; i < bounds::streams_max; ++i) EXPECT_FALSE(t.reply(t.exec(command("sleep"), 1)));
    EXPECT_EQ(t.code(t.exec(command("sleep"), 1)), ErrorCode::busy);
}

struct TunnelHarness : ExecHarness {
    JobId tunnel(std::uint32_t window = 1000) {
        return order(Verb::vm_tunnel, protocol::encode(protocol::StreamOrder{
                                          .epoch = Epoch{5}, .vm = Harness::vm, .window_bytes = window}));
    }
    JobId opened(std::uint32_t window = 1000) {
        const JobId id = tunnel(window);
        core.on_stream_opened(now, *open_stream);
        settle();
        return id;
    }
};

TEST(TunnelJob, CarriesBytesBothWaysFromThePublishedPort) {
    TunnelHarness t;
    const JobId id = t.tunnel();
    EXPECT_EQ(t.all(id, Kind::progress).at(0).header.value, bounds::input_window_bytes);
    EXPECT_EQ(t.dialled, "127.0.0.1:" + std::to_string(t.engine.next_port - 1));
    t.peer(id, Kind::data, 0, 0, "SSH-2.0-early");
    EXPECT_EQ(t.written, "");
    t.core.on_stream_opened(t.now, *t.open_stream);
    t.settle();
    EXPECT_EQ(t.written, "SSH-2.0-early");
    t.peer(id, Kind::data, 0, 1, "+more");
    EXPECT_EQ(t.written, "SSH-2.0-early+more");
    t.engine_sends("SSH-2.0-sshd");
    EXPECT_EQ(t.data(id, Channel::output), "SSH-2.0-sshd");
    t.peer(id, Kind::end);
    EXPECT_TRUE(t.write_closed);
    t.core.on_stream_written(t.now, *t.open_stream, bounds::input_window_bytes / 4);
    t.settle();
    EXPECT_EQ(t.credit(id), bounds::input_window_bytes / 4);
    t.engine_closes();
    ASSERT_EQ(t.code(id), ErrorCode::ok);
    EXPECT_TRUE(t.reply(id)->body.empty());
}

TEST(TunnelJob, EndsAfterItsLastOutputAndPausesMeanwhile) {
    TunnelHarness t;
    const JobId id = t.opened(10);
    t.engine_sends(std::string(bounds::output_buffer_pause_bytes + 10, 'x'));
    EXPECT_EQ(t.pauses, 1);
    EXPECT_EQ(t.data_bytes(id), 10U);
    t.peer(id, Kind::credit, static_cast<std::uint32_t>(bounds::output_buffer_pause_bytes) - 5);
    EXPECT_EQ(t.resumes, 1);
    t.engine_closes();
    EXPECT_FALSE(t.reply(id));
    t.peer(id, Kind::credit, 5);
    EXPECT_EQ(t.data_bytes(id), bounds::output_buffer_pause_bytes + 10);
    EXPECT_EQ(t.code(id), ErrorCode::ok);
}

TEST(TunnelJob, SaysWhyThereIsNone) {
    TunnelHarness t;
    const JobId refused = t.tunnel();
    t.engine_closes(fail(ErrorCode::io_failed, "Connection refused"));
    EXPECT_EQ(t.code(refused), ErrorCode::ssh_not_answering);
    EXPECT_THAT(t.sentence(refused), testing::HasSubstr("Connection refused"));
    t.act(Verb::vm_stop);
    t.advance(1s);
    EXPECT_EQ(t.code(t.tunnel()), ErrorCode::wrong_state);
}

TEST(TunnelJob, ClosesWhenItIsCancelledOrSentMoreThanItAllowed) {
    TunnelHarness t;
    const JobId cancelled = t.opened();
    t.cancel(cancelled);
    EXPECT_TRUE(t.stream_closed);
    EXPECT_EQ(t.code(cancelled), ErrorCode::cancelled);
    t.stream_closed = false;
    const JobId flooded = t.opened();
    t.peer(flooded, Kind::data, 0, 7, "x");
    EXPECT_TRUE(t.stream_closed);
    EXPECT_EQ(t.code(flooded), ErrorCode::bad_message);
}

TEST(LogsJob, SendsWhatThereIsThenEnds) {
    ExecHarness t;
    t.when("GET", "/logs", std::nullopt);
    const JobId id = t.order(
        Verb::vm_logs, protocol::encode(protocol::StreamOrder{.epoch = Epoch{5}, .vm = Harness::vm, .window_bytes = 4}),
        protocol::encode(logs_spec(false, 7)));
    EXPECT_TRUE(t.hangs("tail=7"));
    t.chunk("/logs", Harness::frame(2, "abcdef"));
    EXPECT_EQ(t.data(id, Channel::error), "abcd");
    t.release("/logs", FakeEngine::reply(200));
    EXPECT_FALSE(t.reply(id));
    t.peer(id, Kind::credit, 100);
    EXPECT_EQ(t.data(id, Channel::error), "abcdef");
    EXPECT_EQ(t.code(id), ErrorCode::ok);
}

TEST(LogsJob, PausesTheEngineAndIsCancelled) {
    ExecHarness t;
    t.when("GET", "/logs", std::nullopt);
    const JobId id = t.order(
        Verb::vm_logs, protocol::encode(protocol::StreamOrder{.epoch = Epoch{5}, .vm = Harness::vm, .window_bytes = 0}),
        protocol::encode(logs_spec(true, 0)));
    t.chunk("/logs", Harness::frame(1, std::string(bounds::output_buffer_pause_bytes, 'x')));
    EXPECT_EQ(t.pauses, 1);
    t.peer(id, Kind::credit, bounds::output_buffer_pause_bytes);
    EXPECT_EQ(t.resumes, 1);
    t.cancel(id);
    EXPECT_EQ(t.code(id), ErrorCode::cancelled);
    EXPECT_FALSE(t.hangs("/logs"));
}

}  // namespace
}  // namespace mc::worker
