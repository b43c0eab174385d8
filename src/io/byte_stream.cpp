#include "io/byte_stream.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "base/assert.hpp"
#include "io/clock.hpp"
#include "io/connector.hpp"
#include "io/engine_words.hpp"
#include "io/errno_text.hpp"
#include "io/http_head.hpp"

namespace mc::io {
namespace {

constexpr std::size_t read_bytes_max = 64 * 1024;
constexpr int reads_per_turn_max = 4;  // a fast container must not keep the loop from its other work
constexpr std::size_t pieces_per_send_max = 16;
constexpr std::size_t joined_bytes_max = 4 * 1024;
constexpr std::size_t error_body_bytes_max = 16 * 1024;

std::string request_text(const HijackCall& call) {
    return "POST " + call.path +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: Upgrade\r\nUpgrade: "
           "tcp\r\nContent-Length: " +
           std::to_string(call.body.size()) + "\r\n\r\n" + call.body;
}

ErrorCode code_of_status(int status) {
    if (status == 404) return ErrorCode::not_found;
    if (status == 409) return ErrorCode::wrong_state;
    return ErrorCode::engine_failed;
}

/// What is to be sent, in the pieces in which it came. Only small ones are joined: a byte of its own would take 32.
class Outgoing {
public:
    void push(std::string bytes) {
        if (bytes.empty()) return;
        if (!pieces_.empty() && pieces_.back().size() + bytes.size() <= joined_bytes_max) {
            pieces_.back() += bytes;
        } else {
            pieces_.push_back(std::move(bytes));
        }
    }
    [[nodiscard]] bool empty() const { return pieces_.empty(); }
    void clear() {
        pieces_.clear();
        at_ = 0;
    }

    /// Adds what the kernel took to `taken`. Returns 0, also when it takes no more for now, or what went wrong (errno).
    int send(int fd, std::size_t& taken) {
        while (!pieces_.empty()) {
            std::array<iovec, pieces_per_send_max> parts;
            msghdr message{};
            message.msg_iov = parts.data();
            for (std::string& piece : pieces_) {
                if (message.msg_iovlen == parts.size()) break;
                const std::size_t skipped = message.msg_iovlen == 0 ? at_ : 0;
                parts[message.msg_iovlen++] = {piece.data() + skipped, piece.size() - skipped};
            }
            const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno == EINTR) continue;
            if (sent < 0) return errno == EAGAIN ? 0 : errno;
            taken += static_cast<std::size_t>(sent);
            drop(static_cast<std::size_t>(sent));
        }
        return 0;
    }

private:
    void drop(std::size_t bytes) {
        at_ += bytes;
        while (!pieces_.empty() && at_ >= pieces_.front().size()) {
            at_ -= pieces_.front().size();
            pieces_.pop_front();
        }
    }

    std::deque<std::string> pieces_;
    std::size_t at_ = 0;  ///< of the first, so many bytes have been sent
};

enum class Phase { connecting, head, refused, open, closed };

}  // namespace

struct ByteStream::Impl : std::enable_shared_from_this<Impl> {
    /// `c`: without a path there is nothing to ask for, and the stream is open when the connection stands.
    Impl(Poller& p, const EngineEndpoint& e, HijackCall c, ByteStreamHandlers h)
        : poller(p), endpoint(e), call(std::move(c)), handlers(std::move(h)), plain(call.path.empty()) {}

    Poller& poller;
    EngineEndpoint endpoint;
    HijackCall call;
    ByteStreamHandlers handlers;
    bool plain;
    Phase phase = Phase::connecting;
    std::unique_ptr<Connector> connector;
    int fd = -1;
    Instant open_deadline = Instant::never();
    Poller::SourceId source = 0;
    std::string incoming;  ///< the head, and the body of a refusal
    HttpHead head;
    Outgoing request;   ///< goes out before what was written
    Outgoing outgoing;  ///< what was written
    bool paused = false;
    bool write_closing = false;
    bool write_closed = false;

