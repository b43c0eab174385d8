#pragma once

#include <string>

#include "base/result.hpp"
#include "io/engine_client.hpp"

namespace mc::io::test {

/// The engine for tests. Fails the test in words when there is none: scripts/test starts one.
[[nodiscard]] EngineEndpoint real_engine();

/// One call, waited for.
[[nodiscard]] Result<EngineResponse> call(const EngineEndpoint& endpoint, EngineCall what);

/// A tiny image (one static program, busybox) that is made when it is not there. Needs /bin/busybox
/// or /usr/bin/busybox to be static (Debian's busybox-static).
[[nodiscard]] std::string tiny_image();

/// A running container of tiny_image(), removed at the end.
class Container {
public:
    Container();
    ~Container();
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;
    [[nodiscard]] const std::string& id() const { return id_; }
    /// The id of a new exec of `command` (JSON array), with stdin and without a TTY.
    [[nodiscard]] std::string exec(const std::string& command) const;
    /// An engine's answer about that exec.
    [[nodiscard]] static std::string inspect_exec(const std::string& exec);

private:
    std::string id_;
};

}  // namespace mc::io::test
