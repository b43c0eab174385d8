#pragma once

#include <optional>
#include <string>

#include "protocol/client_bodies.hpp"
#include "worker/core/demultiplexer.hpp"
#include "worker/core/input_pump.hpp"
#include "worker/core/lookup.hpp"
#include "worker/core/output_pump.hpp"

namespace mc::worker {

/// A job whose client goes on talking: data, credit, end, control.
class StreamJob : public Job {
public:
    using Job::Job;

    /// REQUIRES: message.header.kind is data, credit, end or control.
    virtual void on_peer(Now now, protocol::Message message) = 0;
    virtual void on_stream_opened(Now /*now*/) {}
    virtual void on_stream_bytes(Now /*now*/, std::string_view /*bytes*/) {}
    /// The engine has taken that many bytes of input.
    virtual void on_stream_written(Now /*now*/, std::size_t /*bytes*/) {}
    virtual void on_stream_closed(Now /*now*/, const Result<void>& /*result*/) {}
    [[nodiscard]] bool can_be_cancelled() const override { return true; }
};

/// A stream job over one connection, with bytes both ways.
class ConnectionJob : public StreamJob {
public:
    void on_stream_written(Now /*now*/, std::size_t bytes) override { input_.on_written(bytes); }

protected:
    ConnectionJob(JobContext& context, JobHead head, std::uint32_t window_bytes, bool wants_input)
        : StreamJob(context, head),
          lookup_(port()),
          output_(port(), window_bytes),
          input_(port(), StreamId{head.owner.value}, wants_input),
          stream_{head.owner.value} {}

    /// Has the connection read on, or not, as the client keeps up.
    void balance();

    Lookup lookup_;
    OutputPump output_;
    InputPump input_;
    StreamId stream_;
};

/// vm_exec: runs a command in a VM over a hijacked connection (pitfalls 23).
///
/// A command that is not wanted any more loses its connection and gets a SIGHUP,
/// as at the end of an SSH session; one that ignores that goes on.
class ExecJob final : public ConnectionJob {
public:
    ExecJob(JobContext& context, JobHead head, std::uint32_t window_bytes, protocol::ExecSpec spec);

    void begin(Now now) override;
    void on_call_done(Now now, CallPurpose purpose, CallResult result) override;
    void on_timer(Now now) override;
    void give_up(Now now, Error why) override;
    void on_peer(Now now, protocol::Message message) override;
    void on_stream_opened(Now now) override;
    void on_stream_bytes(Now now, std::string_view bytes) override;
    void on_stream_closed(Now now, const Result<void>& result) override;

private:
    enum class Step { look, create, open, flow, exit_code, drain, hang_up };

    void on_looked(const Lookup::Found& found);
    void on_created(const CallResult& result);
    void on_hang_up(const CallResult& result);
    void on_exit_code(Now now, const CallResult& result);
    void resize();
    void finish_when_drained();

    protocol::ExecSpec spec_;
    Step step_ = Step::look;
    Demultiplexer streams_;
    std::string container_;
    std::string exec_;
    std::optional<Error> ending_;  ///< why it is being hung up
    bool opened_ = false;          ///< OpenStream was asked for
    bool closed_ = false;
    std::optional<protocol::Resize> wanted_size_;
    bool resizing_ = false;
    int exit_polls_ = 0;
    protocol::ExecResult result_;
};

/// vm_tunnel: bytes between a client and a VM's sshd, by the port that is published on this node.
class TunnelJob final : public ConnectionJob {
public:
    TunnelJob(JobContext& context, JobHead head, std::uint32_t window_bytes);

    void begin(Now now) override;
    void on_call_done(Now now, CallPurpose purpose, CallResult result) override;
    void on_timer(Now now) override;
    void give_up(Now now, Error why) override;
    void on_peer(Now now, protocol::Message message) override;
    void on_stream_opened(Now now) override;
    void on_stream_bytes(Now now, std::string_view bytes) override;
    void on_stream_closed(Now now, const Result<void>& result) override;

private:
    enum class Step { look, open, flow, drain };

    void on_looked(const Lookup::Found& found);
    void finish_when_drained();

    Step step_ = Step::look;
};

/// vm_logs: what a VM's first process wrote, to its end or on and on.
class LogsJob final : public StreamJob {
public:
    LogsJob(JobContext& context, JobHead head, std::uint32_t window_bytes, protocol::LogsSpec spec);

    void begin(Now now) override;
    void on_call_done(Now now, CallPurpose purpose, CallResult result) override;
    void on_call_chunk(Now now, CallPurpose purpose, std::string_view bytes) override;
    void on_timer(Now now) override;
    void give_up(Now now, Error why) override;
    void on_peer(Now now, protocol::Message message) override;

private:
    enum class Step { look, flow, drain };

    void balance();

    protocol::LogsSpec spec_;
    Step step_ = Step::look;
    Lookup lookup_;
    OutputPump output_;
    Demultiplexer streams_;
};

}  // namespace mc::worker
