#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sim/checker.hpp"
#include "sim/client.hpp"
#include "sim/intruders.hpp"
#include "sim/network.hpp"
#include "sim/people.hpp"
#include "sim/world.hpp"

namespace mc::sim {

/// The admin who gives people new keys and takes the old ones back: a token, somebody who joins with it, two
/// at once now and then, and a revocation, while the old key is in use.
class Registrar {
public:
    Registrar(World& world, Network& network, Checker& checker, People& people, HostId host);

    void begin();
    void stop();
    [[nodiscard]] bool idle() const { return joins_ == 0 && !call_; }

private:
    using Then = std::function<void(const cli::RequestDriver&)>;

    void rest();
    void make_token();
    void join(Person& person, const PublicKey& token);
    void on_joined(Person& person, const PublicKey& fresh, const cli::RequestDriver& driver);
    void revoke(const PublicKey& old);
    [[nodiscard]] std::unique_ptr<CallProcess> ask(const Person& who, const PublicKey& key, cli::Request request,
                                                   Then then);
    [[nodiscard]] cli::Request request(protocol::Verb verb, protocol::Bytes body);

    World& world_;
    Network& network_;
    Checker& checker_;
    People& people_;
    Dice dice_;
    HostId host_;
    ProcessClock clock_;
    milliseconds pause_mean_{0};
    bool stopped_ = false;
    std::unique_ptr<CallProcess> call_;
    std::vector<std::unique_ptr<CallProcess>> joining_;
    std::size_t joins_ = 0;  ///< that are not done
    bool joined_ = false;    ///< one of them was admitted
    std::unique_ptr<Leftover> leftover_;
};

}  // namespace mc::sim
