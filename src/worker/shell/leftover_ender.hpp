#pragma once

#include <vector>

#include "base/time.hpp"
#include "io/shims.hpp"
#include "worker/core/effects.hpp"

namespace mc::worker {

/// Ends what a killed engine has left running of containers that it knows nothing of, and removes what its containerd
/// then forgets: without that it refuses every later start of the container. Says what it does in the log.
/// docs/adr/0021.
///
/// Does nothing where the engine's processes can't be seen. Single thread.
class LeftoverEnder {
public:
    void end(Instant now, const EndLeftovers& what);
    /// Often: every second or so.
    void on_turn(Instant now);

private:
    struct Ended {
        io::Shim shim;
        Instant look_at;  ///< whether containerd has tidied up behind it
        Instant give_up_at;
    };
    std::vector<Ended> ended_;
};

}  // namespace mc::worker
