#include "io/engine_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/assert.hpp"
#include "io/clock.hpp"
#include "io/engine_words.hpp"
#include "io/errno_text.hpp"

namespace mc::io {
namespace {

/// Connections kept for later calls; the worker has few calls at once.
constexpr long connections_kept_max = 8;

struct FreeCurl {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// Once per process, before any handle, and never undone: libcurl's own wish.
void init_library() {
    static const CURLcode outcome = curl_global_init(CURL_GLOBAL_DEFAULT);
    MC_ASSERT(outcome == CURLE_OK);
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
    MC_ASSERT(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

bool is_success(long status) {
    return status >= 200 && status < 300;
}

/// One request under way. Its address is libcurl's private pointer.
struct Call {
    CallId id;
    EngineCall what;
    EngineHandlers handlers;
    std::unique_ptr<CURL, FreeCurl> easy;
    std::unique_ptr<curl_slist, FreeCurl> headers;
    char curl_words[CURL_ERROR_SIZE] = {};
    EngineResponse response;
    Instant last_activity;
    bool head_told = false;
    bool paused = false;     ///< the caller's wish
    bool held_back = false;  ///< libcurl has bytes for us that we refused
    bool resuming = false;   ///< to be let go in the next turn
    bool cancelled = false;  ///< during a callback of libcurl; removed right after
    bool too_large = false;
    bool idle_over = false;
};

}  // namespace

struct EngineClient::Impl {
    Impl(Poller& p, EngineEndpoint e);
    ~Impl();

    Poller& poller;
    EngineEndpoint endpoint;
    CURLM* multi = nullptr;
    Poller::SourceId source = 0;
    std::map<CallId, std::unique_ptr<Call>> calls;
    std::vector<CallId> to_add;  ///< started inside a libcurl callback, where nothing may be added
    Instant curl_deadline = Instant::never();
    bool inside_curl = false;
    bool turn_wanted = false;  ///< something must be done in the next turn, whatever the deadlines

    // libcurl's callbacks.
    static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* known);
    static int on_timer(CURLM* multi, long timeout_ms, void* self);
    static std::size_t on_body(char* bytes, std::size_t one, std::size_t count, void* call);
    static std::size_t on_header(char* bytes, std::size_t one, std::size_t count, void* call);

    void start(CallId id, EngineCall what, EngineHandlers handlers);
    void configure(Call& call);
    void add_to_multi(Call& call);
    void cancel(CallId id);
    void resume(CallId id);

    [[nodiscard]] Instant next_deadline() const;
    void on_deadline(Instant now);
    /// Lets libcurl work on one descriptor (or its timers), then does what waited for it to come back.
    void act(curl_socket_t fd, int events);
    void after_curl();
    void reap();
    void finish(CallId id, Result<EngineResponse> result);
    [[nodiscard]] Result<EngineResponse> result_of(Call& call, CURLcode code) const;
};

EngineClient::Impl::Impl(Poller& p, EngineEndpoint e) : poller(p), endpoint(std::move(e)) {
    init_library();
    multi = curl_multi_init();
    MC_ASSERT(multi != nullptr);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections_kept_max);
    source = poller.add_deadlines([this] { return next_deadline(); }, [this](Instant now) { on_deadline(now); });
}

EngineClient::Impl::~Impl() {
    MC_ASSERT(!inside_curl);
    poller.remove_deadlines(source);
    for (auto& [id, call] : calls) curl_multi_remove_handle(multi, call->easy.get());
    calls.clear();
    curl_multi_cleanup(multi);  // takes its sockets from the poller through on_socket
}

int EngineClient::Impl::on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) {
    auto& client = *static_cast<Impl*>(self);
    if (what == CURL_POLL_REMOVE) {
        client.poller.remove_fd(fd);
        curl_multi_assign(client.multi, fd, nullptr);
        return 0;
    }
    const Interest interest{(what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0};
    if (known != nullptr) {
        client.poller.modify_fd(fd, interest);
        return 0;
    }
    client.poller.add_fd(fd, interest, [&client, fd](Readiness ready) {
        const int events = (ready.readable ? CURL_CSELECT_IN : 0) | (ready.writable ? CURL_CSELECT_OUT : 0) |
                           (ready.failed ? CURL_CSELECT_ERR : 0);
        client.act(fd, events);
    });
    curl_multi_assign(client.multi, fd, &client);  // any pointer: "known from here on"
    return 0;
}

int EngineClient::Impl::on_timer(CURLM*, long timeout_ms, void* self) {
    auto& client = *static_cast<Impl*>(self);
    client.curl_deadline = timeout_ms < 0 ? Instant::never() : read_clock().instant + milliseconds(timeout_ms);
    return 0;
}

std::size_t EngineClient::Impl::on_header(char* bytes, std::size_t one, std::size_t count, void* opaque) {
    auto& call = *static_cast<Call*>(opaque);
    const std::string_view line(bytes, one * count);
    call.last_activity = read_clock().instant;
    if (call.cancelled) return 0;
    const bool head_ends = line == "\r\n" || line == "\n";
    if (!head_ends || !call.what.streaming || call.head_told) return line.size();
    long status = 0;
    curl_easy_getinfo(call.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    if (is_success(status)) {
        call.head_told = true;
        if (call.handlers.on_head) call.handlers.on_head(static_cast<int>(status));
    }
    return call.cancelled ? 0 : line.size();
}

std::size_t EngineClient::Impl::on_body(char* bytes, std::size_t one, std::size_t count, void* opaque) {
    auto& call = *static_cast<Call*>(opaque);
    const std::string_view chunk(bytes, one * count);
    call.last_activity = read_clock().instant;
    if (call.cancelled) return 0;
    if (call.head_told) {
        if (call.paused) {
            call.held_back = true;
            return CURL_WRITEFUNC_PAUSE;  // the same bytes come again after resume
        }
        const Flow flow = call.handlers.on_chunk ? call.handlers.on_chunk(chunk) : Flow::go_on;
        if (flow == Flow::pause) call.paused = true;
        return call.cancelled ? 0 : chunk.size();
    }
    if (call.response.body.size() + chunk.size() > call.what.body_bytes_max) {
        call.too_large = true;
        return 0;
    }
    call.response.body += chunk;
    return chunk.size();
}

void EngineClient::Impl::configure(Call& call) {
    CURL* easy = call.easy.get();
    const std::string host = endpoint.is_unix() ? "localhost"
                             : endpoint.host.find(':') != std::string::npos
                                 ? "[" + endpoint.host + "]:" + std::to_string(endpoint.port)
                                 : endpoint.host + ":" + std::to_string(endpoint.port);
    const std::string url = "http://" + host + call.what.path;
    set(easy, CURLOPT_URL, url.c_str());
    if (endpoint.is_unix()) set(easy, CURLOPT_UNIX_SOCKET_PATH, endpoint.path.c_str());
    set(easy, CURLOPT_PRIVATE, &call);
    set(easy, CURLOPT_NOSIGNAL, 1L);
    // The engine's address is the one that was given: no proxy from the environment, no redirect, no .curlrc.
    set(easy, CURLOPT_PROXY, "");
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy, CURLOPT_PATH_AS_IS, 1L);
    set(easy, CURLOPT_ERRORBUFFER, static_cast<char*>(call.curl_words));
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(call.what.connect_timeout.count()));
    if (call.what.total_timeout.count() > 0) {
        set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(call.what.total_timeout.count()));
    }
    set(easy, CURLOPT_WRITEFUNCTION, &Impl::on_body);
    set(easy, CURLOPT_WRITEDATA, &call);
    set(easy, CURLOPT_HEADERFUNCTION, &Impl::on_header);
    set(easy, CURLOPT_HEADERDATA, &call);
    std::vector<std::string> headers = call.what.headers;
    headers.emplace_back("Expect:");  // or libcurl waits a second before it sends an archive
    if (call.what.method == "HEAD") {
        set(easy, CURLOPT_NOBODY, 1L);
    } else if (call.what.method != "GET") {
        // POSTFIELDS also for PUT and DELETE: the method's name is replaced, the body goes as it is. Not copied.
        set(easy, CURLOPT_POST, 1L);
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.what.body.size()));
        set(easy, CURLOPT_POSTFIELDS, call.what.body.data());
        set(easy, CURLOPT_CUSTOMREQUEST, call.what.method.c_str());
        const std::string& type = call.what.content_type;
        // Without a body the header is taken out: libcurl would call nothing a form.
        headers.push_back(call.what.body.empty() ? "Content-Type:"
                                                 : "Content-Type: " + (type.empty() ? "application/json" : type));
    }
    for (const auto& header : headers) {
        curl_slist* longer = curl_slist_append(call.headers.get(), header.c_str());
        MC_ASSERT(longer != nullptr);
        static_cast<void>(call.headers.release());
        call.headers.reset(longer);
    }
    set(easy, CURLOPT_HTTPHEADER, call.headers.get());
}