    void begin() {
        const Instant now = read_clock().instant;
        open_deadline = now + call.open_timeout;
        if (!plain) request.push(request_text(call));
        source = poller.add_deadlines(
            [this] { return phase == Phase::head || phase == Phase::refused ? open_deadline : Instant::never(); },
            [this](Instant) { on_late(); });
        connector = std::make_unique<Connector>(poller, ConnectTarget{endpoint.path, endpoint.host, endpoint.port},
                                                call.open_timeout, [this](Result<int> got) { on_connected(got); });
    }

    void on_connected(Result<int> got) {
        const auto keep = shared_from_this();
        if (!got) {
            finish(plain ? fail(got.error()) : engine_not_answering(endpoint, got.error().message));
            return;
        }
        fd = *got;
        phase = plain ? Phase::open : Phase::head;
        poller.add_fd(fd, {.read = true, .write = true}, [this](Readiness ready) { on_ready(ready); });
        if (plain && handlers.on_open) handlers.on_open();
    }

    void on_ready(Readiness ready) {
        const auto keep = shared_from_this();
        if (ready.writable) flush();
        if (phase != Phase::closed && (ready.readable || ready.failed)) read_some();
        update_interest();
    }

    void on_late() {
        const auto keep = shared_from_this();
        if (phase == Phase::refused) {
            refuse();  // what came of the body is told
        } else {
            finish(engine_too_late(endpoint, "POST " + call.path, call.open_timeout));
        }
    }

    void update_interest() {
        if (phase == Phase::closed || phase == Phase::connecting) return;
        const bool has_output = !request.empty() || (phase == Phase::open && !outgoing.empty());
        poller.modify_fd(fd, {.read = phase != Phase::open || !paused, .write = has_output});
    }

    /// False when there is nothing more to be done in this turn: the other end takes no more, or everything is over.
    bool send(Outgoing& bytes, std::size_t& taken) {
        const int error = bytes.send(fd, taken);
        if (error == EPIPE || error == ECONNRESET) {
            // The engine closed its side; what it had to say may still be there to be read, and ends the stream.
            bytes.clear();
            write_closed = true;
        } else if (error != 0) {
            finish(broke(errno_text(error)));
            return false;
        }
        return bytes.empty();
    }

    void flush() {
        std::size_t taken = 0;
        if (!send(request, taken)) return;
        if (phase != Phase::open) return;  // stdin only to a process that is there
        taken = 0;
        const bool all_sent = send(outgoing, taken);
        if (all_sent && write_closing && !write_closed) {
            write_closed = true;
            ::shutdown(fd, SHUT_WR);
        }
        if (phase == Phase::open && taken > 0 && handlers.on_written) handlers.on_written(taken);
    }

