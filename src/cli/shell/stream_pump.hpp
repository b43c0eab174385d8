#pragma once

#include <optional>

#include "cli/core/stream_session.hpp"
#include "cli/shell/app.hpp"
#include "cli/shell/connection.hpp"
#include "io/poller.hpp"
#include "io/signals.hpp"

namespace mc::cli {

/// Moves bytes between this process's stdin, stdout and stderr and a
/// StreamSession until it is done. Never waits for a slow reader with the whole
/// process: signs of life go on, and what is not written gets no credit.
class StreamPump {
public:
    struct Ending {
        int signal = 0;            ///< the one that ended it; 0 = none
        bool reader_left = false;  ///< stdout or stderr was closed by its reader
    };

    /// `input`: stdin is passed on. `tty`: the window's size is, too.
    StreamPump(StreamSession& session, Connection& connection, io::Signals& signals, bool input, bool tty);
    ~StreamPump();
    StreamPump(const StreamPump&) = delete;
    StreamPump& operator=(const StreamPump&) = delete;

    Ending run();

private:
    /// Where one channel goes. The descriptor is a non-blocking one of our own, or a
    /// socket, where that is possible.
    struct Sink {
        int fd = -1;
        bool owned = false;
        bool socket = false;
        bool polled = false;
        std::size_t write_bytes_max = 0;
    };

    static Sink open_sink(int fd);
    Sink& sink_of(protocol::Channel channel);
    void on_socket();
    void on_signal();
    void on_stdin();
    void write_outputs();
    void set_polled(Sink& sink, bool wanted);
    void reader_left();
    void update_interests();
    void send_all();

    StreamSession& session_;
    Connection& connection_;
    io::Signals& signals_;
    io::Poller poller_;
    Sink out_;
    Sink error_;
    bool input_;
    bool tty_;
    bool stdin_polled_ = false;
    Ending ending_;
};

}  // namespace mc::cli
