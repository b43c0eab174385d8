#include "cli/shell/stream_pump.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include "cli/shell/terminal.hpp"
#include "io/clock.hpp"

namespace mc::cli {
namespace {

Instant now() {
    return io::read_clock().instant;
}

}  // namespace

StreamPump::StreamPump(StreamSession& session, Connection& connection, io::Signals& signals, bool input, bool tty)
    : session_(session),
      connection_(connection),
      signals_(signals),
      out_(open_sink(STDOUT_FILENO)),
      error_(open_sink(STDERR_FILENO)),
      input_(input),
      tty_(tty) {
    connection_.attach(poller_, [this] { on_socket(); });
    poller_.add_fd(signals_.fd(), {}, [this](io::Readiness) { on_signal(); });
    if (!input_) session_.input_ended(now());
}

StreamPump::~StreamPump() {
    for (auto* sink : {&out_, &error_}) {
        set_polled(*sink, false);
        if (sink->owned) ::close(sink->fd);
    }
    if (stdin_polled_) poller_.remove_fd(STDIN_FILENO);
    poller_.remove_fd(signals_.fd());
    connection_.detach(poller_);
}

StreamPump::Sink StreamPump::open_sink(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0) return {};
    // O_NONBLOCK on the descriptor itself would hold for everybody who shares it, the user's shell
    // included; opening it anew gives a description of our own. Files don't block, and would begin at 0.
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
        const std::string path = "/proc/self/fd/" + std::to_string(fd);
        const int own = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (own >= 0) return {own, true, false, false, limits::chunk_bytes_max};
    }
    if (S_ISSOCK(status.st_mode)) {
        Sink sink;
        sink.fd = fd;
        sink.socket = true;
        sink.write_bytes_max = limits::chunk_bytes_max;
        return sink;
    }
    // A pipe that poll() calls writable takes this much without blocking.
    return {fd, false, false, false, S_ISREG(status.st_mode) ? limits::chunk_bytes_max : PIPE_BUF};
}

StreamPump::Sink& StreamPump::sink_of(protocol::Channel channel) {
    return channel == protocol::Channel::error ? error_ : out_;
}

void StreamPump::send_all() {
    for (auto& message : session_.take_sends()) connection_.send(std::move(message));
}

void StreamPump::on_socket() {
    // Bounded, so that output is written and keys are read in between.
    constexpr int messages_per_turn_max = 64;
    for (int i = 0; i < messages_per_turn_max; ++i) {
        const auto message = connection_.receive();
        if (!message) return;
        session_.on_message(now(), *message);
    }
}

void StreamPump::on_signal() {
    while (const auto number = signals_.next()) {
        if (*number == SIGWINCH) {
            if (tty_) session_.resize(now(), terminal_size());
            continue;
        }
        ending_.signal = *number;
        session_.cancel(now(), new_request_id());
    }
}

void StreamPump::on_stdin() {
    std::array<char, limits::chunk_bytes_max> buffer;
    const std::size_t wanted = std::min(session_.input_bytes_max(), buffer.size());
    if (wanted == 0) return;
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), wanted);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n > 0) return session_.input(now(), std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    input_ = false;
    session_.input_ended(now());
}

void StreamPump::reader_left() {
    ending_.reader_left = true;
    session_.cancel(now(), new_request_id());
}

void StreamPump::write_outputs() {
    while (auto* output = session_.next_output()) {
        Sink& sink = sink_of(output->channel);
        const std::size_t left = output->bytes.size() - output->written;
        ssize_t n = static_cast<ssize_t>(left);  // a closed descriptor: there is nobody to write to
        if (sink.fd >= 0) {
            const char* from = output->bytes.data() + output->written;
            const std::size_t size = std::min(left, sink.write_bytes_max);
            n = sink.socket ? ::send(sink.fd, from, size, MSG_DONTWAIT | MSG_NOSIGNAL) : ::write(sink.fd, from, size);
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) return reader_left();
        output->written += static_cast<std::size_t>(n);
        if (output->written == output->bytes.size()) session_.output_written(now());
        // One that may block is asked before every write whether it can take one.
        if (sink.fd >= 0 && !sink.owned && !sink.socket) return;
    }
}

void StreamPump::set_polled(Sink& sink, bool wanted) {
    if (sink.fd < 0 || sink.polled == wanted) return;
    sink.polled = wanted;
    if (!wanted) return poller_.remove_fd(sink.fd);
    poller_.add_fd(sink.fd, {false, true}, [this](io::Readiness) { write_outputs(); });
}

void StreamPump::update_interests() {
    auto* output = session_.next_output();
    // A closed sink takes everything at once.
    while (output != nullptr && sink_of(output->channel).fd < 0) {
        write_outputs();
        output = session_.next_output();
    }
    Sink* waiting = output != nullptr ? &sink_of(output->channel) : nullptr;
    for (auto* sink : {&out_, &error_}) set_polled(*sink, sink == waiting);
    const bool wants_input = input_ && session_.input_bytes_max() > 0;
    if (wants_input == stdin_polled_) return;
    stdin_polled_ = wants_input;
    if (wants_input)
        poller_.add_fd(STDIN_FILENO, {}, [this](io::Readiness) { on_stdin(); });
    else
        poller_.remove_fd(STDIN_FILENO);
}

StreamPump::Ending StreamPump::run() {
    send_all();
    while (!session_.done() && !connection_.trouble()) {
        update_interests();
        poller_.wait(std::clamp(session_.next_deadline() - now(), milliseconds(0), milliseconds(60000)));
        session_.on_tick(now());
        send_all();
    }
    return ending_;
}

}  // namespace mc::cli