void EngineClient::Impl::start(CallId id, EngineCall what, EngineHandlers handlers) {
    MC_ASSERT(handlers.on_done != nullptr && !calls.contains(id) && what.path.starts_with("/"));
    auto call = std::make_unique<Call>();
    call->id = id;
    call->what = std::move(what);
    call->handlers = std::move(handlers);
    call->last_activity = read_clock().instant;
    call->easy.reset(curl_easy_init());
    MC_ASSERT(call->easy != nullptr);
    configure(*call);
    Call& added = *calls.emplace(id, std::move(call)).first->second;
    if (inside_curl) {
        to_add.push_back(id);
    } else {
        add_to_multi(added);
    }
}

void EngineClient::Impl::add_to_multi(Call& call) {
    // Sets libcurl's timer to "at once"; the work begins in the next turn.
    MC_ASSERT(curl_multi_add_handle(multi, call.easy.get()) == CURLM_OK);
}

void EngineClient::Impl::cancel(CallId id) {
    const auto at = calls.find(id);
    if (at == calls.end()) return;
    if (inside_curl) {
        at->second->cancelled = true;
        turn_wanted = true;
        return;
    }
    curl_multi_remove_handle(multi, at->second->easy.get());
    calls.erase(at);
}

void EngineClient::Impl::resume(CallId id) {
    const auto at = calls.find(id);
    if (at == calls.end() || !at->second->paused) return;
    // Not here: libcurl would call on_chunk from inside.
    at->second->resuming = true;
    turn_wanted = true;
}

