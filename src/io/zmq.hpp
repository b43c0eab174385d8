#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/public_key.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "io/curve_keys.hpp"

/// ZeroMQ as minicloud uses it: no exceptions, no blocking call, a limit on everything.
namespace mc::io {

/// The library's context with `io_threads` I/O threads. Make it after any fork and keep it
/// longer than its sockets. Its destructor waits for their linger times. Seeds the process's rand(), which the library
/// begins routing ids with.
class Context {
public:
    explicit Context(int io_threads = 1);
    ~Context();
    Context(Context&&) noexcept;
    Context& operator=(Context&&) noexcept;

    /// For io/ alone: the libzmq handle. Owned by this object.
    [[nodiscard]] void* handle() const;

private:
    friend class Socket;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Who binds asks every connection for a key. REQUIRES a ZapHandler in the same context before the
/// bind: without one nobody is let in, or, by a libzmq that knows no ZMQ_ZAP_ENFORCE_DOMAIN, any key (pitfalls 6, 12).
struct CurveServer {
    KeyPair own;
    std::string domain;  ///< given to the ZapHandler; not empty
};
/// Who connects proves its key, and talks to no other server than that one.
struct CurveClient {
    KeyPair own;
    PublicKey server;
};
/// monostate: plaintext.
using Security = std::variant<std::monostate, CurveServer, CurveClient>;

/// Keys, limits and times of a socket. They are set before bind and connect, where
/// they take effect (pitfalls 6).
struct SocketOptions {
    Security security{};
    /// Of one frame; a peer that sends a longer one is disconnected (pitfalls 8).
    /// The slack lets the caller see, and refuse in words, a message just over the protocol's limit.
    std::size_t message_bytes_max = 1024 * 1024 + 64 * 1024;
    /// Frames of one message that receive() keeps, a ROUTER's routing id included.
    /// One more than the protocol allows, so that too many can be told.
    std::size_t frames_kept_max = 5;
    int send_messages_max = 10000;     ///< per peer; then send() says would_block (PUB: that peer loses messages)
    int receive_messages_max = 10000;  ///< per peer; then the peer's sends fill up
    milliseconds linger{200};          ///< how long closing waits for what was not yet sent
    /// ZMTP heartbeats find a dead connection; that a peer's loop lives only the protocol's own heartbeats tell.
    milliseconds heartbeat_interval{2000};  ///< 0 = none of ours; a peer's are answered
    milliseconds heartbeat_timeout{6000};
    milliseconds handshake_timeout{5000};  ///< a silent connection is closed after this
    milliseconds reconnect_min{100};
    milliseconds reconnect_max{1000};
    /// A DEALER only: true = send() says would_block while no connection stands;
    /// false = messages wait for it, up to send_messages_max.
    bool only_when_connected = false;
    /// Which of the context's I/O threads has its connections, from 0: what one socket has to send keeps those of
    /// another thread from nothing. nullopt: the one that has the fewest, for each connection.
    std::optional<unsigned> io_thread;
};

/// A message, and whose it is.
struct Received {
    std::vector<std::string> frames;
    /// The key that the connection has proved to have, as the ZapHandler confirmed it. Of the last frame that was kept:
    /// the routing id's own may lack it (pitfalls 5). nullopt: none.
    std::optional<PublicKey> key;
    /// The connection's, when it came over tcp; else -1. It may have been closed since, and be another's by now.
    int descriptor = -1;
};

/// What an XPUB was told by a subscriber.
struct FromSubscriber {
    std::string frame;             ///< byte 1 to subscribe, 0 to end it, and the prefix; or what no SUB sends
    std::optional<PublicKey> key;  ///< as Received::key
    int descriptor = -1;           ///< as Received::descriptor
};

enum class SendOutcome {
    sent,         ///< taken by the library; not proof of delivery (pitfalls 2)
    would_block,  ///< nothing was sent: the peer's queue is full, or nobody is connected. Again in a later turn
    unreachable,  ///< ROUTER: the peer is gone, its routing id is worth nothing any more
};

/// One socket; used by one thread, the one that polls it. Movable while no Poller has it.
class Socket {
public:
    /// Talks to many: receive() puts the peer's routing id before the message's
    /// frames, send() expects it there. MANDATORY, no hand-over (pitfalls 1, 3).
    /// Never print or send a routing id to anyone (pitfalls 4).
    [[nodiscard]] static Socket router(Context& context, const SocketOptions& options = {});
    /// Talks to one ROUTER; connects again by itself.
    [[nodiscard]] static Socket dealer(Context& context, const SocketOptions& options = {});
    /// Sends to every subscriber; drops for a slow one without a word (pitfalls 9).
    [[nodiscard]] static Socket pub(Context& context, const SocketOptions& options = {});
    /// As pub, but each subscription is received (receive_subscription()) and only what subscribe() then grants is sent
    /// to that peer. The library takes the wrong one for it once anything else than a subscription was received, until
    /// all that waits has been: grant nothing then. Errors: io_failed (no file descriptors left).
    [[nodiscard]] static Result<Socket> xpub(Context& context, const SocketOptions& options = {});
    [[nodiscard]] static Socket sub(Context& context, const SocketOptions& options = {});
    /// One to one, inside the process.
    [[nodiscard]] static Socket pair(Context& context, const SocketOptions& options = {});

