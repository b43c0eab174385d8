#include "sim/registrar.hpp"

#include "protocol/codec.hpp"

namespace mc::sim {
namespace {

using protocol::encode;
using protocol::Role;
using protocol::Verb;

/// Longer than clocks are stepped: a token that has expired admits nobody, and nothing is tried.
constexpr std::uint64_t token_ttl_seconds = 86400;

}  // namespace

Registrar::Registrar(World& world, Network& network, Checker& checker, People& people, HostId host)
    : world_(world),
      network_(network),
      checker_(checker),
      people_(people),
      dice_(world.dice("registrar")),
      host_(host),
      clock_(world, dice_.between(1s, 1000s), 0ms),
      pause_mean_(dice_.between(5s, 60s)) {}

void Registrar::begin() {
    rest();
}

void Registrar::stop() {
    stopped_ = true;
    leftover_.reset();
}

void Registrar::rest() {
    call_.reset();
    joining_.clear();
    if (!joined_) leftover_.reset();
    if (stopped_) return;
    world_.schedule.in(dice_.wait(pause_mean_), [this] {
        leftover_.reset();
        if (!stopped_) make_token();
    });
}

cli::Request Registrar::request(Verb verb, protocol::Bytes body) {
    cli::Request request;
    request.verb = verb;
    request.id = RequestId{dice_.number(), dice_.number()};
    request.body = std::move(body);
    request.timeout = dice_.between(5s, 20s);
    request.reply_timeout = request.timeout + 5s;
    return request;
}

std::unique_ptr<CallProcess> Registrar::ask(const Person& who, const PublicKey& key, cli::Request request, Then then) {
    checker_.access().asked(who, request);
    world_.say([&] {
        return "registrar asks " + std::string(protocol::name_of(request.verb)) + " " + request.id.str() + " for " +
               who.name;
    });
    return std::make_unique<CallProcess>(world_, network_, host_, clock_, key, std::move(request),
                                         [this, then = std::move(then)](const cli::RequestDriver& driver) {
                                             // The process object can't end inside its own callback.
                                             world_.schedule.in(0ms, [then, &driver] { then(driver); });
                                         });
}

void Registrar::make_token() {
    Person& person = dice_.one_in(4) ? people_.viewer() : people_.user(dice_.below(People::users));
    const PublicKey token = people_.new_key(&person, Role::joiner);
    joined_ = false;
    leftover_ = std::make_unique<Leftover>(world_, network_, checker_, people_, person, host_, dice_.number());
    protocol::TokenCreateRequest body;
    body.key = token;
    body.role = person.role;
    body.name = person.name;
    body.ttl_seconds = token_ttl_seconds;
    body.quota = person.quota;
    call_ = ask(people_.admin(), *people_.admin().key, request(Verb::token_create, encode(body)),
                [this, &person, token](const cli::RequestDriver& driver) {
                    if (!driver.reply() || driver.reply()->header.code != ErrorCode::ok) return rest();
                    call_.reset();
                    join(person, token);
                });
}

void Registrar::join(Person& person, const PublicKey& token) {
    joins_ = dice_.one_in(3) ? 2 : 1;
    if (joins_ == 2) world_.fired(Fault::token_raced);
    for (std::size_t i = joins_; i > 0; --i) {
        const PublicKey fresh = people_.new_key(&person, person.role);
        joining_.push_back(
            ask(person, token, request(Verb::join, encode(protocol::JoinRequest{fresh, person.name})),
                [this, &person, fresh](const cli::RequestDriver& driver) { on_joined(person, fresh, driver); }));
    }
}

void Registrar::on_joined(Person& person, const PublicKey& fresh, const cli::RequestDriver& driver) {
    --joins_;
    const bool admitted = driver.reply() && driver.reply()->header.code == ErrorCode::ok;
    if (admitted && !joined_) {
        joined_ = true;
        const PublicKey old = *person.key;
        person.key = fresh;
        return revoke(old);
    }
    if (joins_ == 0 && !call_) rest();
}

void Registrar::revoke(const PublicKey& old) {
    call_ = ask(people_.admin(), *people_.admin().key,
                request(Verb::revoke, encode(protocol::RevokeRequest{{old.fingerprint()}})),
                [this](const cli::RequestDriver& driver) {
                    if (driver.reply() && driver.reply()->header.code == ErrorCode::ok) {
                        world_.fired(Fault::key_replaced);
                    }
                    call_.reset();
                    if (joins_ == 0) rest();
                });
}

}  // namespace mc::sim