Instant EngineClient::Impl::next_deadline() const {
    if (turn_wanted) return Instant{};
    Instant next = curl_deadline;
    for (const auto& [id, call] : calls) {
        if (call->what.idle_timeout.count() == 0 || call->paused) continue;
        next = std::min(next, call->last_activity + call->what.idle_timeout);
    }
    return next;
}

void EngineClient::Impl::on_deadline(Instant now) {
    turn_wanted = false;
    std::vector<CallId> idle;
    for (auto& [id, call] : calls) {
        if (call->resuming) {
            call->resuming = false;
            call->paused = false;
            call->last_activity = now;
            if (!std::exchange(call->held_back, false)) continue;
            inside_curl = true;
            curl_easy_pause(call->easy.get(), CURLPAUSE_CONT);
            inside_curl = false;
        } else if (call->what.idle_timeout.count() > 0 && !call->paused &&
                   call->last_activity + call->what.idle_timeout <= now) {
            idle.push_back(id);
        }
    }
    for (const CallId id : idle) {
        if (const auto at = calls.find(id); at != calls.end()) {
            const EngineCall& what = at->second->what;
            finish(id,
                   engine_too_late(endpoint, what.method + " " + what.path + " (it fell silent)", what.idle_timeout));
        }
    }
    if (curl_deadline <= now) {
        curl_deadline = Instant::never();
        act(CURL_SOCKET_TIMEOUT, 0);
    } else {
        after_curl();
    }
}