    ~Socket();
    Socket(Socket&&) noexcept;
    Socket& operator=(Socket&&) noexcept;

    /// Listens at tcp://ADDRESS:PORT (`*` = any), ipc://PATH or inproc://NAME.
    /// Port 0 or `*` picks one: see last_endpoint(). An ipc socket file that nobody
    /// listens on is replaced; the new one is for this user alone (mode 0600).
    /// Errors: io_failed (in use, not permitted, no such address), invalid_argument (not an endpoint).
    [[nodiscard]] Result<void> bind(const std::string& endpoint);

    /// As bind(), at a tcp endpoint that a last_endpoint() has told. libzmq's own bind ends the process when no
    /// descriptors are left; this says it: io_failed.
    [[nodiscard]] Result<void> bind_again(const std::string& endpoint);

    /// Begins to connect; the peer need not be there yet, and its loss is repaired behind the scenes.
    /// Errors: invalid_argument (not an endpoint).
    [[nodiscard]] Result<void> connect(const std::string& endpoint);

    /// SUB: messages whose first frame begins with `prefix`; "" = all.
    /// XPUB: grants them to the peer whose subscription was received last; see xpub().
    void subscribe(const std::string& prefix);

    /// The next message if one is there; never waits. Frames over frames_kept_max
    /// are dropped and the first ones returned, so that the caller can refuse it.
    [[nodiscard]] std::optional<std::vector<std::string>> receive();
    /// As receive(), into what an earlier one has left, whose vector and strings are used again; `with_key`, also whose
    /// it is: to ask costs as much as to receive. False: there is none, and what is in `received` is of no use.
    [[nodiscard]] bool receive_into(Received& received, bool with_key);

    /// XPUB: the next frame that a subscriber has sent; never waits. By itself and not as a part of a message: the
    /// next part may be another subscriber's.
    [[nodiscard]] std::optional<FromSubscriber> receive_subscription();

    /// All frames as one message, or none; never waits. REQUIRES: frames is not empty.
    [[nodiscard]] SendOutcome send(std::span<const std::string_view> frames);
    /// The same, of frames that are strings.
    [[nodiscard]] SendOutcome send(const std::vector<std::string>& frames);

    /// What the last bind chose, e.g. "tcp://127.0.0.1:40123".
    [[nodiscard]] std::string last_endpoint() const;

    /// For io/ alone: the libzmq handle. Owned by this object.
    [[nodiscard]] void* handle() const;

private:
    struct Impl;
    explicit Socket(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mc::io
