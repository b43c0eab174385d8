#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/public_key.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "io/zmq.hpp"

/// How a program gets a key of its own admitted, and where that is kept. ADR 16.
namespace mc::io {

/// One join: what is kept where, whom to ask, and the words of the protocol, which is not known here.
struct Joining {
    using Frames = std::vector<std::string>;

    /// The stored connection that comes of it; its directory is made when it is not there.
    std::filesystem::path file;
    /// Held meanwhile: one join at a time, and none under a program that uses what is stored.
    std::filesystem::path lock;
    /// A connection that is stored already is given up for the new one.
    bool replace = false;
    /// Else the refusal begins so: that there is one, and what can be done but to give it up.
    std::string occupied;

    std::string endpoint;  ///< of the broker, for clients
    CurveClient token;
    milliseconds time_max{};  ///< for the answer

    /// The request, for the public half of the new key.
    std::function<Frames(const PublicKey& own)> request;
    /// nullopt: that message is not the answer. Else the endpoint to be stored, or why there is none.
    std::function<std::optional<Result<std::string>>(Frames message)> answer;
};

/// Makes a key pair, has it admitted, and stores the connection. Waits for the broker. Repeated after any failure it
/// uses the same new key, kept beside `file` meanwhile: then it is a repeat for the broker and not a second use of the
/// token.
///
/// Returns the key that was given up, if there was one that could be read; its cloud knows it still.
/// Errors: already_exists (a connection is stored; says what to do), busy (another join, or a program that uses it),
/// not_authorised (the token is not known), broker_unreachable, io_failed, denied, and what `answer` says.
[[nodiscard]] Result<std::optional<PublicKey>> join(const Joining& joining);

/// A token as given; for "-" the first line of stdin, so that no list of processes shows it.
[[nodiscard]] Secret given_or_from_stdin(const std::string& token);

}  // namespace mc::io