void EngineClient::Impl::act(curl_socket_t fd, int events) {
    inside_curl = true;
    int running = 0;
    curl_multi_socket_action(multi, fd, events, &running);
    inside_curl = false;
    after_curl();
}

void EngineClient::Impl::after_curl() {
    for (auto at = calls.begin(); at != calls.end();) {
        if (!at->second->cancelled) {
            ++at;
            continue;
        }
        curl_multi_remove_handle(multi, at->second->easy.get());
        at = calls.erase(at);
    }
    for (const CallId id : std::exchange(to_add, {})) {
        if (const auto at = calls.find(id); at != calls.end()) add_to_multi(*at->second);
    }
    reap();
}

void EngineClient::Impl::reap() {
    // Collected first: handlers may start calls, which changes the list that is read here.
    std::vector<std::pair<CallId, CURLcode>> ended;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        void* call = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        ended.emplace_back(static_cast<Call*>(call)->id, message->data.result);
    }
    for (const auto& [id, code] : ended) {
        const auto at = calls.find(id);
        if (at != calls.end()) finish(id, result_of(*at->second, code));
    }
}

void EngineClient::Impl::finish(CallId id, Result<EngineResponse> result) {
    auto node = calls.extract(id);
    curl_multi_remove_handle(multi, node.mapped()->easy.get());
    const auto on_done = std::move(node.mapped()->handlers.on_done);
    node.mapped().reset();
    on_done(std::move(result));
}

Result<EngineResponse> EngineClient::Impl::result_of(Call& call, CURLcode code) const {
    const std::string what = call.what.method + " " + call.what.path;
    if (call.too_large) {
        return fail(ErrorCode::too_large, "the Docker engine at " + endpoint.str() + " answered " + what +
                                              " with more than " + std::to_string(call.what.body_bytes_max) + " bytes");
    }
    CURL* easy = call.easy.get();
    if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        call.response.status = static_cast<int>(status);
        return std::move(call.response);
    }
    curl_off_t connected_us = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
    long os_error = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    std::string words = call.curl_words[0] != '\0' ? call.curl_words : curl_easy_strerror(code);
    if (connected_us == 0) {
        if (code == CURLE_OPERATION_TIMEDOUT) words = "no connection within the time allowed";
        if (code == CURLE_COULDNT_CONNECT && os_error != 0) words = errno_text(static_cast<int>(os_error));
        return engine_not_answering(endpoint, words);
    }
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return engine_too_late(endpoint, what, call.what.total_timeout);
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
            return fail(ErrorCode::engine_failed, "what answers at " + endpoint.str() + " does not speak HTTP (" +
                                                      words + "); is it a Docker engine?");
        default:
            return engine_broke(endpoint, words + " (during " + what + ")");
    }
}

EngineClient::EngineClient(Poller& poller, EngineEndpoint endpoint)
    : impl_(std::make_unique<Impl>(poller, std::move(endpoint))) {}
EngineClient::~EngineClient() = default;

void EngineClient::start(CallId id, EngineCall call, EngineHandlers handlers) {
    impl_->start(id, std::move(call), std::move(handlers));
}
void EngineClient::cancel(CallId id) {
    impl_->cancel(id);
}
void EngineClient::resume(CallId id) {
    impl_->resume(id);
}
std::size_t EngineClient::calls_under_way() const {
    return impl_->calls.size();
}
const EngineEndpoint& EngineClient::endpoint() const {
    return impl_->endpoint;
}

}  // namespace mc::io
