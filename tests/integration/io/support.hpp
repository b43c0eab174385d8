#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "integration/io/temp_dir.hpp"
#include "io/clock.hpp"
#include "io/environment.hpp"
#include "io/poller.hpp"
#include "io/zmq.hpp"

namespace mc::io::test {

/// Long enough for a loaded machine; reached only when something is wrong.
inline constexpr milliseconds patience{20000};

/// Turns the loop until `done` says so. False when patience ran out.
[[nodiscard]] bool run_until(Poller& poller, const std::function<bool()>& done, milliseconds longest = patience);

/// Only these variables are set.
[[nodiscard]] Environment environment_of(std::map<std::string, std::string> variables);

/// A ROUTER and a DEALER that is connected to it, inside this process.
struct RouterAndDealer {
    explicit RouterAndDealer(const SocketOptions& options = {});

    Context context;
    Socket router;
    Socket dealer;
};

/// A TCP server on 127.0.0.1 at a port that the kernel picks. Each connection is
/// given to `serve` in the server's one thread, one after another, and closed when it returns.
class Server {
public:
    explicit Server(std::function<void(int fd)> serve);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string tcp() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

private:
    int listen_fd_ = -1;
    int stop_fd_ = -1;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

/// What a server's connection does.
/// Reads until `end` has come (or the peer closed); all that was read.
std::string read_until(int fd, const std::string& end);
void write_all(int fd, const std::string& bytes);
/// Waits until the peer closes.
void wait_for_close(int fd);

/// A port at which nobody listens: it was ours a moment ago.
[[nodiscard]] std::uint16_t closed_port();

}  // namespace mc::io::test
