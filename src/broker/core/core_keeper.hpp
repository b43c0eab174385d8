#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/prng.hpp"
#include "base/result.hpp"
#include "base/store_change.hpp"
#include "broker/core/broker_core.hpp"

namespace mc::broker {

/// The store, as the keeper needs it: io/store.hpp, or one in memory.
class StateStore {
public:
    using Visit = std::function<void(std::uint8_t table, std::string_view key, std::string_view value)>;

    StateStore() = default;
    StateStore(const StateStore&) = delete;
    StateStore& operator=(const StateStore&) = delete;
    virtual ~StateStore() = default;

    /// Everything. Error: store_failed.
    [[nodiscard]] virtual Result<void> load(const Visit& visit) = 0;
    /// All or nothing. Error: store_failed, and a later one may work.
    [[nodiscard]] virtual Result<void> commit(std::span<const StoreChange> changes) = 0;
};

/// Has the one core that serves, and replaces it: when a commit failed by one that
/// has what is in the store and only reads, and when the disk takes writes again by
/// one that starts as after a restart. ADR 10.
///
/// Pure but for the store it is given. Single thread. The shell commits what the
/// core's take_effects() gives, and says so when that failed.
class CoreKeeper {
public:
    /// `store` must outlive the keeper.
    CoreKeeper(BrokerConfig config, Prng prng, StateStore& store);

    /// At the start of the process. What is to be told; committed already. When the
    /// store can be read and not written, the core is a read-only one.
    /// Error: store_failed (it can't be read).
    [[nodiscard]] Result<Effects> begin(Now now);

    /// REQUIRES: begin() has succeeded. Another object after begin(), commit_failed() and on_tick().
    [[nodiscard]] BrokerCore& core() { return *core_; }
    [[nodiscard]] const BrokerCore& core() const { return *core_; }

    /// Nothing that waited for the commit that failed may be told. What is to be told
    /// instead, without changes: the ends of streams, and that who waits has to ask again.
    [[nodiscard]] Effects commit_failed(Now now, const Error& error);

    /// Moves the core and, when it is read-only, tries the disk. What a core that has
    /// started again tells; committed already. The core's own effects are its take_effects().
    [[nodiscard]] std::optional<Effects> on_tick(Now now);
    [[nodiscard]] Instant next_deadline() const;

    /// What clients are told, by this core and the ones after it.
    void set_endpoints(const Endpoints& endpoints);

private:
    [[nodiscard]] Result<std::unique_ptr<BrokerCore>> load(Now now);
    [[nodiscard]] Result<Effects> start(BrokerCore& core, Now now);
    [[nodiscard]] Result<void> try_disk();
    [[nodiscard]] static std::string refusal_text(const Error& error);

    BrokerConfig config_;
    Prng prng_;
    StateStore& store_;
    std::unique_ptr<BrokerCore> core_;
    bool in_doubt_ = false;
    Instant next_try_;
};

}  // namespace mc::broker