    void read_some() {
        const auto block = std::make_unique_for_overwrite<char[]>(read_bytes_max);
        for (int turn = 0; turn < reads_per_turn_max && phase != Phase::closed && !(phase == Phase::open && paused);
             ++turn) {
            const ssize_t got = ::recv(fd, block.get(), read_bytes_max, MSG_DONTWAIT);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && errno == EAGAIN) return;
            if (got <= 0) {
                on_end(got < 0 ? errno : 0);
                return;
            }
            on_received(std::string_view(block.get(), static_cast<std::size_t>(got)));
            if (static_cast<std::size_t>(got) < read_bytes_max) return;
        }
    }

    void on_received(std::string_view bytes) {
        if (phase == Phase::open) {
            handlers.on_bytes(bytes);
            return;
        }
        incoming += bytes;
        if (phase == Phase::head) on_head();
        if (phase == Phase::refused && (incoming.size() >= head.content_length.value_or(error_body_bytes_max) ||
                                        (head.chunked && incoming.ends_with("0\r\n\r\n")))) {
            refuse();
        }
    }

    void on_head() {
        const auto parsed = parse_http_head(incoming);
        if (!parsed) {
            finish(fail(ErrorCode::engine_failed,
                        "the Docker engine at " + endpoint.str() + " can't be understood: " + parsed.error().message));
            return;
        }
        if (!*parsed) return;
        head = **parsed;
        std::string rest = incoming.substr(head.bytes);
        incoming.clear();
        if (head.status != 101 && head.status != 200) {
            phase = Phase::refused;
            incoming = std::move(rest);
            return;
        }
        phase = Phase::open;
        if (handlers.on_open) handlers.on_open();
        if (phase != Phase::open) return;
        flush();
        // Even if on_open paused: these bytes are read already, and on_bytes must be called in order.
        if (phase == Phase::open && !rest.empty()) handlers.on_bytes(rest);
    }

    [[nodiscard]] tl::unexpected<Error> broke(const std::string& reason) const {
        return plain ? fail(ErrorCode::io_failed, reason) : engine_broke(endpoint, reason);
    }

    void refuse() {
        std::string body = incoming;
        // One chunk is all an error body has: its size line is cut off, the rest is found by engine_message.
        if (head.chunked) body.erase(0, std::min(body.find("\r\n"), body.size()));
        finish(fail(code_of_status(head.status), "the Docker engine refused POST " + call.path + " (" +
                                                     std::to_string(head.status) + "): " + engine_message(body)));
    }

    void on_end(int error) {
        if (phase == Phase::refused) {
            refuse();
        } else if (phase == Phase::open && (error == 0 || error == ECONNRESET)) {
            finish({});  // reset: it closed with input unread, as for a command that does not read its stdin
        } else {
            finish(broke(error == 0 ? "it closed the connection before it answered" : errno_text(error)));
        }
    }

    void write(std::string bytes) {
        if (phase == Phase::closed || phase == Phase::refused || write_closing || write_closed) return;
        outgoing.push(std::move(bytes));
        update_interest();
    }

    void close_write() {
        if (write_closing) return;
        write_closing = true;
        if (phase == Phase::open && outgoing.empty()) flush();
    }

    void finish(Result<void> result) {
        const auto told = std::move(handlers.on_closed);
        stop();
        if (told) told(std::move(result));
    }

    void stop() {
        if (phase == Phase::closed) return;
        phase = Phase::closed;
        connector.reset();
        poller.remove_deadlines(source);
        if (fd >= 0) {
            poller.remove_fd(fd);
            ::close(std::exchange(fd, -1));
        }
        outgoing.clear();
        request.clear();
    }
};

ByteStream::ByteStream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {
    impl_->begin();
}

ByteStream ByteStream::hijack(Poller& poller, const EngineEndpoint& endpoint, HijackCall call,
                              ByteStreamHandlers handlers) {
    MC_ASSERT(!call.path.empty());
    return ByteStream(std::make_shared<Impl>(poller, endpoint, std::move(call), std::move(handlers)));
}

ByteStream ByteStream::dial(Poller& poller, const std::string& host, std::uint16_t port, milliseconds timeout,
                            ByteStreamHandlers handlers) {
    HijackCall call{.open_timeout = timeout};
    return ByteStream(std::make_shared<Impl>(poller, EngineEndpoint{.host = host, .port = port}, std::move(call),
                                             std::move(handlers)));
}

ByteStream::~ByteStream() {
    if (impl_) impl_->stop();
}
ByteStream::ByteStream(ByteStream&&) noexcept = default;
ByteStream& ByteStream::operator=(ByteStream&& other) noexcept {
    if (this != &other) {
        if (impl_) impl_->stop();
        impl_ = std::move(other.impl_);
    }
    return *this;
}

void ByteStream::pause_reading() {
    impl_->paused = true;
    impl_->update_interest();
}
void ByteStream::resume_reading() {
    impl_->paused = false;
    impl_->update_interest();
}
void ByteStream::write(std::string bytes) {
    impl_->write(std::move(bytes));
}
void ByteStream::close_write() {
    impl_->close_write();
}
void ByteStream::cancel() {
    impl_->stop();
}

}  // namespace mc::io
